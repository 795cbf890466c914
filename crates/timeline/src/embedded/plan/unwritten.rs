//! What a batch changes, until it is durable.

use std::collections::HashMap;

use fjall::Slice;

use super::planned_box::BoxEnds;
use super::planned_row::WrittenRows;
use crate::embedded::keys;
use crate::embedded::recent::{Audience, Recent};
use crate::embedded::records::{Extent, Row, StoredAnswer};

/// What a batch that is being written changes, as far as sends look at it.
///
/// It has all of that, and not a part of it like [`Recent`]: the tables do not say it yet.
pub(in crate::embedded) struct Unwritten {
    pub(super) ends: BoxEnds,
    pub(super) rows: WrittenRows,
    /// By the key in `sends`.
    pub(super) answers: HashMap<Slice, StoredAnswer, foldhash::fast::RandomState>,
}

impl Unwritten {
    /// Returns what the keys of the inboxes begin with that it changes.
    pub(in crate::embedded) fn concerned(&self) -> Vec<Slice> {
        self.ends.prefixes().filter(|prefix| !keys::is_history(prefix)).cloned().collect()
    }

    /// Notes what is durable now.
    pub(in crate::embedded) fn note(self, recent: &mut Recent) {
        self.ends.note(recent);
        self.rows.note(recent);
    }

    pub(super) fn extent(&self, prefix: &[u8]) -> Option<Extent> {
        self.ends.extent(prefix)
    }

    pub(super) fn left(&self, prefix: &[u8]) -> Option<Extent> {
        self.ends.left(prefix)
    }

    pub(super) fn row(&self, key: &[u8]) -> Option<Option<Row>> {
        self.rows.row(key)
    }

    pub(super) fn audience(&self, history: &[u8]) -> Option<Option<Audience>> {
        self.rows.audience(history)
    }

    pub(super) fn answer(&self, key: &[u8]) -> Option<StoredAnswer> {
        self.answers.get(key).copied()
    }
}
