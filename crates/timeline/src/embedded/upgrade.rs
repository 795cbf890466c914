//! The upgrades from layouts 1 and 2 to layout 3.
//!
//! ```text
//!  layout 1 ─► a record for each box ─► marker "layout 2, whole"
//!  layout 2 ─► a row for each member of each conversation ─► marker "layout 3, whole"
//! ```
//!
//! Each step writes the version and the place that it has come to in the batch of what it wrote, so
//! that an upgrade that is cut short goes on there. From the first step on a program of an earlier
//! layout refuses the store. The marker follows at the end: until then its layout, and its phase
//! for layout 1, tell what is left to do.

mod boxes;
mod rows;

use std::io;
use std::time::{Duration, Instant};

use fjall::PersistMode;

pub(super) use self::boxes::next_box;
use super::engine_error::EngineError;
use super::marker::{MarkerRecord, Phase};
use super::opened::Opened;
use super::records::{VERSION, VERSION_2};
use crate::{Error, ErrorKind};

/// Why an upgrade ended early.
#[derive(Debug)]
pub(super) enum UpgradeError {
    Engine(fjall::Error),
    Marker(io::Error),
    Store(Error),
}

impl UpgradeError {
    /// Says what the failure means of a new store, which a salvage or an import makes.
    pub(super) fn of_new_store(self) -> Error {
        match self {
            Self::Engine(error) => {
                let error = EngineError::new(error);
                let text = format!("the new store cannot be written or read: {error}");
                Error::with_source(ErrorKind::Unavailable, text, error)
            }
            Self::Marker(error) => {
                let text = format!("the new marker cannot be written: {error}");
                Error::with_source(ErrorKind::Unavailable, text, error)
            }
            Self::Store(error) => error,
        }
    }
}

/// How often an upgrade tells how far it has come.
const TELL: Duration = Duration::from_secs(5);

/// Returns whether the store of a marker is to be upgraded, or goes on with it.
pub(super) fn is_due(note: &MarkerRecord) -> bool {
    note.phase == Phase::Upgrading || note.layout < VERSION
}

/// Upgrades a store, or goes on with an upgrade. Blocks.
pub(super) fn run(opened: &mut Opened) -> Result<(), UpgradeError> {
    let from = if opened.marker.note().phase == Phase::Upgrading { 1 } else { VERSION_2 };
    tracing::info!("the store is being upgraded from layout {from} to layout {VERSION}");
    if from == 1 {
        let boxes = repeat(opened, "boxes", boxes::step)?;
        opened.finish(VERSION_2).map_err(UpgradeError::Marker)?;
        tracing::info!(boxes, "the store has a record for each inbox and history");
    }
    let rows = add_rows(opened)?;
    opened.finish(VERSION).map_err(UpgradeError::Marker)?;
    tracing::info!(rows, "the store is upgraded; a program of layout {from} cannot open it any more");
    Ok(())
}

/// Gives members the rows that are not there, and returns how many. Blocks.
pub(super) fn add_rows(opened: &mut Opened) -> Result<usize, UpgradeError> {
    repeat(opened, "rows", rows::step)
}

/// Takes steps until none is left, and returns how many records they wrote.
fn repeat(
    opened: &mut Opened,
    records: &str,
    step: fn(&mut Opened) -> Result<Option<usize>, UpgradeError>,
) -> Result<usize, UpgradeError> {
    let (mut written, mut told) = (0, Instant::now());
    while let Some(more) = step(opened)? {
        written += more;
        if told.elapsed() >= TELL {
            told = Instant::now();
            tracing::info!(written, "the upgrade of the store goes on; it has written so many {records}");
        }
    }
    Ok(written)
}

impl Opened {
    /// Commits the next batch.
    pub(super) fn commit(&mut self, batch: fjall::OwnedWriteBatch) -> Result<(), UpgradeError> {
        // As in the writer, the marker follows the batch that it counts.
        batch.durability(Some(PersistMode::SyncData)).commit().map_err(UpgradeError::Engine)?;
        self.last_batch += 1;
        self.marker.committed(self.last_batch).map_err(UpgradeError::Marker)
    }
}

#[cfg(test)]
mod tests;
