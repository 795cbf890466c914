//! Whether a directory may be opened, and if not, why.

mod keyspaces;

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use super::super::marker::{self, Marker, MarkerRecord, Phase};
use super::super::{keys, records};
use super::access;
use super::files::Files;
use super::journal::{self, Batch};
use super::numbers::Numbers;
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

/// Looks through a directory. Changes nothing.
///
/// # Errors
///
/// `Corrupt` when something is missing or damaged: the store must not be opened. `Config` when it
/// cannot be read or written to.
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

/// What the journals hold.
#[derive(Debug, Default)]
struct Journals {
    numbers: Numbers,
    /// The keyspaces that they write to.
    keyspaces: BTreeSet<u64>,
    /// What the store says of itself, in the order in which it was written.
    said: Vec<(Vec<u8>, Vec<u8>)>,
    /// Whether there is anything else.
    stored: bool,
    torn: Vec<Torn>,
}

impl Journals {
    fn add(&mut self, batch: &Batch<'_>) {
        self.numbers.add(batch);
        for item in &batch.items {
            self.keyspaces.insert(item.keyspace);
            if !SAID.contains(&item.key) {
                self.stored = true;
            } else if let Some(value) = item.value {
                self.said.push((item.key.to_vec(), value.to_vec()));
            }
        }
    }

