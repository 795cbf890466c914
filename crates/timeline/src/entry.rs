//! One message at its place in an inbox or a history.

use crate::{Message, Seq};

/// One message at its place in an inbox or a history.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The place, from 1, without gaps.
    pub sequence: Seq,
    /// The message, byte for byte as it was sent.
    pub message: Message,
}

impl Entry {
    /// Creates an entry.
    pub fn new(sequence: Seq, message: Message) -> Self {
        Self { sequence, message }
    }
}
