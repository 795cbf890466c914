//! A row as a batch leaves it.

use std::collections::HashMap;

use fjall::Slice;

use crate::embedded::recent::{Audience, Recent};
use crate::embedded::records::Row;

/// A row, and whether the batch changes it.
#[derive(Clone, Copy)]
pub(super) struct PlannedRow {
    pub(super) row: Option<Row>,
    pub(super) is_changed: bool,
}

/// What of the rows is remembered once the batch is durable.
pub(super) struct WrittenRows {
    pub(super) rows: HashMap<Slice, PlannedRow, foldhash::fast::RandomState>,
    pub(super) audiences: HashMap<Slice, Option<Audience>, foldhash::fast::RandomState>,
}

impl WrittenRows {
    /// Returns a row that the batch has looked at; the inner `None` says that there is none.
    pub(super) fn row(&self, key: &[u8]) -> Option<Option<Row>> {
        self.rows.get(key).map(|planned| planned.row)
    }

    /// Returns the audience of a history that the batch has looked at; the inner `None` says that
    /// it is not known.
    pub(super) fn audience(&self, history: &[u8]) -> Option<Option<Audience>> {
        self.audiences.get(history).copied()
    }

    /// Notes what is durable now.
    pub(super) fn note(self, recent: &mut Recent) {
        for (key, planned) in self.rows {
            recent.note_row(key, planned.row);
        }
        for (history, audience) in self.audiences {
            recent.note_audience(history, audience);
        }
    }
}
