//! What a log consists of.

/// One event, as a [`Log`](super::Log) keeps it.
pub trait Logged {
    /// Returns about how many bytes it takes, with what it alone keeps alive.
    fn bytes(&self) -> usize;
}

/// The bytes that an event about an id may take on average.
///
/// An id may have 190 of them.
pub const ID_EVENT_BYTES: usize = 256;

/// The bytes that an event of a room may take on average.
///
/// Room, id and what is shown may have 350 of them together.
pub const ROOM_EVENT_BYTES: usize = 512;
