//! What a change of a message writes.
//!
//! ```text
//!  history   … [place: changed, remembers the place of ▼] … [new top: tells of the change, target = place]
//!  inboxes   … [copy: changed, if it is above the floor] … [new top: tells of the change, target = place]
//! ```

use fjall::Slice;

use super::boxes::BoxStep;
use super::telling::{NO_TEXT, telling};
use super::{Plan, keys, records};
use crate::conversation::Parties;
use crate::embedded::records::{EncodedText, EntryReader, EntryRecord, Stored};
use crate::embedded::tables::read_error;
use crate::message_change::{Change, Changed, MessageChange};
use crate::{
    Conversation, Entry, EntryKind, EntryStatus, Error, ErrorKind, MemberId, MessageId, Result, Seq, Tag,
    page,
};

/// Returns about how many bytes a change will write; to how many members is known only when it was
/// read.
pub(in crate::embedded) fn bytes_of_change(change: &MessageChange) -> usize {
    let text = match &change.change {
        Change::Edit(message) => message.as_str().len(),
        Change::Recall | Change::Delete => 0,
    };
    CHANGE_BYTES + 3 * text
}

/// As many bytes as a change of a message to a few members writes beside its text.
const CHANGE_BYTES: usize = 2 * 1024;

/// A change that can be made, with all that had to be looked up for it.
struct Prepared {
    target: Stored,
    history: BoxStep,
    /// The recipients of the message with the steps of their inboxes.
    inboxes: Vec<(MemberId, BoxStep)>,
    /// The copies that are still there: what the keys of their inboxes begin with, and where.
    copies: Vec<(Slice, Seq)>,
    at_ms: u64,
}

