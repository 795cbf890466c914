//! The directory of a store: made, locked, and closed to other users.

use std::fs::{DirBuilder, File, Permissions, TryLockError};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::{fs, io};

use rustix::fs::Access;
use rustix::io::Errno;

use super::engine_error::EngineError;
use super::{inspect, marker};
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
        let mut builder = DirBuilder::new();
        // Other users of the machine must not read the messages.
        builder.recursive(true).mode(0o700);
        builder.create(path).map_err(|error| unusable(path, "cannot be created", error))?;
        // The order matters: a crash between the two leaves the sign alone, which means that
        // nothing was stored yet. A lock without a sign would mean that a store of layout 1 is
        // gone.
        announce(path).map_err(|error| unusable(path, "cannot be written to", error))?;
        let lock = File::options()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(|error| unusable(path, "cannot be written to", error))?;
        Self::hold(path, lock)
    }

    /// Locks a directory that has been locked before, and makes nothing; `None` if there is nothing
    /// to lock.
    ///
    /// It fails where [`lock`](Self::lock) would, with the same text.
    pub(super) fn lock_existing(path: &Path) -> Result<Option<Self>> {
        let place = nearest(path);
        if place != path || !path.is_dir() {
            let made = if place == path { Err(Errno::EXIST) } else { may_make_in(place) };
            return made.map(|()| None).map_err(|error| unusable(path, "cannot be created", error.into()));
        }
        match File::options().write(true).open(path.join("lock")) {
            Ok(lock) => Self::hold(path, lock).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => may_make_in(path)
                .map(|()| None)
                .map_err(|error| unusable(path, "cannot be written to", error.into())),
            Err(error) => Err(unusable(path, "cannot be written to", error)),
        }
    }

    /// Locks a directory that is read and not written to; `None` if there is nothing to lock.
    pub(super) fn lock_to_read(path: &Path) -> Result<Option<Self>> {
        let place = path.join("lock");
        // Some file systems lock only a file that is open for writing, and a disk that fails can
        // often only be read.
        let lock = File::options().read(true).write(true).open(&place).or_else(|_| File::open(&place));
        match lock {
            Ok(lock) => Self::hold(path, lock).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(unusable(path, "cannot be read", error)),
        }
    }

    fn hold(path: &Path, lock: File) -> Result<Self> {
        // The file is never removed: a process that made it anew could lock it beside one that
        // holds the lock of the old file.
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(in_use(path)),
            Err(TryLockError::Error(error)) => Err(unusable(path, "cannot be locked", error)),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the place of the engine's files.
    pub(super) fn store(&self) -> PathBuf {
        self.path.join("store")
    }

    /// Removes a store whose making was cut short, and in which nothing was ever stored.
    pub(super) fn clear_unfinished(&self) -> Result<()> {
        match fs::remove_dir_all(self.store()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(unusable(&self.path, "has an unfinished store that cannot be removed", error))
            }
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Removes the sign of a store that is about to be made, if there is a store.
    ///
    /// It stays when another process makes the store just before the sign is left, and when a
    /// process is killed.
    pub(super) fn clear_announcement(&self) -> Result<()> {
        if !marker::path(&self.path).exists() {
            return Ok(());
        }
        match fs::remove_file(marker::aside(&self.path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.unwritable(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Lets no other user into the engine's files, whatever their own modes are.
    pub(super) fn close_to_others(&self) -> Result<()> {
        fs::set_permissions(self.store(), Permissions::from_mode(0o700))
            .map_err(|error| self.unwritable(error))
    }

    /// Says what a failure to write means.
    pub(super) fn unwritable(&self, error: io::Error) -> Error {
        unusable(&self.path, "cannot be written to", error)
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
                let error = EngineError::new(error);
                let refused = inspect::not_opened(&self.path, &format!("its engine reports: {error}"));
                Error::with_source(refused.kind(), refused.to_string(), error)
            }
        }
    }
}

/// Leaves a sign that a store is about to be made, before there is a lock.
///
/// The sign is an empty `marker.new`, which becomes the marker. Programs of layout 1 left a lock
/// and no sign: a directory that has neither a sign nor a store has lost the store.
fn announce(path: &Path) -> io::Result<()> {
    if path.join("lock").exists() || marker::path(path).exists() {
        return Ok(());
    }
    File::options().create(true).truncate(false).write(true).mode(0o600).open(marker::aside(path)).map(drop)
}

/// Returns the directory itself, or the innermost one around it that is there.
pub(super) fn nearest(path: &Path) -> &Path {
    path.ancestors().find(|place| place.exists()).unwrap_or_else(|| Path::new("."))
}

/// Fails if nothing can be made in a directory.
fn may_make_in(directory: &Path) -> rustix::io::Result<()> {
    if directory.is_dir() {
        rustix::fs::access(directory, Access::WRITE_OK | Access::EXEC_OK)
    } else {
        Err(Errno::NOTDIR)
    }
}

fn in_use(path: &Path) -> Error {
    let path = path.display();
    let text =
        format!("the data directory {path} is in use by another process; stop it, or name another one");
    Error::new(ErrorKind::Config, text)
}

fn unusable(path: &Path, problem: &str, error: io::Error) -> Error {
    let text = format!("the data directory {} {problem}: {error}", path.display());
    Error::with_source(ErrorKind::Config, text, error)
}
