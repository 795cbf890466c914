//! The data directory: created when missing, and used by one server at a time.

use std::fs::{DirBuilder, File, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context as _, anyhow};
use rustix::fs::Mode;
use tidings::timeline::embedded::{self, CheckReport};
use uuid::Uuid;

/// An open data directory. The lock is held until it is dropped, and the kernel lets go of it
/// however we end.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    id: Uuid,
    /// The outermost directory that was missing and had to be created.
    made: Option<PathBuf>,
    _lock: File,
}

impl DataDir {
    /// Opens the directory, or says in one line why it cannot be used.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let made = first_missing(path);
        // Other users of the machine must not read the messages.
        let made_closed = DirBuilder::new().recursive(true).mode(0o700).create(path);
        made_closed.map_err(|error| unusable(path, "cannot be created", &error))?;
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
        // The mask is that of the process, so that it also holds for the files that the engine
        // makes.
        rustix::process::umask(Mode::RWXG | Mode::RWXO);
        let mut lock = File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(|error| unusable(path, "cannot be written", &error))?;
        lock_or_say_who(path, &mut lock)?;
        Ok((id(path)?, lock))
    }

    /// Where the timelines are stored.
    pub(crate) fn timelines(&self) -> PathBuf {
        self.path.join("timelines")
    }

    /// Whether there were timelines once: then missing ones are not made anew.
    pub(crate) fn had_timelines(&self) -> bool {
        self.path.join(HAD_TIMELINES).exists()
    }

    /// Notes that there are timelines.
    pub(crate) fn note_timelines(&self) -> anyhow::Result<()> {
        if self.had_timelines() {
            return Ok(());
        }
        let text =
            "This directory has timelines; if they are missing, the server does not create new ones.\n";
        write_whole(&self.path, HAD_TIMELINES, text)
            .map_err(|error| unusable(&self.path, "cannot be written", &error))
    }

    /// Where it is written how far the webhook's receiver has heard.
    pub(crate) fn webhook(&self) -> PathBuf {
        Self::webhook_of(&self.path)
    }

    /// The same of a data directory that is not open.
    pub(crate) fn webhook_of(path: &Path) -> PathBuf {
        path.join("webhook")
    }

    /// What tells this store from any other: clients whose position is from another one start over.
    pub(crate) fn id(&self) -> Uuid {
        self.id
    }

    /// Says what opening the timelines would say and do, and changes nothing.
    fn check_timelines(&self, deep: bool) -> anyhow::Result<CheckReport> {
        let check = if self.had_timelines() { embedded::check_existing } else { embedded::check };
        let report = check(&self.timelines()).context("--data-dir")?;
        if deep {
            embedded::check_deep(&self.timelines()).context("--data-dir")?;
        }
        Ok(report)
    }

    /// Removes what opening made, when the server could not start after all.
    pub(crate) fn abandon(self) {
        remove(self.made.as_deref());
    }
}

/// Says why `path` could not be opened, or with `deep` why it could not be read, and leaves nothing
/// behind. Returns what opening it would change, if that is worth a word.
pub(crate) async fn check(path: &Path, deep: bool) -> anyhow::Result<Option<String>> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || check_now(&path, deep)).await?
}

fn check_now(path: &Path, deep: bool) -> anyhow::Result<Option<String>> {
    let missing: Vec<PathBuf> =
        ["id", "lock"].map(|name| path.join(name)).into_iter().filter(|file| !file.exists()).collect();
    let dir = DataDir::open(path)?;
    let timelines = dir.check_timelines(deep);
    // The files are removed before the lock is let go. An id that stayed would be taken for that of
    // timelines which are put there later.
    for file in &missing {
        if let Err(error) = fs::remove_file(file) {
            tracing::warn!("{} cannot be removed: {error}", file.display());
        }
    }
    dir.abandon();
    let report = timelines?;
    Ok((report.upgrade || report.torn_bytes > 0).then(|| format!("--data-dir: {report}")))
}

fn lock_or_say_who(path: &Path, lock: &mut File) -> anyhow::Result<()> {
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            // The number of the process is a help for the reader, and the message does without it
            // if it cannot be read.
            let process = match lock.read_to_string(&mut owner) {
                Ok(_) if !owner.trim().is_empty() => format!(" (process {})", owner.trim()),
                _ => String::new(),
            };
            return Err(anyhow!(
                "--data-dir: {} is in use by another tidings{process}; stop that one, or give another \
                 directory",
                path.display()
            ));
        }
        Err(TryLockError::Error(error)) => return Err(unusable(path, "cannot be locked", &error)),
    }
    lock.set_len(0)
        .and_then(|()| lock.write_all(std::process::id().to_string().as_bytes()))
        .map_err(|error| unusable(path, "cannot be written", &error))
}

