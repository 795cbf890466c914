//! A store that is open.

use std::io;

use super::marker::{Marker, MarkerRecord, Phase};
use super::tables::Tables;

/// An open store: its keyspaces, its marker, the number of its last batch.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) tables: Tables,
    pub(super) marker: Marker,
    pub(super) last_batch: u64,
}

impl Opened {
    /// Notes that the store is whole, and of this layout. If that fails it stays what it was, so
    /// that who began it can begin again.
    pub(super) fn finish(&mut self, layout: u8) -> io::Result<()> {
        let before = self.marker.note().clone();
        let (phase, keyspaces) = (Phase::Whole, self.tables.folders());
        let whole = MarkerRecord { layout, phase, keyspaces, ..self.marker.note().clone() };
        let finished = self.marker.write(whole);
        // What was written and could not be flushed is read all the same, as long as the system
        // runs. A salvage that failed would count as a whole store, and be refused as a place for
        // the next one.
        if finished.is_err()
            && let Err(error) = self.marker.take_back(before)
        {
            tracing::warn!(%error, "the marker may call a store whole that is not");
        }
        finished
    }
}
