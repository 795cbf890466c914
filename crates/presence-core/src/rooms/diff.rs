//! How a room changed.

use super::member::Member;
use crate::name::Id;
use crate::position::Position;

/// How a room changed since the diff before.
///
/// Each id is in at most one of the lists. Who joined and left within one batch is in none, and a
/// batch in which nothing is left to tell is not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Diff {
    /// The members that were not there before.
    pub joined: Vec<Member>,
    /// The members that show something else, or were gone in between.
    pub updated: Vec<Member>,
    /// The ids that are not members any longer.
    pub left: Vec<Id>,
    /// How many members the room has after it.
    ///
    /// If a snapshot comes in several diffs, it is the number after the last of them.
    pub count: u64,
    /// Where a stream goes on after it; `None` while more of the snapshot is to come.
    pub position: Option<Position>,
}
