//! The data directory: made when missing, writable, and used by one server at a time.

use std::fs::{File, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context as _, anyhow};
use uuid::Uuid;

/// An open data directory. The lock is held until it is dropped, and the kernel lets go of it however we end.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    id: Uuid,
    /// The outermost directory that was missing and had to be made.
    made: Option<PathBuf>,
    _lock: File,
}

impl DataDir {
    /// Opens the directory, or says in one line why it cannot be used.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let made = first_missing(path);
        fs::create_dir_all(path).map_err(|error| unusable(path, "cannot be made", &error))?;
        let opened = Self::open_existing(path);
        match opened {
            Ok((id, lock)) => Ok(Self { path: path.to_owned(), id, made, _lock: lock }),
            Err(error) => {
                remove(made.as_deref());
                Err(error)
            }
        }
    }

    fn open_existing(path: &Path) -> anyhow::Result<(Uuid, File)> {
        let mut lock = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(path.join("lock"))
            .map_err(|error| unusable(path, "cannot be written", &error))?;
        lock_or_say_who(path, &mut lock)?;
        let id = id(path).map_err(|error| unusable(path, "cannot be written", &error))?;
        Ok((id, lock))
    }

    /// Where the timelines are stored.
    pub(crate) fn timelines(&self) -> PathBuf {
        self.path.join("timelines")
    }

    /// Where it is written how far the webhook's receiver has heard.
    pub(crate) fn webhook(&self) -> PathBuf {
        self.path.join("webhook")
    }

    /// What tells this store from any other: clients whose position is from another one start over.
    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    /// Removes what opening made, when the server could not start after all.
    pub(crate) fn abandon(self) {
        remove(self.made.as_deref());
    }
}

/// Says why `path` could not be opened, and leaves nothing behind.
pub(crate) fn check(path: &Path) -> anyhow::Result<()> {
    let dir = DataDir::open(path)?;
    dir.abandon();
    Ok(())
}

fn lock_or_say_who(path: &Path, lock: &mut File) -> anyhow::Result<()> {
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            // Who holds it is a courtesy; the lock speaks for itself.
            let process = match lock.read_to_string(&mut owner) {
                Ok(_) if !owner.trim().is_empty() => format!(" (process {})", owner.trim()),
                _ => String::new(),
            };
            return Err(anyhow!("--data-dir: {} is in use by another tidings{process}", path.display()));
        }
        Err(TryLockError::Error(error)) => return Err(unusable(path, "cannot be locked", &error)),
    }
    lock.set_len(0)
        .and_then(|()| lock.write_all(std::process::id().to_string().as_bytes()))
        .map_err(|error| unusable(path, "cannot be written", &error))
}

/// The id of the store, made at its first opening.
fn id(path: &Path) -> io::Result<Uuid> {
    let file = path.join("id");
    if let Ok(text) = fs::read_to_string(&file)
        && let Ok(id) = Uuid::parse_str(text.trim())
    {
        return Ok(id);
    }
    let id = Uuid::new_v4();
    // Written aside and renamed, so that a crash leaves the whole id or none.
    let aside = path.join("id.new");
    let mut written = File::create(&aside)?;
    written.write_all(id.to_string().as_bytes())?;
    written.sync_all()?;
    fs::rename(&aside, &file)?;
    File::open(path)?.sync_all()?;
    Ok(id)
}

fn first_missing(path: &Path) -> Option<PathBuf> {
    let missing =
        path.ancestors().take_while(|ancestor| !ancestor.as_os_str().is_empty() && !ancestor.exists());
    missing.last().map(Path::to_owned)
}

fn remove(made: Option<&Path>) {
    if let Some(made) = made
        && let Err(error) = fs::remove_dir_all(made).with_context(|| format!("removing {}", made.display()))
    {
        tracing::warn!("{error:#}");
    }
}

fn unusable(path: &Path, what: &str, error: &io::Error) -> anyhow::Error {
    let mut text = error.to_string();
    // `Permission denied (os error 13)`: the number helps nobody here.
    if let Some(end) = text.find(" (os error") {
        text.truncate(end);
    }
    anyhow!("--data-dir: {} {what}: {text}", path.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_server_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let first = DataDir::open(&path).unwrap();
        let error = DataDir::open(&path).unwrap_err().to_string();
        assert!(
            error.contains("in use by another tidings") && error.contains(&std::process::id().to_string()),
            "{error}"
        );
        let id = first.id();
        drop(first);
        assert_eq!(DataDir::open(&path).unwrap().id(), id);
    }

    #[test]
    fn checking_leaves_nothing_behind_and_keeps_what_was_there() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/b/c");
        check(&path).unwrap();
        assert!(!parent.path().join("a").exists());
        drop(DataDir::open(&path).unwrap());
        check(&path).unwrap();
        assert!(path.join("id").exists());
    }

    #[test]
    fn a_path_below_a_file_is_named() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("file"), "").unwrap();
        let error = DataDir::open(&parent.path().join("file/data")).unwrap_err().to_string();
        assert!(error.starts_with("--data-dir: ") && error.contains("cannot be made"), "{error}");
    }
}