/// The file whose presence says that there were timelines.
const HAD_TIMELINES: &str = "had-timelines";

/// The id of the store, made at its first opening and never again: with another one every client
/// would start over.
fn id(path: &Path) -> anyhow::Result<Uuid> {
    let file = path.join("id");
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if path.join("timelines").exists() || path.join(HAD_TIMELINES).exists() {
                return Err(damaged(&file, "is missing, although the directory has timelines"));
            }
            let id = Uuid::new_v4();
            write_whole(path, "id", &id.to_string())
                .map_err(|error| unusable(path, "cannot be written", &error))?;
            return Ok(id);
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(damaged(&file, "contains no id"));
        }
        Err(error) => return Err(unusable(&file, "cannot be read", &error)),
    };
    Uuid::parse_str(text.trim()).map_err(|_| damaged(&file, "contains no id"))
}

fn damaged(file: &Path, what: &str) -> anyhow::Error {
    anyhow!(
        "--data-dir: the file {} {what}; put it back from a backup, or write a new UUID into it (`uuidgen`), which makes \
         every client start over",
        file.display()
    )
}

/// Writes a file aside and renames it, so that a crash leaves the whole file or none.
fn write_whole(directory: &Path, name: &str, text: &str) -> io::Result<()> {
    let aside = directory.join(format!("{name}.new"));
    let mut written = File::options().create(true).truncate(true).write(true).mode(0o600).open(&aside)?;
    written.write_all(text.as_bytes())?;
    written.sync_all()?;
    fs::rename(&aside, directory.join(name))?;
    File::open(directory)?.sync_all()
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
        check_now(&path, true).unwrap();
        assert!(!parent.path().join("a").exists());
        let empty = parent.path().join("empty");
        fs::create_dir(&empty).unwrap();
        check_now(&empty, true).unwrap();
        assert_eq!(fs::read_dir(&empty).unwrap().count(), 0);
        drop(DataDir::open(&path).unwrap());
        check_now(&path, true).unwrap();
        assert!(path.join("id").exists());
    }

    #[test]
    fn an_id_that_cannot_be_read_is_not_replaced() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        drop(DataDir::open(&path).unwrap());
        let good = fs::read(path.join("id")).unwrap();
        for bad in [&b""[..], b"\n", b"no id", b"\xff\xfe", &good[..20]] {
            fs::write(path.join("id"), bad).unwrap();
            let error = DataDir::open(&path).unwrap_err().to_string();
            assert!(error.contains("contains no id") && error.contains("backup"), "{error}");
            assert_eq!(fs::read(path.join("id")).unwrap(), bad, "it is left as it is");
        }
        fs::create_dir(path.join("timelines")).unwrap();
        fs::remove_file(path.join("id")).unwrap();
        let error = DataDir::open(&path).unwrap_err().to_string();
        assert!(error.contains("is missing, although"), "{error}");
        fs::write(path.join("id"), &good).unwrap();
        DataDir::open(&path).unwrap().note_timelines().unwrap();
        // The timelines may be put back later, and then they are still those of this id.
        fs::remove_dir(path.join("timelines")).unwrap();
        fs::remove_file(path.join("id")).unwrap();
        let error = DataDir::open(&path).unwrap_err().to_string();
        assert!(error.contains("is missing, although"), "{error}");
        assert!(!path.join("id").exists(), "none is made");
        fs::write(path.join("id"), good).unwrap();
        DataDir::open(&path).unwrap();
    }

    #[test]
    fn other_users_are_kept_out() {
        use std::os::unix::fs::PermissionsExt as _;

        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("data");
        let dir = DataDir::open(&path).unwrap();
        assert!(!dir.had_timelines());
        dir.note_timelines().unwrap();
        assert!(dir.had_timelines());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o700);
        for file in ["id", "lock", HAD_TIMELINES] {
            assert_eq!(mode(&path.join(file)), 0o600, "{file}");
        }
    }

    #[test]
    fn a_path_below_a_file_is_named() {
        let parent = tempfile::tempdir().unwrap();
        fs::write(parent.path().join("file"), "").unwrap();
        let error = DataDir::open(&parent.path().join("file/data")).unwrap_err().to_string();
        assert!(error.starts_with("--data-dir: ") && error.contains("cannot be created"), "{error}");
    }
}
