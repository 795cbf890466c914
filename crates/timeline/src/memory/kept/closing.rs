//! Places that hold tombstones alone, as repairs leave them.

use std::hash::BuildHasher;

use super::super::boxes::nothing;
use super::{Locked, MemoryPlace};
use crate::{Conversation, Entry, EntryKind, EntryStatus, MemberId, Seq, Tag};

impl MemoryPlace {
    /// Closes the next place of a history with a tombstone that no message was at.
    ///
    /// Stores do so in a repair: one of many nodes where another node died
    /// ([`Unused`](EntryStatus::Unused)), and one of a directory where a file was damaged
    /// ([`Lost`](EntryStatus::Lost)). For tests of what readers make of it; nobody is told.
    pub fn close_history_place(&self, conversation: &Conversation, status: EntryStatus) {
        let mut kept = self.lock();
        let tombstone = kept.tombstone(status);
        let history = kept.histories.entry(conversation.clone()).or_default();
        let at_ms = history.entries.last_ms();
        history.push(Entry { at_ms, ..tombstone });
    }

    /// Closes the next place of an inbox in the same way.
    pub fn close_inbox_place(&self, member: &MemberId, status: EntryStatus) {
        let mut kept = self.lock();
        let tombstone = kept.tombstone(status);
        let inbox = kept.inboxes.entry(member.clone()).or_default();
        let at_ms = inbox.entries.last_ms();
        // It is a copy of nothing, so it has no place.
        inbox.entries.push(Entry { at_ms, ..tombstone });
    }
}

impl Locked {
    fn tombstone(&mut self, status: EntryStatus) -> Entry {
        self.tags_made += 1;
        let tag = Some(Tag::new(self.tags.hash_one(self.tags_made)));
        Entry { kind: EntryKind::Tombstone, status, tag, ..Entry::new(Seq::ZERO, nothing()) }
    }
}
