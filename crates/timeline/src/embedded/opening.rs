//! How a directory becomes an open store.
//!
//! It is looked through, made or upgraded if need be, and compared with its marker.
//!
//! ```text
//!  nothing ─────► marker "making" ─► keyspaces ─► version, identity ─► marker "whole"
//!  a salvage ───► marker "salvaging" ─► the same ─► what was read ─► marker "whole"
//!  layout 1 ────► marker "upgrading" ─► version, identity, a record for each box ─► marker "layout 2"
//!  layout 2 ────► compared with its marker ─► version, rows ─► marker "layout 3"
//!  layout 3 ────► compared with its marker
//! ```
//!
//! Cut short anywhere, the next opening goes on; a salvage is begun anew.

use std::sync::Arc;

use fjall::PersistMode;

use super::clock;
use super::directory::Directory;
use super::inspect::{Found, Inspection, inspect, refused};
use super::marker::{Marker, MarkerRecord, Phase};
use super::opened::Opened;
use super::records::{VERSION, VERSION_2};
use super::tables::{Tables, read_error};
use super::{Config, keys, records, upgrade};
use crate::Result;

/// What is wrong with a directory that had a store and has none.
pub(super) const GONE: &str = "the store that was there is missing";

/// Opens the store of a directory, or makes it. Blocks.
pub(super) fn open(config: &Config, directory: &Arc<Directory>) -> Result<Opened> {
    let inspection = inspect(directory.path())?;
    // Not before the inspection: a directory that is refused stays as it is.
    directory.clear_announcement()?;
    for torn in &inspection.torn {
        tracing::warn!(
            journal = %torn.path.display(),
            bytes = torn.bytes,
            "a write was cut short before it was acknowledged; its bytes are removed"
        );
    }
    match inspection.found {
        Found::Store => {
            let mut opened = open_existing(config, directory, inspection)?;
            if upgrade::is_due(opened.marker.note()) {
                upgrade::run(&mut opened).map_err(|error| match error {
                    upgrade::UpgradeError::Engine(error) => read_error(error),
                    upgrade::UpgradeError::Marker(error) => directory.unwritable(error),
                    upgrade::UpgradeError::Store(error) => error,
                })?;
            }
            Ok(opened)
        }
        Found::Nothing | Found::Unfinished if config.must_exist => Err(refused(directory.path(), GONE)),
        Found::Nothing | Found::Unfinished => make(config, directory, fastrand::u128(..), clock::unix_ms()),
    }
}

/// Makes a store where none is.
fn make(config: &Config, directory: &Arc<Directory>, id: u128, generation: u64) -> Result<Opened> {
    let mut opened = begin(config, directory, Phase::Making, id, generation)?;
    opened.finish(VERSION).map_err(|error| directory.unwritable(error))?;
    Ok(opened)
}

/// Makes a store where none is, which counts as one in this phase until it is
/// [finished](Opened::finish).
pub(super) fn begin(
    config: &Config,
    directory: &Arc<Directory>,
    phase: Phase,
    id: u128,
    generation: u64,
) -> Result<Opened> {
    // The order matters. The marker comes before the keyspaces, and says `making` or `salvaging`
    // until all is there: what a crash leaves of them is never taken for a store that lost its
    // messages, nor for a whole one.
    directory.clear_unfinished()?;
    let note = MarkerRecord { id, generation, layout: VERSION, phase, batch: 0, keyspaces: Vec::new() };
    let marker = open_marker(directory, note)?;
    let mut tables = Tables::open(config, directory)?;
    // This batch gets no number, as no sender was told of it.
    // The version and the identity are flushed together, before the marker may say `whole`: a start
    // compares both, and refuses a whole store without them.
    let mut batch = tables.database.batch().durability(Some(PersistMode::SyncAll));
    batch.insert(&tables.state, keys::FORMAT, [VERSION]);
    batch.insert(&tables.state, keys::IDENTITY, records::encode_identity(id, generation));
    batch.commit().map_err(|error| directory.open_error(error))?;
    directory.close_to_others()?;
    tables.generation = generation;
    Ok(Opened { tables, marker, last_batch: 0 })
}

fn open_existing(config: &Config, directory: &Arc<Directory>, inspection: Inspection) -> Result<Opened> {
    let Inspection { note, last_batch, .. } = inspection;
    let mut tables = Tables::open(config, directory)?;
    directory.close_to_others()?;
    let upgrading = || MarkerRecord {
        id: fastrand::u128(..),
        generation: clock::unix_ms(),
        // It is one of layout 2 first, as one that a program of layout 2 has begun to upgrade.
        layout: VERSION_2,
        phase: Phase::Upgrading,
        batch: 0,
        keyspaces: tables.folders(),
    };
    // Layout 1 had no marker.
    let note = note.unwrap_or_else(upgrading);
    tables.generation = note.generation;
    let marker = open_marker(directory, MarkerRecord { keyspaces: tables.folders(), ..note })?;
    Ok(Opened { tables, marker, last_batch })
}

/// Opens a store that is there as it is.
#[cfg(test)]
pub(super) fn open_unupgraded(config: &Config, directory: &Arc<Directory>) -> Result<Opened> {
    open_existing(config, directory, inspect(directory.path())?)
}

fn open_marker(directory: &Directory, note: MarkerRecord) -> Result<Marker> {
    Marker::open(directory.path(), note).map_err(|error| directory.unwritable(error))
}
