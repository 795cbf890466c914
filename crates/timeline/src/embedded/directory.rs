//! The directory of a store: made, locked, and freed of a start that did not finish.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::{Error, ErrorKind, Result};

/// A directory that this process alone uses until the value is dropped.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    // Held for its lock, which the kernel takes back also from a killed process.
    _lock: File,
}

impl Directory {
    /// Makes the directory if it is missing, and locks it.
    pub(super) fn lock(path: &Path) -> Result<Self> {
        fs::create_dir_all(path).map_err(|error| unusable(path, "cannot be made", error))?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .open(path.join("lock"))
            .map_err(|error| unusable(path, "cannot be written to", error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(path)),
            Err(TryLockError::Error(error)) => return Err(unusable(path, "cannot be locked", error)),
        }
        let directory = Self { path: path.to_owned(), _lock: lock };
        directory
            .clear_unfinished()
            .map_err(|error| unusable(path, "has an unfinished store that cannot be removed", error))?;
        Ok(directory)
    }

    /// Returns the place of the engine's files.
    pub(super) fn store(&self) -> PathBuf {
        self.path.join("store")
    }

    /// Says what a failure of the engine to open means.
    pub(super) fn open_error(&self, error: fjall::Error) -> Error {
        match error {
            fjall::Error::Locked => in_use(&self.path),
            fjall::Error::Io(error) => unusable(&self.path, "cannot be opened", error),
            fjall::Error::Storage(fjall::LsmError::Io(error)) => {
                unusable(&self.path, "cannot be opened", error)
            }
            error => {
                let text =
                    format!("the data directory {} is damaged or not a store: {error}", self.path.display());
                Error::new(ErrorKind::Corrupt, text).with_source(error)
            }
        }
    }

    /// Removes a store whose making was cut short.
    ///
    /// The engine writes its version marker before its first keyspace, and cannot open a directory that it left before
    /// that. Nothing was ever stored in such a one: it has no keyspace.
    fn clear_unfinished(&self) -> io::Result<()> {
        let store = self.store();
        let marked = match fs::metadata(store.join("version")) {
            Ok(marker) => marker.len() > 0,
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        let has_keyspaces = match fs::read_dir(store.join("keyspaces")) {
            Ok(mut keyspaces) => keyspaces.next().is_some(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => false,
            Err(error) => return Err(error),
        };
        if marked || has_keyspaces || !store.try_exists()? {
            return Ok(());
        }
        fs::remove_dir_all(store)
    }
}

fn in_use(path: &Path) -> Error {
    Error::new(
        ErrorKind::Config,
        format!("the data directory {} is in use by another process", path.display()),
    )
}

fn unusable(path: &Path, problem: &str, error: io::Error) -> Error {
    let text = format!("the data directory {} {problem}: {error}", path.display());
    Error::new(ErrorKind::Config, text).with_source(error)
}
