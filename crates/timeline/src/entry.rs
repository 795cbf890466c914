//! One message at its place in an inbox or a history.

use std::fmt;

use crate::{GroupName, MemberId, Message, MessageId, Seq};

/// One message at its place in an inbox or a history, and what the store knows about it.
///
/// Readers believe these fields, never what the JSON of the message says about its sender.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The place, from 1, without gaps.
    pub sequence: Seq,
    /// The message, byte for byte as it was sent.
    pub message: Message,
    /// Who sent it. Unknown for entries of layout 1, and for group sends whose sender was not named.
    pub from: Option<MemberId>,
    /// Whom it was sent to. Unknown for entries of layout 1.
    pub to: Option<Destination>,
    /// When the store took it, in milliseconds since 1970; 0 if that is unknown.
    pub at_ms: u64,
    /// The id that its sender gave it.
    pub message_id: Option<MessageId>,
    /// What it is.
    pub kind: Kind,
    /// Bits that later versions give a meaning; 0 now.
    pub flags: u16,
    /// What tells it from another entry at the same place, after a restore. Entries of layout 1 have none.
    pub tag: Option<Tag>,
}

/// Whom a message was sent to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Destination {
    /// One member.
    Member(MemberId),
    /// A group.
    Group(GroupName),
}

/// What an entry is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A message.
    #[default]
    Message,
    /// A change of an earlier message. None is written yet.
    Edit,
    /// An earlier message taken back. None is written yet.
    Recall,
    /// A place whose entry was lost; it keeps the sequence without a gap. Its message is `{}`.
    Tombstone,
}

/// A random number that tells an entry from another one that had its place before a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tag(u64);

impl Tag {
    /// Creates a tag from its number.
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// Returns the number.
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Entry {
    /// Creates an entry of which only the place and the message are known.
    pub fn new(sequence: Seq, message: Message) -> Self {
        Self {
            sequence,
            message,
            from: None,
            to: None,
            at_ms: 0,
            message_id: None,
            kind: Kind::Message,
            flags: 0,
            tag: None,
        }
    }
}
