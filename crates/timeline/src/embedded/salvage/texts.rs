//! Whether a salvage may bring a text back.
//!
//! A change writes a message once more, and the record from before stays in the files until the
//! engine merges them. If the newer one cannot be read, the older one is found alone, and its text
//! was taken back, deleted or replaced. It is used only if nothing tells of a change that it does
//! not have:
//!
//! - an entry of the history that was written with the change, and has the place of the message;
//! - the index of what is no message;
//! - the floor of the history, below which everything is gone;
//! - for the copies in inboxes, the entry of the history, whichever way its text was found.
//!
//! All of these are in other files or blocks than the record. Only if all of them are lost as well
//! an older text may come back: messages before a place that is lost in their history are told as
//! doubtful.

use super::super::records::{BodyKey, EncodedText, EntryReader, EntryRecord, Stored};
use super::super::{keys, records};
use super::boxes::Boxes;
use super::source::KeyspaceName;
use crate::{Conversation, Destination, Entry, EntryKind, EntryStatus, MessageId, Result, Seq, Tag};

impl Boxes<'_> {
    /// Keeps an entry, or leaves its text out; returns whether it is kept and could have been
    /// changed.
    pub(super) fn keep(&mut self, prefix: &[u8], stored: &Stored) -> Result<bool> {
        let is_message = stored.entry.kind == EntryKind::Message;
        if keys::is_history(prefix) {
            if stored.entry.status != EntryStatus::Original || stored.entry.kind == EntryKind::Tombstone {
                self.changed.insert(prefix.to_vec());
            }
            if is_message && let Some(status) = self.missed_change(prefix, stored) {
                return self.leave_out(prefix, &stored.entry, status);
            }
        } else if is_message && self.renew_copy(prefix, stored)? {
            return Ok(false);
        }
        if let Some(body) = stored.body
            && !self.has_body(prefix, body, &stored.entry)?
        {
            return Ok(false);
        }
        self.report.entries += 1;
        if !is_message && keys::is_history(prefix) {
            self.target.put_non_message(prefix, stored.entry.sequence)?;
        }
        let is_to_group = matches!(stored.entry.to, Some(Destination::Group(_)));
        Ok(is_message && (stored.copies.is_some() || is_to_group))
    }

    /// Returns whether the text is there that an entry shares; if not, the entry is buried.
    fn has_body(&mut self, prefix: &[u8], body: BodyKey, entry: &Entry) -> Result<bool> {
        // The copies that earlier layouts wrote do not tell their place. Their text goes with the
        // entry of the history, which was filled before.
        let goes_along = !keys::is_history(prefix) && entry.place == Seq::ZERO;
        if goes_along && !self.found.bodies.contains(&body) {
            self.report.entries += 1;
            return self.bury_in_place(prefix, entry, EntryStatus::Expired);
        }
        if self.target.get(KeyspaceName::Bodies, &body)?.is_none() {
            self.report.tombstones += 1;
            return self.bury_in_place(prefix, entry, EntryStatus::Lost);
        }
        self.found.bodies.insert(body);
        Ok(true)
    }

    /// Returns what became of a message of a history since its record was written, if anything
    /// tells of that.
    fn missed_change(&self, prefix: &[u8], stored: &Stored) -> Option<EntryStatus> {
        let place = stored.entry.sequence;
        // A message that was edited last has become none before, if the index says so.
        let is_none = self.found.non_messages.contains(&keys::non_message(prefix, place));
        match self.found.missed(prefix, place, stored.told_at) {
            Some(told) if told.kind == EntryKind::Recall => Some(EntryStatus::Recalled),
            Some(told) if told.kind == EntryKind::Deletion => Some(EntryStatus::Deleted),
            _ if is_none => Some(EntryStatus::Deleted),
            // The text that it was given is lost, and the one from before was replaced.
            Some(_) => Some(EntryStatus::Lost),
            None => None,
        }
    }

    /// Gives a copy in an inbox what became of its message; returns whether it was written.
    fn renew_copy(&mut self, prefix: &[u8], stored: &Stored) -> Result<bool> {
        let (entry, place) = (&stored.entry, stored.entry.place);
        let Some(history) = history_of(prefix, entry).filter(|_| place > Seq::ZERO) else { return Ok(false) };
        if self.floors.get(&history).is_some_and(|floor| *floor >= place) {
            // This is what was left to erase, and no loss.
            self.bury_in_place(prefix, entry, EntryStatus::Expired)?;
            self.report.entries += 1;
            return Ok(true);
        }
        if !self.changed.contains(&history) {
            return Ok(false);
        }
        let key = keys::entry(&history, place);
        let Some(record) = self.target.get(KeyspaceName::Entries, &key)? else { return Ok(false) };
        let Ok(now) = EntryReader::of(&history).entry(place, &record) else { return Ok(false) };
        let (kind, status) = (now.entry.kind, now.entry.status);
        let is_lost = status == EntryStatus::Lost;
        // After a restore the place may have been given to another message.
        if !is_lost && now.entry.tag != entry.tag {
            return Ok(false);
        }
        if kind == EntryKind::Tombstone && !is_lost
            || is_lost && self.found.missed(&history, place, stored.told_at).is_some()
        {
            self.leave_out(prefix, entry, status)?;
            return Ok(true);
        }
        // The history's entry may have been found as it is now, and the copy as it was before.
        if kind == EntryKind::Message && now.told_at > stored.told_at {
            self.target.put_entry(&keys::entry(prefix, entry.sequence), copy_of(&now))?;
            self.found.bodies.extend(now.body);
            self.report.entries += 1;
            return Ok(true);
        }
        Ok(false)
    }

    /// Leaves out a text that has changed since, or is gone.
    fn leave_out(&mut self, prefix: &[u8], entry: &Entry, status: EntryStatus) -> Result<bool> {
        self.report.outdated += 1;
        self.bury_in_place(prefix, entry, status)
    }

    fn bury_in_place(&mut self, prefix: &[u8], entry: &Entry, status: EntryStatus) -> Result<bool> {
        let record = records::encode_tombstone(entry, status);
        self.target.put_entry(&keys::entry(prefix, entry.sequence), record)?;
        if keys::is_history(prefix) {
            self.target.put_non_message(prefix, entry.sequence)?;
            self.changed.insert(prefix.to_vec());
        }
        Ok(false)
    }
}