impl Plan<'_> {
    /// Plans a change of a message, or finds that it was done before. An error changes nothing.
    ///
    /// `refusal` is as for [`append`](Self::append).
    pub(in crate::embedded) fn change_message(
        &mut self,
        change: &MessageChange,
        refusal: Option<&Error>,
    ) -> Result<Changed> {
        let history = Slice::from(keys::history(&change.conversation));
        let target = self.target(&history, change)?;
        if let Some(done) = self.done_before(&target, &change.change)? {
            return Ok(done);
        }
        let copies = self.copies_of(&change.conversation, &history, &target)?;
        if let Some(refusal) = refusal {
            return Err(refusal.clone());
        }
        let history = self.draft.boxes.grow_history(self.before, history, &change.conversation)?;
        let (mut inboxes, mut there) = (Vec::with_capacity(copies.len()), Vec::with_capacity(copies.len()));
        for (member, sequence) in copies {
            let inbox = self.draft.boxes.grow_inbox(self.before, keys::inbox(&member).into())?;
            if self.has_copy(&inbox, sequence, &target.entry)? {
                there.push((inbox.prefix.clone(), sequence));
            }
            inboxes.push((member, inbox));
        }
        let at_ms = self.at_ms(&history);

        // From here on nothing fails.
        let told_at = history.extent.top;
        let prepared = Prepared { target, history, inboxes, copies: there, at_ms };
        self.rewrite(&change.change, &prepared);
        let Prepared { target, history, inboxes, .. } = prepared;
        let (kind, edited) = match &change.change {
            // The entry that tells of it may be one more than the history keeps.
            Change::Edit(message) => {
                (EntryKind::Edit, (change.place > history.extent.floor).then(|| message.clone()))
            }
            Change::Recall => (EntryKind::Recall, None),
            Change::Delete => (EntryKind::Deletion, None),
        };
        let (from, to) = (change.by.clone(), target.entry.to);
        let told = Entry { from, to, edited, ..telling(kind, change.place, told_at, at_ms) };
        self.tell(&change.conversation, &told, history, inboxes);
        Ok(Changed::new(told_at, at_ms))
    }

    /// Returns the message that is to be changed.
    fn target(&self, history: &[u8], change: &MessageChange) -> Result<Stored> {
        let (place, extent) = (change.place, self.draft.boxes.extent(self.before, history)?);
        let unknown = || Error::new(ErrorKind::NotFound, format!("the history has no message at {place}"));
        if place <= extent.floor || place > extent.top {
            return Err(unknown());
        }
        let Some(record) = self.draft.boxes.record(self.before, history, place)? else {
            page::check_contiguous(&[], place, place)?;
            return Err(unknown());
        };
        let target = EntryReader::of(history).entry(place, &record)?;
        let is_message = match target.entry.kind {
            EntryKind::Message => true,
            EntryKind::Tombstone => {
                matches!(target.entry.status, EntryStatus::Recalled | EntryStatus::Deleted)
            }
            EntryKind::Edit | EntryKind::Recall | EntryKind::Deletion | EntryKind::Purge => false,
        };
        if !is_message {
            return Err(unknown());
        }
        if change.by.is_some() && change.by != target.entry.from {
            let text = format!("the message at {place} was sent by somebody else, who alone may change it");
            return Err(Error::new(ErrorKind::Forbidden, text));
        }
        Ok(target)
    }

    /// Returns the answer to a change that would leave the message as it is.
    fn done_before(&self, target: &Stored, change: &Change) -> Result<Option<Changed>> {
        let entry = &target.entry;
        let is_done = match (entry.kind, change) {
            (EntryKind::Tombstone, Change::Edit(_)) => {
                let text = format!("the message at {} is gone, so it cannot be edited", entry.sequence);
                return Err(Error::new(ErrorKind::Conflict, text));
            }
            (EntryKind::Tombstone, Change::Delete) => entry.status == EntryStatus::Deleted,
            (EntryKind::Tombstone, Change::Recall) => true,
            (_, Change::Edit(message)) => self.draft.texts.of(self.before.tables, target)? == *message,
            (_, Change::Recall | Change::Delete) => false,
        };
        Ok(is_done.then(|| match target.told_at {
            Seq::ZERO => Changed::new(entry.sequence, entry.at_ms),
            told_at => Changed::new(told_at, entry.changed_at_ms),
        }))
    }

    /// Returns who has a copy of a message, and at which sequence of their inbox.
    fn copies_of(
        &self,
        conversation: &Conversation,
        history: &[u8],
        target: &Stored,
    ) -> Result<Vec<(MemberId, Seq)>> {
        let place = target.entry.sequence;
        let unknown = || {
            let text = format!(
                "the message at {place} was stored by an earlier version, which did not note where its copies \
                 are; it cannot be changed"
            );
            Error::new(ErrorKind::Conflict, text)
        };
        match conversation.parties() {
            Parties::Pair(smaller, larger) => {
                let (of_smaller, of_larger) = target.copies.ok_or_else(unknown)?;
                let mut copies = vec![(smaller.clone(), of_smaller)];
                if larger != smaller {
                    copies.push((larger.clone(), of_larger));
                }
                copies.retain(|(_, sequence)| *sequence > Seq::ZERO);
                Ok(copies)
            }
            Parties::Group(_) => self.group_copies(history, place)?.ok_or_else(unknown),
        }
    }

    /// Returns who has a copy of a message to a group, if that was noted.
    pub(super) fn group_copies(&self, history: &[u8], place: Seq) -> Result<Option<Vec<(MemberId, Seq)>>> {
        let key = keys::copies(history, place);
        let record = match self.draft.copies.get(&key) {
            Some(record) => Some(record.clone()),
            None => self.before.tables.sends.get(&key).map_err(read_error)?,
        };
        record.map(|record| records::decode_copies(&record)).transpose()
    }

    /// Returns whether an inbox still has a copy.
    fn has_copy(&self, inbox: &BoxStep, sequence: Seq, message: &Entry) -> Result<bool> {
        if sequence <= inbox.extent.floor || sequence >= inbox.extent.top {
            return Ok(false);
        }
        // A salvage may have cut the inbox, and given the sequence to another entry since; only the
        // tag tells.
        let Some(record) = self.draft.boxes.record(self.before, &inbox.prefix, sequence)? else {
            return Ok(false);
        };
        let copy = EntryReader::default().entry(sequence, &record)?.entry;
        let is_copy = copy.tag == message.tag && copy.place == message.place;
        Ok(is_copy && copy.kind == message.kind)
    }

    /// Writes what becomes of the message, in its history and in its copies.
    fn rewrite(&mut self, change: &Change, prepared: &Prepared) {
        let Prepared { target, history, inboxes, copies, at_ms } = prepared;
        let entry = &target.entry;
        let (kind, status, text) = match change {
            Change::Edit(message) => {
                (EntryKind::Message, EntryStatus::Edited, self.draft.texts.add(message, inboxes.len()))
            }
            Change::Recall => (EntryKind::Tombstone, EntryStatus::Recalled, EncodedText::Here(NO_TEXT)),
            Change::Delete => (EntryKind::Tombstone, EntryStatus::Deleted, EncodedText::Here(NO_TEXT)),
        };
        if let Some(body) = target.body {
            self.draft.texts.remove(body);
        }
        let record = EntryRecord {
            kind,
            status,
            at_ms: entry.at_ms,
            // Every message whose copies are known has one.
            tag: entry.tag.unwrap_or_else(|| Tag::new(0)),
            place: entry.sequence,
            changed: Some((*at_ms, history.extent.top)),
            target: None,
            copies: None,
            from: entry.from.as_ref(),
            to: entry.to.as_ref(),
            message_id: entry.message_id.as_ref().map(MessageId::as_str),
            text,
        };
        let copy = Slice::from(records::encode(&record));
        for (inbox, sequence) in copies {
            self.draft.boxes.rewrite(inbox, *sequence, copy.clone());
        }
        let of_history = Slice::from(records::encode(&EntryRecord { copies: target.copies, ..record }));
        self.draft.boxes.rewrite(&history.prefix, entry.sequence, of_history);
        if entry.kind == EntryKind::Message {
            // An edit counts, too: people edit to take something back that they wrote.
            self.draft.has_erased = true;
            if kind == EntryKind::Tombstone {
                self.draft.non_messages.push(keys::non_message(&history.prefix, entry.sequence));
            }
        }
    }
}
