//! What a store in memory keeps, and what calls make of it.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::entry_box::EntryBox;
use crate::store::{Append, Appended, GroupChange};
use crate::{
    Conversation, Count, Entry, Error, ErrorKind, Group, GroupName, GroupPage, GroupSummary, HistoryPage,
    InboxPage, MemberId, MessageId, PageRequest, Position, Result, Seq, Tag,
};

/// What a store in memory keeps; another store goes on with it.
///
/// One store uses it at a time: shut it down before the next one is
/// [started](super::MemoryStore::start). Cloning shares what is kept.
#[derive(Clone, Default)]
pub struct MemoryPlace(Arc<Mutex<Locked>>);

#[derive(Default)]
pub(super) struct Locked {
    histories: HashMap<Conversation, EntryBox>,
    inboxes: HashMap<MemberId, EntryBox>,
    received: HashMap<MemberId, Seq>,
    // The digest of the first send of each message id, and the answer to it.
    answers: HashMap<(Conversation, MessageId), ([u8; 16], Seq)>,
    groups: BTreeMap<GroupName, Group>,
    // How many sends there were, and what makes of their number a tag as no other place has it.
    sends: u64,
    tags: RandomState,
}

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
    /// Writes a send, and returns its answer with the new entries of the inboxes.
    pub(super) fn append(
        &mut self,
        append: &Append,
        at_ms: u64,
    ) -> Result<(Appended, Vec<(MemberId, Entry)>)> {
        if let Some(answer) = self.repeated(append)? {
            return Ok((Appended::new(answer, Vec::new()), Vec::new()));
        }
        self.sends += 1;
        let entry = Entry {
            from: append.from.clone(),
            to: Some(append.to.clone()),
            at_ms,
            message_id: append.token.as_ref().map(|token| token.message_id.clone()),
            tag: Some(Tag::new(self.tags.hash_one(self.sends))),
            ..Entry::new(Seq::ZERO, append.message.clone())
        };
        self.histories.entry(append.conversation.clone()).or_default().push(entry.clone());
        let mut news = Vec::with_capacity(append.recipients.len());
        for member in &append.recipients {
            let entry = self.inboxes.entry(member.clone()).or_default().push(entry.clone());
            news.push((member.clone(), entry));
        }
        let answer = news.last().map_or(Seq::ZERO, |(_, entry)| entry.sequence);
        if let Some(token) = &append.token {
            let key = (append.conversation.clone(), token.message_id.clone());
            self.answers.insert(key, (token.digest, answer));
        }
        Ok((Appended::new(answer, Vec::new()), news))
    }

    /// Returns the answer to a send that was done before.
    fn repeated(&self, append: &Append) -> Result<Option<Seq>> {
        let Some(token) = &append.token else { return Ok(None) };
        let key = (append.conversation.clone(), token.message_id.clone());
        match self.answers.get(&key) {
            None => Ok(None),
            Some((digest, answer)) if token.repeats(digest) => Ok(Some(*answer)),
            Some(_) => {
                let text = format!(
                    "the message id {} was used before for another message; give each message its own id",
                    token.message_id
                );
                Err(Error::new(ErrorKind::Conflict, text))
            }
        }
    }

    /// Returns a page of an inbox.
    pub(super) fn inbox(&self, member: &MemberId, last_read: Position, count: Count) -> InboxPage {
        let empty = EntryBox::default();
        let inbox = self.inboxes.get(member).unwrap_or(&empty);
        let reset = !inbox.gave_out(last_read);
        let entries =
            if reset { Vec::new() } else { inbox.page(PageRequest::after(last_read.sequence, count)).0 };
        InboxPage { reset, floor: inbox.floor, ..InboxPage::new(inbox.top(), entries) }
    }

    pub(super) fn history(&self, conversation: &Conversation, page: PageRequest) -> HistoryPage {
        let (entries, more) =
            self.histories.get(conversation).map(|history| history.page(page)).unwrap_or_default();
        HistoryPage::new(entries, more)
    }

    /// Frees an inbox, and returns its floor and whether that has risen.
    pub(super) fn ack(&mut self, member: &MemberId, sequence: Seq) -> Result<(Seq, bool)> {
        let Some(inbox) = self.inboxes.get_mut(member) else {
            EntryBox::default().check_reaches(sequence)?;
            return Ok((Seq::ZERO, false));
        };
        let has_risen = inbox.free(sequence)?;
        Ok((inbox.floor, has_risen))
    }

    /// Raises a member's cursor.
    pub(super) fn received(&mut self, member: &MemberId, sequence: Seq) -> Result<Seq> {
        let empty = EntryBox::default();
        self.inboxes.get(member).unwrap_or(&empty).check_reaches(sequence)?;
        let received = self.received_of(member).max(sequence);
        self.received.insert(member.clone(), received);
        Ok(received)
    }

    pub(super) fn received_of(&self, member: &MemberId) -> Seq {
        self.received.get(member).copied().unwrap_or_default()
    }

    pub(super) fn change_group(
        &mut self,
        name: &GroupName,
        change: &GroupChange,
        at_ms: u64,
    ) -> Result<Group> {
        let history = self.histories.get(&Conversation::group(name.clone()));
        let has_history = || Ok(history.is_some_and(|history| !history.is_empty()));
        let group = change.apply(name, self.groups.get(name), at_ms, has_history)?;
        self.groups.insert(name.clone(), group.clone());
        Ok(group)
    }

    pub(super) fn group(&self, name: &GroupName) -> Option<Group> {
        self.groups.get(name).cloned()
    }

    /// Returns a page of the groups of a member.
    pub(super) fn groups_of(&self, member: &MemberId, after: Option<&GroupName>, count: Count) -> GroupPage {
        let begin = after.map_or(Bound::Unbounded, Bound::Excluded);
        let known = self.groups.range::<GroupName, _>((begin, Bound::Unbounded));
        let summary = |(name, group): (&GroupName, &Group)| {
            let members = u32::try_from(group.members.len()).unwrap_or(u32::MAX);
            let role = group.role_of(member)?;
            Some(GroupSummary::new(name.clone(), group.title.clone(), role, members))
        };
        // One more than fits says that there are more.
        let mut groups: Vec<_> = known.filter_map(summary).take(count.get() + 1).collect();
        let more = groups.len() > count.get();
        groups.truncate(count.get());
        GroupPage::new(groups, more)
    }
}
