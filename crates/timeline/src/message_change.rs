//! How a message that was stored is changed.

use crate::{Conversation, MemberId, Message, Seq};

/// A change of a message: it gets a new text, or loses its text.
///
/// A store writes an entry that tells the change into the history and into each inbox that has a
/// copy of the message, and changes the message itself wherever it lies.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MessageChange {
    /// The history of the message.
    pub conversation: Conversation,
    /// The place of the message in that history: [`Entry::place`](crate::Entry::place).
    pub place: Seq,
    /// Who changes it; `None` for the program itself.
    ///
    /// A member changes messages that they have sent.
    pub by: Option<MemberId>,
    /// What becomes of it.
    pub change: Change,
}

/// What becomes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change {
    /// It gets a new text.
    Edit(Message),
    /// Its sender takes it back.
    ///
    /// The text is gone, and readers see that it was taken back.
    Recall,
    /// It is deleted.
    ///
    /// The text is gone, and readers see that it was deleted.
    Delete,
}

/// What became of a [`MessageChange`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changed {
    /// The place of the entry that tells the change, in the history of the message.
    pub place: Seq,
    /// When the store took the change, in milliseconds since 1970.
    pub at_ms: u64,
}

impl MessageChange {
    /// Creates a change by a member, or by the program itself.
    #[must_use]
    pub fn new(conversation: Conversation, place: Seq, by: Option<MemberId>, change: Change) -> Self {
        Self { conversation, place, by, change }
    }
}

impl Changed {
    /// Creates an answer.
    #[must_use]
    pub fn new(place: Seq, at_ms: u64) -> Self {
        Self { place, at_ms }
    }
}