/// Returns what the keys of the history begin with that a copy in the inbox `prefix` belongs to.
fn history_of(prefix: &[u8], entry: &Entry) -> Option<Vec<u8>> {
    let conversation = match (&entry.from, entry.to.as_ref()?) {
        (_, Destination::Group(group)) => Conversation::group(group.clone()),
        (Some(from), Destination::Member(to)) => Conversation::single(from.clone(), to.clone()),
        (None, Destination::Member(to)) => {
            let owner = keys::member_of_inbox(prefix).ok()?;
            if owner == *to {
                return None;
            }
            Conversation::single(owner, to.clone())
        }
    };
    Some(keys::history(&conversation))
}

/// Returns the record of the copies of a message.
fn copy_of(stored: &Stored) -> Vec<u8> {
    let entry = &stored.entry;
    records::encode(&EntryRecord {
        kind: entry.kind,
        status: entry.status,
        at_ms: entry.at_ms,
        tag: entry.tag.unwrap_or_else(|| Tag::new(0)),
        place: entry.place,
        changed: (stored.told_at > Seq::ZERO).then_some((entry.changed_at_ms, stored.told_at)),
        target: None,
        copies: None,
        from: entry.from.as_ref(),
        to: entry.to.as_ref(),
        message_id: entry.message_id.as_ref().map(MessageId::as_str),
        text: stored.body.map_or(EncodedText::Here(entry.message.as_str()), EncodedText::Body),
    })
}
