//! What is wanted of a box, and what is given.

use crate::Seq;
use crate::distributed::box_id::BoxId;

/// How many sequences of which box are wanted.
#[derive(Debug, Clone, Copy)]
pub(in crate::distributed) struct Want<'a> {
    pub(in crate::distributed) boxed: &'a BoxId,
    /// At least 1.
    pub(in crate::distributed) count: u64,
}

/// Sequences of one box that are nobody else's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::distributed) struct Reserved {
    /// The first of as many as were wanted.
    pub(in crate::distributed) first: Seq,
    /// The time to write into the entries of a history, in milliseconds since 1970.
    ///
    /// It is now, or the time of the last entry if that is later.
    pub(in crate::distributed) at_ms: u64,
    /// The floor of the box as it was last read.
    pub(in crate::distributed) floor_hint: Seq,
}
