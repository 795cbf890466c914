//! How messages change, and histories are purged.

use std::collections::HashSet;

use super::super::boxes::{SentCopies, nothing, tombstone};
use super::{Locked, News};
use crate::{
    Change, Changed, Conversation, Destination, Entry, EntryKind, EntryStatus, Error, ErrorKind, MemberId,
    MessageChange, Parties, Result, Seq,
};

impl Locked {
    /// Changes a message, and returns its answer with the new entries of the inboxes.
    pub(in crate::memory) fn change_message(
        &mut self,
        change: &MessageChange,
        now_ms: u64,
    ) -> Result<(Changed, News)> {
        let MessageChange { conversation, place, by, change } = change;
        let (target, sent) = self.target(conversation, *place)?;
        if by.is_some() && *by != target.from {
            let text = format!("the message at {place} was sent by somebody else, who alone may change it");
            return Err(Error::new(ErrorKind::Forbidden, text));
        }
        if matches!(change, Change::Edit(_)) && target.kind == EntryKind::Tombstone {
            let text = format!("the message at {place} was taken back or deleted, and has no text any more");
            return Err(Error::new(ErrorKind::Conflict, text));
        }
        if is_done(&target, change) {
            let was_changed = sent.told_at > Seq::ZERO;
            let answer = if was_changed {
                Changed::new(sent.told_at, target.changed_at_ms)
            } else {
                Changed::new(target.sequence, target.at_ms)
            };
            return Ok((answer, Vec::new()));
        }
        let members: Vec<_> = sent.copies.iter().map(|(member, _)| member.clone()).collect();
        let at_ms = self.time_of_entry(conversation, now_ms);
        self.rewrite(conversation, *place, |entry| *entry = changed(entry, change, at_ms));
        let told = Entry {
            kind: kind_of(change),
            target: *place,
            from: by.clone(),
            to: target.to,
            at_ms,
            ..Entry::new(Seq::ZERO, nothing())
        };
        let (told, mut news) = self.write(conversation, told, &members);
        if let Some(history) = self.histories.get_mut(conversation) {
            if let Some(sent) = history.sent.get_mut(place) {
                sent.told_at = told.sequence;
            }
            for (_, entry) in &mut news {
                *entry = history.as_read(entry);
            }
        }
        Ok((Changed::new(told.sequence, at_ms), news))
    }

    /// Returns a message that can be changed, and where its copies are.
    fn target(&self, conversation: &Conversation, place: Seq) -> Result<(Entry, SentCopies)> {
        let found = self.histories.get(conversation).and_then(|history| {
            // What is no message was not sent, and has no copies.
            Some((history.entries.get(place)?.clone(), history.sent.get(&place)?.clone()))
        });
        found.ok_or_else(|| {
            let text = format!("there is no message at {place} of the conversation, or not any more");
            Error::new(ErrorKind::NotFound, text)
        })
    }

    /// Changes an entry of a history, and its copies as far as they are left.
    fn rewrite(&mut self, conversation: &Conversation, place: Seq, change: impl Fn(&mut Entry)) {
        let Some(history) = self.histories.get_mut(conversation) else { return };
        if let Some(entry) = history.entries.get_mut(place) {
            change(entry);
        }
        for (member, sequence) in history.sent.get(&place).into_iter().flat_map(|sent| &sent.copies) {
            let inbox = self.inboxes.get_mut(member);
            if let Some(copy) = inbox.and_then(|inbox| inbox.entries.get_mut(*sequence)) {
                change(copy);
            }
        }
    }

    /// Deletes all entries of a history, and returns the place of the purge with the new entries of
    /// the inboxes.
    pub(in crate::memory) fn purge(&mut self, conversation: &Conversation, now_ms: u64) -> (Seq, News) {
        let Some(history) = self.histories.get(conversation) else { return (Seq::ZERO, Vec::new()) };
        let top = history.entries.top();
        // A purge is all that a purge leaves, and retention may have removed that, too.
        if history.entries.after(Seq::ZERO).all(|entry| entry.kind == EntryKind::Purge) {
            return (top, Vec::new());
        }
        let members = self.purged_members(conversation);
        let at_ms = self.time_of_entry(conversation, now_ms);
        self.free_history(conversation, top);
        let to = match conversation.parties() {
            Parties::Pair(_, other) => Destination::Member(other.clone()),
            Parties::Group(group) => Destination::Group(group.clone()),
        };
        let purge = Entry {
            kind: EntryKind::Purge,
            target: top,
            to: Some(to),
            at_ms,
            ..Entry::new(Seq::ZERO, nothing())
        };
        let (purge, news) = self.write(conversation, purge, &members);
        (purge.sequence, news)
    }

    /// Returns who has the conversation in their list.
    fn purged_members(&self, conversation: &Conversation) -> Vec<MemberId> {
        let mut members = match conversation.parties() {
            Parties::Pair(one, other) => vec![one.clone(), other.clone()],
            Parties::Group(name) => {
                let known = self.groups.get(name).into_iter().flat_map(|group| &group.members);
                known.map(|known| known.member.clone()).collect()
            }
        };
        let last = self.histories.get(conversation).and_then(|history| history.sent.last_key_value());
        members.extend(last.into_iter().flat_map(|(_, sent)| &sent.copies).map(|(member, _)| member.clone()));
        let mut seen = HashSet::new();
        members.retain(|member| seen.insert(member.clone()));
        members
    }
}

/// Returns whether a change would leave the message as it is.
fn is_done(target: &Entry, change: &Change) -> bool {
    let is_gone = target.kind == EntryKind::Tombstone;
    match change {
        Change::Edit(message) => target.message == *message,
        Change::Recall => is_gone,
        Change::Delete => is_gone && target.status != EntryStatus::Recalled,
    }
}

/// Returns what a change makes of a message.
fn changed(entry: &Entry, change: &Change, changed_at_ms: u64) -> Entry {
    let entry = match change {
        Change::Edit(message) => {
            Entry { message: message.clone(), status: EntryStatus::Edited, ..entry.clone() }
        }
        Change::Recall => tombstone(entry, EntryStatus::Recalled),
        Change::Delete => tombstone(entry, EntryStatus::Deleted),
    };
    Entry { changed_at_ms, ..entry }
}

fn kind_of(change: &Change) -> EntryKind {
    match change {
        Change::Edit(_) => EntryKind::Edit,
        Change::Recall => EntryKind::Recall,
        Change::Delete => EntryKind::Deletion,
    }
}
