//! Reads a damaged directory into a new one.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::super::directory::Directory;
use super::super::marker::{Marker, Note, Phase};
use super::super::opening::{self, Opened};
use super::super::records::Extent;
use super::super::tables::read_error;
use super::super::{Config, clock, keys, records, upgrade};
use super::boxes;
use super::report::Salvaged;
use super::source::{self, Keyspace, Record};
use crate::{Error, ErrorKind, Result};

/// Reads what can be read of the store in `from` into a new one in `to`.
///
/// Returns what was lost. This blocks. `from` stays as it is; it may be of layout 1 or 2, and any
/// part of it may be missing or damaged. Every entry keeps its place: where one is lost in a box
/// there is a [tombstone](crate::Kind::Tombstone), and a box that lost its beginning starts later
/// ([`Inbox::floor`](crate::Inbox::floor)). The new store has another generation. The last state of
/// every box and cursor is held in memory: about 200 bytes for each.
///
/// # Errors
///
/// `Config` when `from` is in use, when `to` is not empty or cannot be written to. What was written
/// to `to` by then is not opened by anybody: remove it.
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
    let _lock = from.join("lock").exists().then(|| Directory::lock_existing(from)).transpose()?;
    let mut report = Salvaged { directory: to.to_owned(), ..Salvaged::default() };
    let before = Marker::read(from).unwrap_or_else(|error| {
        report.problem(&super::super::marker::path(from), error);
        None
    });
    // Later than any before it, whatever the clock says.
    let at_ms = clock::unix_ms();
    report.generation = at_ms.max(before.as_ref().map_or(0, |note| note.generation.saturating_add(1)));

    let config = Config::new(to);
    let directory = Arc::new(Directory::lock(to)?);
    let opened = opening::make(&config, &directory, fastrand::u128(..), report.generation)?;
    let mut target = Target::new(opened)?;
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
fn missing_batches(note: &Note, store: &Path, found: &HashMap<Keyspace, (u64, u64)>, report: &mut Salvaged) {
    if note.layout != records::VERSION || note.batch == 0 {
        return;
    }
    for (name, keyspace) in [
        ("entries", Keyspace::Entries),
        ("state", Keyspace::State),
        ("sends", Keyspace::Sends),
        ("bodies", Keyspace::Bodies),
    ] {
        let (first, last) = found.get(&keyspace).copied().unwrap_or_default();
        if last < note.batch {
            let text = format!(
                "the marker says that there are the batches up to {}, of {name} they end with {last}",
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

/// The new store, and the batch that is being made for it.
pub(super) struct Target {
    pub(super) opened: Opened,
    batch: fjall::OwnedWriteBatch,
    bytes: usize,
}

/// How many bytes are written at once.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

impl Target {
    /// Until it is finished, the store counts as one that is being made.
    fn new(mut opened: Opened) -> Result<Self> {
        let note = Note { phase: Phase::Making, ..opened.marker.note().clone() };
        opened.marker.write(note).map_err(|error| Self::failed(upgrade::Failure::Marker(error)))?;
        let batch = opened.tables.batch(1);
        Ok(Self { opened, batch, bytes: 0 })
    }

    /// Copies every record but those of boxes, which are returned, and notes the first and the last
    /// batch of each keyspace.
    fn copy(
        &mut self,
        store: &Path,
        numbers: &mut HashMap<Keyspace, (u64, u64)>,
        report: &mut Salvaged,
    ) -> Result<HashMap<Vec<u8>, Extent>> {
        let mut last: HashMap<Vec<u8>, (u64, Option<Vec<u8>>)> = HashMap::new();
        source::read(store, report, |record: &Record<'_>| match (record.keyspace, record.key) {
            (keyspace, key) if key == keys::BATCH => {
                if let Some(number) = record.value.and_then(|value| records::decode_number(value).ok()) {
                    let (first, last) = numbers.entry(keyspace).or_insert((number, number));
                    (*first, *last) = ((*first).min(number), (*last).max(number));
                }
                Ok(())
            }
            (Keyspace::State, key) => {
                let known = last.get(key).is_some_and(|(number, _)| *number > record.number);
                if !known {
                    last.insert(key.to_vec(), (record.number, record.value.map(<[u8]>::to_vec)));
                }
                Ok(())
            }
            // Written once and never changed, so that their order does not matter.
            (Keyspace::Entries, key) if keys::prefix_of(key).is_none() => Ok(()),
            (keyspace, key) => match record.value {
                Some(value) => self.put(keyspace, key, value.to_vec()),
                None => Ok(()),
            },
        })?;
        let mut extents = HashMap::new();
        for (key, (_, value)) in last {
            let Some(value) = value else { continue };
            match key.split_first() {
                Some((b'b', prefix)) => {
                    if let Ok(extent) = records::decode_extent(&value) {
                        extents.insert(prefix.to_vec(), extent);
                    }
                }
                Some((b'r', _)) => self.put(Keyspace::State, &key, value)?,
                Some(_) | None => {}
            }
        }
        self.commit()?;
        Ok(extents)
    }

    pub(super) fn put_entry(&mut self, key: &[u8], record: Vec<u8>) -> Result<()> {
        self.put(Keyspace::Entries, key, record)
    }

    pub(super) fn put_extent(&mut self, prefix: &[u8], extent: Extent) -> Result<()> {
        self.put(Keyspace::State, &keys::extent(prefix), records::encode_extent(extent))
    }

    fn put(&mut self, keyspace: Keyspace, key: &[u8], record: Vec<u8>) -> Result<()> {
        self.bytes += key.len() + record.len();
        let tables = &self.opened.tables;
        let keyspace = match keyspace {
            Keyspace::Entries => &tables.entries,
            Keyspace::State => &tables.state,
            Keyspace::Sends => &tables.sends,
            Keyspace::Bodies => &tables.bodies,
        };
        self.batch.insert(keyspace, key, record);
        if self.bytes >= BATCH_BYTES { self.commit() } else { Ok(()) }
    }

    /// Commits what was put.
    pub(super) fn commit(&mut self) -> Result<()> {
        let next = self.opened.tables.batch(self.opened.last_batch + 2);
        let batch = std::mem::replace(&mut self.batch, next);
        self.bytes = 0;
        self.opened.commit(batch).map_err(Self::failed)
    }

    fn finish(mut self) -> Result<()> {
        let note = Note { phase: Phase::Whole, ..self.opened.marker.note().clone() };
        self.opened.marker.write(note).map_err(|error| Self::failed(upgrade::Failure::Marker(error)))
    }

    /// Says what a failure of the new store means.
    pub(super) fn failed(failure: upgrade::Failure) -> Error {
        match failure {
            upgrade::Failure::Engine(error) => read_error(error),
            upgrade::Failure::Marker(error) => {
                Error::new(ErrorKind::Unavailable, format!("the new marker cannot be written: {error}"))
                    .with_source(error)
            }
            upgrade::Failure::Store(error) => error,
        }
    }
}
