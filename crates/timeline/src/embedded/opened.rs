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
    /// Notes that the store is whole.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        let (phase, keyspaces) = (Phase::Whole, self.tables.folders());
        let note = MarkerRecord { phase, keyspaces, ..self.marker.note().clone() };
        self.marker.write(note)
    }
}