    /// Returns whether there is no more than the first journal, and nothing in it.
    fn is_untouched(&self, files: &Files) -> bool {
        self.numbers.batches() == 0 && self.torn.is_empty() && files.journals.iter().all(|(id, _)| *id == 0)
    }
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
        // The journals are read before anything is decided: they alone tell whether something was
        // ever stored in a store that is not finished.
        let journals = self.journals(&files)?;
        let inspection = match self.found(&files, note.as_ref(), &journals)? {
            Found::Store => self.look(&files, note, journals)?,
            found => Inspection { found, note, version: None, last_batch: 0, torn: Vec::new() },
        };
        // Damage is told first, as it does not go away by itself.
        access::check(self.directory, &files).map_err(|error| self.unwritable(error))?;
        Ok(inspection)
    }

    /// Reads every journal; only what a loss of power leaves may follow their batches.
    fn journals(&self, files: &Files) -> Result<Journals> {
        let mut journals = Journals::default();
        for (_, path) in &files.journals {
            let read = journal::read(path, |batch| journals.add(batch));
            let tail = read.map_err(|error| self.unreadable(error))?;
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
                journals.torn.push(Torn { path: path.clone(), bytes: tail.bytes });
            }
        }
        Ok(journals)
    }

    fn found(&self, files: &Files, note: Option<&MarkerRecord>, journals: &Journals) -> Result<Found> {
        //  marker      folder store              verdict
        //  none        empty                     nothing, unless a lock says that there was one
        //  none        an untouched journal      unfinished
        //  none        more                      a store; `compare` refuses it unless of layout 1
        //  salvaging   anything                  refused: a salvage that was cut short
        //  importing   anything                  refused: an import that was cut short
        //  making      nothing was ever stored   nothing or unfinished
        //  making      holds messages            refused: two copies were mixed
        //  others      empty                     refused: the store is gone
        //  others      more                      a store
        match note {
            // Layout 1 had no marker. Since then one is announced before the lock is made.
            None if !files.any => {
                if self.directory.join("lock").exists() && !marker::aside(self.directory).exists() {
                    return Err(self.refuse(
                        "its file lock says that it was used, but its folder store is missing or empty (if \
                         nothing was ever stored in it, remove that file)",
                    ));
                }
                Ok(Found::Nothing)
            }
            None if journals.is_untouched(files)
                && files.version.is_empty()
                && files.keyspaces.is_empty() =>
            {
                self.unfinished(files)
            }
            Some(note) if note.phase == Phase::Salvaging => Err(self.cut_salvage()),
            Some(note) if note.phase == Phase::Importing => Err(self.cut_import()),
            Some(note) if note.phase == Phase::Making => {
                if journals.stored || self.has_tables(files)? {
                    return Err(
                        self.refuse("its marker says that it was never finished, but it holds messages")
                    );
                }
                if files.any { self.unfinished(files) } else { Ok(Found::Nothing) }
            }
            Some(note) if !files.any => Err(self.refuse(&format!(
                "its marker says that it holds the batches up to {}, but {} is missing or empty",
                note.batch,
                self.store.display()
            ))),
            None | Some(_) => Ok(Found::Store),
        }
    }

    /// Checks that nothing is lost with a store that was never finished.
    fn unfinished(&self, files: &Files) -> Result<Found> {
        match files.others.first() {
            None => Ok(Found::Unfinished),
            Some(other) => Err(self.refuse(&format!(
                "its store was never finished and would be made anew, but {} is not part of it; move that away",
                other.display()
            ))),
        }
    }

    /// Checks that all of a store is there.
    fn look(&self, files: &Files, note: Option<MarkerRecord>, journals: Journals) -> Result<Inspection> {
        if let Some(problem) = journals.numbers.problem() {
            return Err(self.refuse(&format!("its journals are damaged: {problem}")));
        }
        let keyspaces = self.parts(files, note.as_ref(), &journals)?;
        self.names(note.as_ref(), &keyspaces)?;
        let mut said = StoredIdentity::default();
        let last_batch = self.last_batch(note.as_ref(), &keyspaces, &journals.numbers, &mut said)?;
        // The order matters: the tables were asked first, and what is in the journals is newer.
        journals.said.iter().for_each(|(key, record)| said.note(key, record));
        self.compare(note.as_ref(), &said)?;
        Ok(Inspection { found: Found::Store, note, version: said.version, last_batch, torn: journals.torn })
    }

    /// Compares what the store says of itself with what its marker says.
    fn compare(&self, note: Option<&MarkerRecord>, said: &StoredIdentity) -> Result<()> {
        let (version, layout_1) = (said.version, matches!(said.version, None | Some(records::VERSION_1)));
        let is_known =
            version.is_none_or(|version| (records::VERSION_1..=records::VERSION).contains(&version));
        match note {
            _ if !is_known => {
                let text = format!(
                    "the data directory {} has the layout version {}, but this program reads only {} to {}; \
                     a newer version wrote it, so use that one",
                    self.directory.display(),
                    version.unwrap_or_default(),
                    records::VERSION_1,
                    records::VERSION
                );
                Err(Error::new(ErrorKind::Config, text))
            }
            None if !layout_1 => Err(self.refuse("its file marker is missing")),
            Some(note) if layout_1 && note.phase != Phase::Upgrading => Err(self.mixed(note.layout, 1)),
            // The marker says `layout 3` once the upgrade has ended, which begins with the version.
            Some(note) if version.is_some_and(|version| version < note.layout) && !layout_1 => {
                Err(self.mixed(note.layout, version.unwrap_or_default()))
            }
            Some(note) if !layout_1 && said.identity != Some((note.id, note.generation)) => {
                Err(self.refuse("its file marker is that of another store"))
            }
            None | Some(_) => Ok(()),
        }
    }

    fn mixed(&self, marker: u8, store: u8) -> Error {
        self.refuse(&format!(
            "its marker is of layout {marker}, but the store is of layout {store}: they belong to two copies"
        ))
    }

    fn has_tables(&self, files: &Files) -> Result<bool> {
        files.has_tables(&self.store).map_err(|error| self.unreadable(error))
    }

    fn cut_salvage(&self) -> Error {
        let text = format!(
            "the data directory {} is that of a salvage that was cut short, and holds a part of what was to be read; \
             run `tidings salvage` with the same two directories again, or remove this one",
            self.directory.display()
        );
        Error::new(ErrorKind::Corrupt, text)
    }

    fn cut_import(&self) -> Error {
        let text = format!(
            "the data directory {} is that of an import that was cut short, and holds a part of what was to be read; \
             run `tidings import` with the same file and directory again, or remove this one",
            self.directory.display()
        );
        Error::new(ErrorKind::Corrupt, text)
    }

    fn refuse(&self, problem: &str) -> Error {
        refused(self.directory, problem)
    }

    fn unreadable(&self, error: io::Error) -> Error {
        let text = format!("the data directory {} cannot be read: {error}", self.directory.display());
        Error::with_source(ErrorKind::Config, text, error)
    }

    fn unwritable(&self, error: io::Error) -> Error {
        let text = format!("the data directory {} cannot be written to: {error}", self.directory.display());
        Error::with_source(ErrorKind::Config, text, error)
    }
}

/// The keys of what a store says of itself.
const SAID: [&[u8]; 2] = [keys::FORMAT, keys::IDENTITY];

/// Returns the error of a directory that must not be opened, and in which nothing was changed.
pub(in crate::embedded) fn refused(directory: &Path, problem: &str) -> Error {
    not_opened(directory, &format!("{problem}; nothing in it was changed"))
}

/// Returns the error of a directory that the engine could not open after all.
pub(in crate::embedded) fn not_opened(directory: &Path, problem: &str) -> Error {
    let text = format!(
        "the data directory {} is not whole and was not opened: {problem}; put back the missing or damaged files, restore \
         a backup of the whole directory, or read what is left into a new one with `tidings salvage`",
        directory.display()
    );
    Error::new(ErrorKind::Corrupt, text)
}
