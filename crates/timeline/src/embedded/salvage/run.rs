//! Reads a damaged directory into a new one.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::super::directory::Directory;
use super::super::marker::{Marker, MarkerRecord};
use super::super::{Config, clock, opening, records};
use super::boxes;
use super::report::Salvaged;
use super::source::KeyspaceName;
use super::target::SalvageTarget;
use crate::{Error, ErrorKind, Result};

/// Reads what can be read of the store in `from` into a new one in `to`.
///
/// Returns what was lost. This blocks. `from` stays as it is; it may be of layout 1 or 2, and any
/// part of it may be missing or damaged. Every entry keeps its place: where one is lost in a box
/// there is a [tombstone](crate::EntryKind::Tombstone), and a box that lost its beginning starts
/// later ([`InboxPage::floor`](crate::InboxPage::floor)). The new store has another generation. The
/// last state of every box and cursor is held in memory: about 200 bytes for each.
///
/// # Errors
///
/// [`Config`](crate::ErrorKind::Config) when `from` is in use, when `to` is not empty or cannot be
/// written to. What was written to `to` by then is not opened by anybody: remove it.
pub fn salvage(from: &Path, to: &Path) -> Result<Salvaged> {
    let problem = |path: &Path, problem: &str| {
        Error::new(ErrorKind::Config, format!("the data directory {} {problem}", path.display()))
    };
    if !from.is_dir() {
        return Err(problem(from, "is missing"));
    }
    if fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(problem(to, "is not empty; name one that does not exist yet"));
    }
    let _lock = Directory::lock_to_read(from)?;
    let mut report = Salvaged { directory: to.to_owned(), ..Salvaged::default() };
    let before = Marker::read(from).unwrap_or_else(|error| {
        report.problem(&super::super::marker::path(from), error);
        None
    });
    // The new generation is higher than the old one, whatever the clock says.
    let at_ms = clock::unix_ms();
    report.generation = at_ms.max(before.as_ref().map_or(0, |note| note.generation.saturating_add(1)));

    let config = Config::new(to);
    let directory = Arc::new(Directory::lock(to)?);
    let opened = opening::make(&config, &directory, fastrand::u128(..), report.generation)?;
    let mut target = SalvageTarget::new(opened)?;
    let store = from.join("store");
    if !store.is_dir() {
        report.problem(&store, "the folder is missing");
    }
    let mut numbers = HashMap::new();
    let extents = target.copy(&store, &mut numbers, &mut report)?;
    if let Some(note) = &before {
        missing_batches(note, &store, &numbers, &mut report);
    }
    boxes::fill(&mut target, extents, at_ms, &mut report)?;
    target.finish()?;
    Ok(report)
}

/// Compares the batches that were found with those that the marker says are there: every batch is
/// in every keyspace.
fn missing_batches(
    note: &MarkerRecord,
    store: &Path,
    found: &HashMap<KeyspaceName, (u64, u64)>,
    report: &mut Salvaged,
) {
    if note.layout != records::VERSION || note.batch == 0 {
        return;
    }
    for (name, keyspace) in [
        ("entries", KeyspaceName::Entries),
        ("state", KeyspaceName::State),
        ("sends", KeyspaceName::Sends),
        ("bodies", KeyspaceName::Bodies),
    ] {
        let (first, last) = found.get(&keyspace).copied().unwrap_or_default();
        if last < note.batch {
            let text = format!(
                "the marker says that there are batches up to {}, but those of {name} end with {last}",
                note.batch
            );
            report.problem(store, text);
        }
        // What has been moved into tables has the number of its last batch there.
        let tables = store.join("keyspaces").join(keyspace.folder().to_string());
        if first > 1 && !tables.exists() {
            report.problem(
                &tables,
                format_args!("the folder is missing, and with it {name} of the batches before {first}"),
            );
        }
    }
}
