//! A look through a directory that says what opening it would say.
//!
//! It changes nothing.

use std::fmt;
use std::path::{Path, PathBuf};

use super::directory::{Directory, nearest};
use super::disk::{self, LowWater};
use super::inspect::files::Files;
use super::inspect::{Found, inspect, refused, tree};
use super::opening::GONE;
use super::{Config, records, salvage};
use crate::{Error, ErrorKind, Result, State};

/// What a directory holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CheckReport {
    /// The directory.
    pub directory: PathBuf,
    /// The layout of its store; `None` when there is none, and opening would make one.
    ///
    /// One whose upgrade was cut short has that of before.
    pub layout: Option<u8>,
    /// Whether opening would upgrade the store first.
    pub upgrade: bool,
    /// The generation of the store; 0 for layout 1.
    pub generation: u64,
    /// The number of the last batch; 0 for layout 1.
    pub last_batch: u64,
    /// The bytes at the ends of journals that opening would remove.
    ///
    /// They are writes that were cut short before they were acknowledged.
    pub torn_bytes: u64,
    /// Why sends would be refused for now; `None` when they would be taken.
    ///
    /// It is what [`Store::state`](crate::Store::state) would say: the disk has less room than
    /// [must stay free](super::Config::disk_free_min_bytes) by default.
    pub read_only: Option<String>,
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let directory = self.directory.display();
        match self.layout {
            None => write!(
                f,
                "the data directory {directory} has no store yet; one is created when it is opened"
            )?,
            Some(layout) => write!(
                f,
                "the store in {directory} is whole: layout {layout}, batches up to {}",
                self.last_batch
            )?,
        }
        if self.upgrade {
            write!(f, "; it is upgraded to layout {} when it is opened", records::VERSION)?;
        }
        if self.torn_bytes > 0 {
            write!(f, "; {} bytes of a write that was never acknowledged are removed then", self.torn_bytes)?;
        }
        match &self.read_only {
            Some(reason) => write!(f, "; {reason}"),
            None => Ok(()),
        }
    }
}

/// Looks through a directory, and says what opening it would say.
///
/// This blocks.
///
/// # Errors
///
/// Those of [`EmbeddedStore::start`](super::EmbeddedStore::start), with the same text:
/// [`Corrupt`](crate::ErrorKind::Corrupt) when something is missing or damaged,
/// [`Config`](crate::ErrorKind::Config) when it is in use, cannot be created, read or written to,
/// or is of a newer version. That sends would be refused for now is not an error: see
/// [`CheckReport::read_only`].
pub fn check(directory: &Path) -> Result<CheckReport> {
    // The lock is held to the end, so that no store opens and moves its files meanwhile.
    let _lock = Directory::lock_existing(directory)?;
    look(directory)
}

fn look(directory: &Path) -> Result<CheckReport> {
    let inspection = inspect(directory)?;
    let found = inspection.found == Found::Store;
    let note = inspection.note.filter(|_| found);
    // A store that was not finished says nothing of itself, and layout 1 is what has no marker. The
    // version is written with the first step of an upgrade, the marker with the last one.
    let version = inspection.version.unwrap_or(records::VERSION_1);
    let layout = found.then(|| note.as_ref().map_or(version, |note| note.layout.min(version)));
    Ok(CheckReport {
        directory: directory.to_owned(),
        layout,
        upgrade: layout.is_some_and(|layout| layout < records::VERSION),
        generation: note.map_or(0, |note| note.generation),
        last_batch: inspection.last_batch,
        torn_bytes: inspection.torn.iter().map(|torn| torn.bytes).sum(),
        read_only: read_only(directory),
    })
}

/// Says what the state of the store would be, if its disk had too little room.
fn read_only(directory: &Path) -> Option<String> {
    // A store goes on as well where that cannot be found out.
    let room = disk::room(nearest(directory)).ok()?;
    let least = LowWater::new(Config::new(directory).disk_free_min_bytes).judge(room)?;
    Some(State::read_only(disk::shortage(directory, room, least)).to_string())
}

/// Looks through a directory that has to have a store.
///
/// It says what opening it with [`must_exist`](super::Config::must_exist) would say.
///
/// # Errors
///
/// Those of [`check`]; also [`Corrupt`](crate::ErrorKind::Corrupt) when there is none.
pub fn check_existing(directory: &Path) -> Result<CheckReport> {
    let report = check(directory)?;
    if report.layout.is_none() {
        return Err(refused(directory, GONE));
    }
    Ok(report)
}

/// Looks through a directory as [`check`] does, and reads every table.
///
/// Opening a store reads its journals whole, but of its tables the headers alone. This blocks for
/// as long as reading the directory takes, and the entries once more: those that the index of
/// histories names have to be there.
///
/// # Errors
///
/// Those of [`check`]; also [`Corrupt`](crate::ErrorKind::Corrupt) with the name of the table when
/// one is damaged, and with that of the history when one lacks an entry.
pub fn check_deep(directory: &Path) -> Result<CheckReport> {
    let _lock = Directory::lock_existing(directory)?;
    let report = look(directory)?;
    match damaged_table(directory).or_else(|| salvage::index_problem(directory)) {
        Some(problem) => Err(damaged(directory, &problem)),
        None => Ok(report),
    }
}

/// Reads all tables, and says which is damaged, if one is.
pub(super) fn damaged_table(directory: &Path) -> Option<String> {
    let store = directory.join("store");
    let files = match Files::list(&store) {
        Ok(files) => files,
        Err(error) => return Some(format!("{} cannot be read: {error}", store.display())),
    };
    files.keyspaces.iter().find_map(|id| {
        let folder = store.join("keyspaces").join(id.to_string());
        let unreadable = |error| Some(format!("{} cannot be read: {error}", folder.display()));
        tree::verify(&folder).unwrap_or_else(unreadable)
    })
}

/// The error of a store of which a part cannot be read.
pub(super) fn damaged(directory: &Path, problem: &str) -> Error {
    let text = format!(
        "a part of the data directory {} cannot be read: {problem}; stop the server, then put back that file, restore a backup \
         of the whole directory, or read what is left into a new one with `tidings salvage`",
        directory.display()
    );
    Error::new(ErrorKind::Corrupt, text)
}
