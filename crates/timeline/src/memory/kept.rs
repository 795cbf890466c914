//! What a store in memory keeps, and what calls make of it.

mod changes;
#[cfg(feature = "contract")]
mod closing;
mod groups;
mod retaining;
mod views;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::boxes::{History, Inbox, SentCopies};
use super::entry_box::EntryBox;
use super::rows::Rows;
use crate::conversation::peer_of;
use crate::store::{Append, Appended};
use crate::{
    Conversation, Count, Destination, Entry, EntryKind, Error, ErrorKind, Group, GroupName, HistoryPage,
    InboxPage, MemberId, MessageId, PageRequest, Position, ReadCursor, Result, Retention, Seq, Tag,
};

/// What a store in memory keeps; another store goes on with it.
///
/// One store uses it at a time: shut it down before the next one is
/// [started](super::MemoryStore::start). Cloning shares what is kept.
#[derive(Clone, Default)]
pub struct MemoryPlace(Arc<Mutex<Locked>>);

#[derive(Default)]
pub(super) struct Locked {
    histories: HashMap<Conversation, History>,
    inboxes: HashMap<MemberId, Inbox>,
    received: HashMap<MemberId, Seq>,
    rows: Rows,
    answers: HashMap<(Conversation, MessageId), Answer>,
    groups: BTreeMap<GroupName, Group>,
    retention: Retention,
    // How many entries there were, and what makes of their number a tag as no other place has it.
    tags_made: u64,
    tags: RandomState,
}

/// What the first send of a message id was, and the answer to it.
struct Answer {
    digest: [u8; 16],
    sequence: Seq,
    place: Seq,
}

/// What a send has written.
pub(super) struct Sent {
    pub(super) appended: Appended,
    pub(super) news: News,
    /// How far the sender has read, if no copy tells them.
    pub(super) cursor: Option<ReadCursor>,
}

/// The new entries of inboxes, in their order.
pub(super) type News = Vec<(MemberId, Entry)>;

impl MemoryPlace {
    pub(super) fn lock(&self) -> MutexGuard<'_, Locked> {
        // A call that panics has changed nothing yet, or is a fault of this module.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for MemoryPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryPlace").finish_non_exhaustive()
    }
}

impl Locked {
    /// Writes a send, and returns its answer with what is to be told.
    pub(super) fn append(&mut self, append: &Append, now_ms: u64) -> Result<Sent> {
        if let Some(answer) = self.repeated(append)? {
            let appended = Appended::new(answer.sequence, answer.place, Vec::new());
            return Ok(Sent { appended, news: Vec::new(), cursor: None });
        }
        let entry = Entry {
            from: append.from.clone(),
            to: Some(append.to.clone()),
            at_ms: self.time_of_entry(&append.conversation, now_ms),
            message_id: append.token.as_ref().map(|token| token.message_id.clone()),
            ..Entry::new(Seq::ZERO, append.message.clone())
        };
        self.enter_rows(append, entry.at_ms);
        let (entry, news) = self.write(&append.conversation, entry, &append.recipients);
        let place = entry.sequence;
        if let Some(history) = self.histories.get_mut(&append.conversation) {
            let copies = news.iter().map(|(member, copy)| (member.clone(), copy.sequence)).collect();
            history.sent.insert(place, SentCopies { copies, told_at: Seq::ZERO });
        }
        if let Some(from) = &append.from
            && let Some(row) = self.rows.get_mut(from, &append.conversation)
        {
            row.read = row.read.max(place);
        }
        let sequence = news.last().map_or(Seq::ZERO, |(_, entry)| entry.sequence);
        if let Some(token) = &append.token {
            let key = (append.conversation.clone(), token.message_id.clone());
            self.answers.insert(key, Answer { digest: token.digest, sequence, place });
        }
        let silent = append.from.as_ref().filter(|from| !append.recipients.contains(from));
        let cursor = silent.map(|from| ReadCursor::new(from.clone(), append.conversation.clone(), place));
        Ok(Sent { appended: Appended::new(sequence, place, Vec::new()), news, cursor })
    }

    /// Returns the answer to a send that was done before.
    fn repeated(&self, append: &Append) -> Result<Option<&Answer>> {
        let Some(token) = &append.token else { return Ok(None) };
        let key = (append.conversation.clone(), token.message_id.clone());
        match self.answers.get(&key) {
            None => Ok(None),
            Some(answer) if token.repeats(&answer.digest) => Ok(Some(answer)),
            Some(_) => {
                let text = format!(
                    "the message id {} was used before for another message; give each message its own id",
                    token.message_id
                );
                Err(Error::new(ErrorKind::Conflict, text))
            }
        }
    }

