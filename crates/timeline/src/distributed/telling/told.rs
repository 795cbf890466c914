//! What has become of a step: what the observer is to hear now.

use crate::{Entry, MemberId, Seq};

/// What the observer is to hear now, in this order, and what has to be read before more.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) entries: Vec<(MemberId, Entry)>,
    /// How many entries nobody can tell any more.
    pub(super) missed: u64,
    /// Inboxes with entries that have to be read from the store, and up to where.
    pub(super) behind: Vec<(MemberId, Seq)>,
}
