//! Whether a directory may be opened, and if not, why.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use lsm_tree::{AbstractTree as _, SeqNo, SequenceNumberCounter};

use super::super::marker::{Marker, MarkerRecord, Phase};
use super::super::{engine_error, keys, records};
use super::files::{Files, VERSION};
use super::journal::Batch;
use super::numbers::Numbers;
use super::{journal, tree};
use crate::{Error, ErrorKind, Result};

/// What a directory holds.
#[derive(Debug)]
pub(in crate::embedded) struct Inspection {
    pub(in crate::embedded) found: Found,
    pub(in crate::embedded) note: Option<MarkerRecord>,
    /// The version of the layout; `None` when nothing was written yet.
    pub(in crate::embedded) version: Option<u8>,
    /// The number of the last batch.
    pub(in crate::embedded) last_batch: u64,
    pub(in crate::embedded) torn: Vec<Torn>,
}

/// What there is of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::embedded) enum Found {
    Nothing,
    /// One whose making was cut short; nothing was ever stored in it.
    Unfinished,
    Store,
}

/// The end of a journal that is no whole batch: a write that was cut short before it was
/// acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::embedded) struct Torn {
    pub(in crate::embedded) path: PathBuf,
    pub(in crate::embedded) bytes: u64,
}

/// Looks through a directory. Changes nothing, except that the engine may clear away what a write
/// left unfinished.
///
/// # Errors
///
/// `Corrupt` when something is missing or damaged: the store must not be opened. `Config` when it
/// cannot be read.
pub(in crate::embedded) fn inspect(directory: &Path) -> Result<Inspection> {
    Inspector { directory, store: directory.join("store") }.inspect()
}

/// What the store says of itself.
#[derive(Debug, Default)]
struct StoredIdentity {
    version: Option<u8>,
    identity: Option<(u128, u64)>,
}

impl StoredIdentity {
    /// Takes over what a keyspace or a journal says; later ones count.
    fn note(&mut self, key: &[u8], record: &[u8]) {
        if key == keys::FORMAT {
            self.version = record.first().copied();
        } else if key == keys::IDENTITY {
            self.identity = records::decode_identity(record).ok();
        }
    }
}

/// What the tables of a keyspace have.
struct Persisted {
    /// The number of the last batch.
    number: u64,
    /// The engine's number of it.
    engine: Option<u64>,
    said: Vec<(&'static [u8], lsm_tree::Slice)>,
}

struct Inspector<'a> {
    directory: &'a Path,
    store: PathBuf,
}