    /// Notes that the recipients of a send are in its conversation, and the sender if it is a pair.
    ///
    /// Who only sends to a group is noted as one who has left it, so that what they sent is found.
    fn enter_rows(&mut self, append: &Append, at_ms: u64) {
        let conversation = &append.conversation;
        let joined = self.histories.get(conversation).map_or(Seq::ZERO, |history| history.entries.top());
        let is_pair = matches!(append.to, Destination::Member(_));
        for member in append.from.iter().filter(|_| is_pair).chain(&append.recipients) {
            // Whoever has left the group and is sent to is in it again, and begins there.
            self.rows.join(member, conversation, joined, at_ms);
        }
        if let Some(from) = &append.from
            && self.rows.get(from, conversation).is_none()
        {
            self.rows.enter(from, conversation, joined, at_ms).has_left = true;
        }
    }

    /// Returns the time of an entry of a history and of its copies: now, but not before what the
    /// history has.
    fn time_of_entry(&self, conversation: &Conversation, now_ms: u64) -> u64 {
        self.histories.get(conversation).map_or(0, |history| history.entries.last_ms()).max(now_ms)
    }

    /// Writes an entry into a history and the inboxes of members, with a tag of its own, and
    /// returns it as it is there.
    fn write(&mut self, conversation: &Conversation, entry: Entry, members: &[MemberId]) -> (Entry, News) {
        self.tags_made += 1;
        let entry = Entry { tag: Some(Tag::new(self.tags.hash_one(self.tags_made))), ..entry };
        let entry = self.histories.entry(conversation.clone()).or_default().push(entry);
        let mut news = Vec::with_capacity(members.len());
        for member in members {
            let mut copy = entry.clone();
            // What nobody sent would not say in the inbox of a pair which conversation it is about.
            if copy.kind != EntryKind::Message
                && copy.from.is_none()
                && let Some(peer) = peer_of(conversation, member)
            {
                copy.to = Some(Destination::Member(peer.clone()));
            }
            let copy = self.inboxes.entry(member.clone()).or_default().push(copy, conversation);
            news.push((member.clone(), copy));
        }
        self.keep_numbers(conversation, members);
        (entry, news)
    }

    /// Returns a page of an inbox.
    pub(super) fn inbox(&self, member: &MemberId, last_read: Position, count: Count) -> InboxPage {
        let empty = Inbox::default();
        let inbox = self.inboxes.get(member).unwrap_or(&empty);
        let reset = !inbox.entries.gave_out(last_read);
        let read = |entry: &Entry| {
            let history = inbox.edit_of(entry).and_then(|conversation| self.histories.get(conversation));
            history.map_or_else(|| entry.clone(), |history| history.as_read(entry))
        };
        let request = PageRequest::after(last_read.sequence, count);
        let entries = if reset { Vec::new() } else { inbox.entries.page(request, read).0 };
        InboxPage { reset, floor: inbox.entries.floor(), ..InboxPage::new(inbox.entries.top(), entries) }
    }

    /// Returns a page of a history.
    pub(super) fn history(&self, conversation: &Conversation, page: PageRequest) -> HistoryPage {
        let Some(history) = self.histories.get(conversation) else { return HistoryPage::default() };
        let (entries, more) = history.entries.page(page, |entry| history.as_read(entry));
        HistoryPage::new(entries, more, history.entries.floor())
    }

    /// Frees an inbox, and returns its floor and whether that has risen.
    pub(super) fn ack(&mut self, member: &MemberId, sequence: Seq) -> Result<(Seq, bool)> {
        self.check_inbox_reaches(member, sequence)?;
        let Some(inbox) = self.inboxes.get_mut(member) else { return Ok((Seq::ZERO, false)) };
        let has_risen = inbox.free(sequence);
        Ok((inbox.entries.floor(), has_risen))
    }

    /// Raises a member's cursor.
    pub(super) fn received(&mut self, member: &MemberId, sequence: Seq) -> Result<Seq> {
        self.check_inbox_reaches(member, sequence)?;
        let received = self.received_of(member).max(sequence);
        self.received.insert(member.clone(), received);
        Ok(received)
    }

    pub(super) fn received_of(&self, member: &MemberId) -> Seq {
        self.received.get(member).copied().unwrap_or_default()
    }

    /// Removes what is kept for a member alone, and returns whether the floor of the inbox has
    /// risen.
    pub(super) fn forget(&mut self, member: &MemberId) -> bool {
        self.received.remove(member);
        self.rows.remove(member);
        let Some(inbox) = self.inboxes.get_mut(member) else { return false };
        inbox.free(inbox.entries.top())
    }

    fn check_inbox_reaches(&self, member: &MemberId, sequence: Seq) -> Result<()> {
        let empty = EntryBox::default();
        let entries = self.inboxes.get(member).map_or(&empty, |inbox| &inbox.entries);
        entries.check_reaches(sequence, "inbox")
    }
}

#[cfg(test)]
mod tests;
