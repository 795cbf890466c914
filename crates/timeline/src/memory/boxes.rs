//! The histories and the inboxes, with what belongs to their entries.
//!
//! This module is pure.

use std::collections::BTreeMap;

use super::entry_box::EntryBox;
use crate::{Conversation, Entry, EntryKind, EntryStatus, MemberId, Message, Seq};

/// The history of one conversation.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) entries: EntryBox,
    /// Where the copies of its messages are, by the places of these.
    pub(super) sent: BTreeMap<Seq, SentCopies>,
}

/// Where the copies of a message are.
#[derive(Debug, Clone)]
pub(super) struct SentCopies {
    /// The members who got it, and the sequences in their inboxes, freed or not.
    pub(super) copies: Vec<(MemberId, Seq)>,
    /// The place of the last entry that tells of a change; 0 if there was none.
    pub(super) told_at: Seq,
}

/// The inbox of one member.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    pub(super) entries: EntryBox,
    // The conversations of the edits that are in it: their texts are looked up when they are read.
    edits: BTreeMap<Seq, Conversation>,
}

impl History {
    /// Adds an entry at the next place, and returns it as it is there.
    pub(super) fn push(&mut self, entry: Entry) -> Entry {
        let place = self.entries.top().next();
        self.entries.push(Entry { place, ..entry })
    }

    /// Removes the entries up to `floor`, and returns them with the places of all their copies.
    pub(super) fn free(&mut self, floor: Seq) -> (Vec<Entry>, Vec<(MemberId, Seq)>) {
        let gone = self.entries.free(floor);
        let left = self.sent.split_off(&self.entries.floor().next());
        let copies = std::mem::replace(&mut self.sent, left).into_values().flat_map(|sent| sent.copies);
        (gone, copies.collect())
    }

    /// Returns what a reader gets for an entry that may tell of one of this history.
    pub(super) fn as_read(&self, entry: &Entry) -> Entry {
        Entry { edited: self.edited(entry), ..entry.clone() }
    }

    fn edited(&self, entry: &Entry) -> Option<Message> {
        let is_edit = entry.kind == EntryKind::Edit;
        let target = is_edit.then(|| self.entries.get(entry.target)).flatten();
        target.filter(|target| target.kind == EntryKind::Message).map(|target| target.message.clone())
    }
}

impl Inbox {
    /// Adds an entry at the next place, and returns it as it is there.
    pub(super) fn push(&mut self, entry: Entry, conversation: &Conversation) -> Entry {
        let entry = self.entries.push(entry);
        if entry.kind == EntryKind::Edit {
            self.edits.insert(entry.sequence, conversation.clone());
        }
        entry
    }

    /// Removes the entries up to `floor`, and returns whether the floor has risen.
    pub(super) fn free(&mut self, floor: Seq) -> bool {
        let before = self.entries.floor();
        self.entries.free(floor);
        self.edits = self.edits.split_off(&self.entries.floor().next());
        self.entries.floor() > before
    }

    /// Returns the conversation of an edit.
    pub(super) fn edit_of(&self, entry: &Entry) -> Option<&Conversation> {
        self.edits.get(&entry.sequence)
    }
}

/// Returns a message without its text, and why that is gone.
pub(super) fn tombstone(of: &Entry, status: EntryStatus) -> Entry {
    Entry { kind: EntryKind::Tombstone, status, message: nothing(), ..of.clone() }
}

/// Returns what a copy is whose message is gone from its history.
pub(super) fn expired(of: &Entry) -> Entry {
    Entry { changed_at_ms: 0, ..tombstone(of, EntryStatus::Expired) }
}

/// Returns the message of an entry that has none.
pub(super) fn nothing() -> Message {
    Message::from_stored("{}")
}