impl Inspector<'_> {
    fn inspect(&self) -> Result<Inspection> {
        let note = Marker::read(self.directory).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => self.refuse(&format!("its file marker is damaged: {error}")),
            _ => self.unreadable(error),
        })?;
        let files = Files::list(&self.store).map_err(|error| self.unreadable(error))?;
        let mut numbers = Numbers::default();
        let mut journaled = Vec::new();
        let torn = self.journals(&files, |batch| {
            numbers.add(batch);
            let said = batch.items.iter().filter(|item| SAID.contains(&item.key));
            journaled.extend(said.filter_map(|item| Some((item.key.to_vec(), item.value?.to_vec()))));
        })?;
        let found = self.found(&files, note.as_ref(), &numbers)?;
        if found != Found::Store {
            return Ok(Inspection { found, note, version: None, last_batch: 0, torn: Vec::new() });
        }
        if let Some(problem) = numbers.problem() {
            return Err(self.refuse(&format!("its journals are damaged: {problem}")));
        }
        let keyspaces = self.parts(&files, note.as_ref(), &numbers)?;
        let mut said = StoredIdentity::default();
        let last_batch = self.last_batch(note.as_ref(), &keyspaces, &numbers, &mut said)?;
        journaled.iter().for_each(|(key, record)| said.note(key, record));
        self.compare(note.as_ref(), &said)?;
        Ok(Inspection { found, note, version: said.version, last_batch, torn })
    }

    /// Reads every journal; only what a loss of power leaves may follow their batches.
    fn journals(&self, files: &Files, mut visit: impl FnMut(&Batch<'_>)) -> Result<Vec<Torn>> {
        let mut torn = Vec::new();
        for (_, path) in &files.journals {
            let tail = journal::read(path, &mut visit).map_err(|e| self.unreadable(e))?;
            if tail.followed {
                let text = format!(
                    "its journal {} is damaged at byte {}: there is no valid batch there, but valid ones \
                     follow",
                    path.display(),
                    tail.at
                );
                return Err(self.refuse(&text));
            }
            if tail.bytes > 0 {
                torn.push(Torn { path: path.clone(), bytes: tail.bytes });
            }
        }
        Ok(torn)
    }

    fn found(&self, files: &Files, note: Option<&MarkerRecord>, numbers: &Numbers) -> Result<Found> {
        let empty = numbers.batches() == 0 && files.journals.iter().all(|(id, _)| *id == 0);
        match note {
            // Before layout 2 there was no marker.
            None if !files.any => Ok(Found::Nothing),
            None if empty && files.version.is_empty() && files.keyspaces.is_empty() => Ok(Found::Unfinished),
            Some(note) if note.phase == Phase::Making => {
                if numbers.last() > 0 {
                    return Err(
                        self.refuse("its marker says that it was never finished, but it holds messages")
                    );
                }
                Ok(if files.any { Found::Unfinished } else { Found::Nothing })
            }
            Some(note) if !files.any => Err(self.refuse(&format!(
                "its marker says that it holds the batches up to {}, but {} is missing or empty",
                note.batch,
                self.store.display()
            ))),
            None | Some(_) => Ok(Found::Store),
        }
    }

    /// Checks that all files are there that must be, and that their headers are whole; returns the
    /// keyspaces.
    fn parts(&self, files: &Files, note: Option<&MarkerRecord>, numbers: &Numbers) -> Result<Vec<u64>> {
        if files.version.is_empty() {
            return Err(self.refuse("its file store/version is missing or empty"));
        }
        if files.version != VERSION {
            return Err(self.refuse("its file store/version is damaged, or of another engine"));
        }
        // A store of layout 1 that was made a moment ago, and holds nothing, may lack any part.
        let young = note.is_none()
            && numbers.batches() == 0
            && files.journals.iter().all(|(id, _)| *id == 0)
            && files.keyspaces.len() < LAYOUT_1.len();
        if young {
            return Ok(Vec::new());
        }
        let Some((first, last)) = files.journals.first().zip(files.journals.last()) else {
            return Err(self.refuse("its journals (store/*.jnl) are missing"));
        };
        if let Some((id, _)) = (first.0..=last.0).zip(&files.journals).find(|(id, (found, _))| id != found) {
            return Err(self.refuse(&format!("its journal store/{id}.jnl is missing")));
        }
        let keyspaces = note.map_or(&LAYOUT_1[..], |note| &note.keyspaces);
        for id in keyspaces {
            if !files.keyspaces.contains(id) {
                return Err(self.refuse(&format!("its folder store/keyspaces/{id} is missing")));
            }
            let folder = self.keyspace(*id);
            match tree::look(&folder) {
                Ok(None) => {}
                Ok(Some(problem)) => return Err(self.refuse(&problem)),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    return Err(self.refuse(&format!("{} is damaged: {error}", folder.display())));
                }
                Err(error) => return Err(self.unreadable(error)),
            }
        }
        Ok(keyspaces.to_vec())
    }

    /// Returns the last batch, and checks that it and all before it are there.
    fn last_batch(
        &self,
        note: Option<&MarkerRecord>,
        keyspaces: &[u64],
        numbers: &Numbers,
        said: &mut StoredIdentity,
    ) -> Result<u64> {
        let mut last = numbers.last();
        let mut behind: Option<(u64, String)> = None;
        // The engine numbers the keyspaces from 1; 0 is its own.
        for id in keyspaces.iter().filter(|id| **id != 0) {
            let persisted = self.persisted(*id)?;
            persisted.said.iter().for_each(|(key, record)| said.note(key, record));
            last = last.max(persisted.number);
            if let Some(problem) = numbers.missing(persisted.number, persisted.engine) {
                behind.get_or_insert((*id, problem));
            }
        }
        let noted = note.map_or(0, |note| note.batch);
        if last < noted {
            return Err(self.refuse(&format!(
                "its marker says that it holds the batches up to {noted}, but it ends with {last}"
            )));
        }
        match behind {
            Some((id, problem)) => {
                Err(self.refuse(&format!("its keyspace store/keyspaces/{id} is incomplete: {problem}")))
            }
            None => Ok(last),
        }
    }

    /// Returns what the tables of a keyspace have.
    fn persisted(&self, id: u64) -> Result<Persisted> {
        let folder = self.keyspace(id);
        let read = || {
            let counter = SequenceNumberCounter::default;
            let tree = lsm_tree::Config::new(&folder, counter(), counter()).open()?;
            let mut said = Vec::new();
            for key in SAID {
                said.extend(tree.get(key, SeqNo::MAX)?.map(|record| (key, record)));
            }
            Ok::<_, lsm_tree::Error>((
                tree.get(keys::BATCH, SeqNo::MAX)?,
                tree.get_highest_persisted_seqno(),
                said,
            ))
        };
        // The engine panics when it finds what it takes for impossible.
        let problem = match catch_unwind(AssertUnwindSafe(read)) {
            Ok(Ok((record, engine, said))) => {
                match record.map_or(Ok(0), |record| records::decode_number(&record)) {
                    Ok(number) => return Ok(Persisted { number, engine, said }),
                    Err(error) => error.to_string(),
                }
            }
            Ok(Err(lsm_tree::Error::Io(error))) => return Err(self.unreadable(error)),
            Ok(Err(error)) => engine_error::tree_in_words(&error),
            Err(_) => "the engine cannot read its tables".to_owned(),
        };
        // The engine does not say which file it is.
        if let Some(table) = tree::verify(&folder).map_err(|error| self.unreadable(error))? {
            return Err(self.refuse(&table));
        }
        Err(self.refuse(&format!("its keyspace {} is damaged: {problem}", folder.display())))
    }

    /// Compares what the store says of itself with what its marker says.
    fn compare(&self, note: Option<&MarkerRecord>, said: &StoredIdentity) -> Result<()> {
        let (version, layout_1) = (said.version, matches!(said.version, None | Some(records::VERSION_1)));
        match note {
            _ if !layout_1 && version != Some(records::VERSION) => {
                let text = format!(
                    "the data directory {} has the layout version {}, but this program reads only {} and {}; \
                     a newer version wrote it, so use that one",
                    self.directory.display(),
                    version.unwrap_or_default(),
                    records::VERSION_1,
                    records::VERSION
                );
                Err(Error::new(ErrorKind::Config, text))
            }
            None if !layout_1 => Err(self.refuse("its file marker is missing")),
            Some(note) if layout_1 && note.phase != Phase::Upgrading => Err(self.refuse(
                "its marker is of layout 2, but the store is of layout 1: they belong to two copies",
            )),
            Some(note) if !layout_1 && said.identity != Some((note.id, note.generation)) => {
                Err(self.refuse("its file marker is that of another store"))
            }
            None | Some(_) => Ok(()),
        }
    }

    fn keyspace(&self, id: u64) -> PathBuf {
        self.store.join("keyspaces").join(id.to_string())
    }

    fn refuse(&self, problem: &str) -> Error {
        refused(self.directory, problem)
    }

    fn unreadable(&self, error: io::Error) -> Error {
        let text = format!("the data directory {} cannot be read: {error}", self.directory.display());
        Error::with_source(ErrorKind::Config, text, error)
    }
}

/// The keys of what a store says of itself.
const SAID: [&[u8]; 2] = [keys::FORMAT, keys::IDENTITY];

/// The folders of a store of layout 1: the engine's own, entries, state, sends.
const LAYOUT_1: [u64; 4] = [0, 1, 2, 3];

/// Returns the error of a directory that must not be opened.
pub(in crate::embedded) fn refused(directory: &Path, problem: &str) -> Error {
    let text = format!(
        "the data directory {} is not whole and was not opened: {problem}; nothing in it was changed; put back the missing \
         or damaged files, restore a backup of the whole directory, or read what is left into a new one with \
         `tidings salvage`",
        directory.display()
    );
    Error::new(ErrorKind::Corrupt, text)
}
