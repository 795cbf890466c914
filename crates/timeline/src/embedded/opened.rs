//! A store that is open.

use super::marker::Marker;
use super::tables::Tables;

/// An open store: its keyspaces, its marker, the number of its last batch.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) tables: Tables,
    pub(super) marker: Marker,
    pub(super) last_batch: u64,
}
