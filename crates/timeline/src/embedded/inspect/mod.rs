//! What a directory holds, found out before the engine opens it.
//!
//! Nothing is changed by that.

pub(super) mod access;
pub(super) mod files;
pub(super) mod journal;
mod numbers;
mod persisted;
pub(super) mod tree;
mod verdict;

pub(super) use self::verdict::{Found, Inspection, inspect, not_opened, refused};
