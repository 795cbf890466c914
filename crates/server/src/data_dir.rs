//! The data directory: created when missing, and used by one server at a time.

mod made;

use std::fs::{File, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context as _, anyhow};
use rustix::fs::Mode;
use rustix::io::Errno;
use tidings::identity::RevocationFile;
use tidings::timeline::embedded::{self, CheckReport};
use uuid::Uuid;

use self::made::Made;

/// An open data directory. The lock is held until it is dropped, and the kernel lets go of it
/// however we end.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    id: Uuid,
    made: Made,
    _lock: File,
}

impl DataDir {
    /// Opens the directory, or says in one line why it cannot be used.
    pub(crate) fn open(path: &Path) -> anyhow::Result<Self> {
        let mut made = Made::default();
        match Self::open_noting(path, &mut made) {
            Ok((id, lock)) => Ok(Self { path: path.to_owned(), id, made, _lock: lock }),
            Err(error) => {
                // What is left of it by now is a lock that nobody can take, and directories, which
                // are only removed while they are empty: another server may have made one of its
                // own there.
                made.undo();
                Err(error)
            }
        }
    }

    fn open_noting(path: &Path, made: &mut Made) -> anyhow::Result<(Uuid, File)> {
        // The mask is that of the process, so that it also holds for the files that the engine
        // makes.
        rustix::process::umask(Mode::RWXG | Mode::RWXO);
        let mut lock = lock(path, made)?;
        let written = lock
            .set_len(0)
            .and_then(|()| lock.write_all(std::process::id().to_string().as_bytes()))
            .map_err(|error| unusable(path, "cannot be written", &error));
        let id = written.and_then(|()| id(path, made));
        if id.is_err() {
            // Before the lock is let go.
            made.undo();
        }
        Ok((id?, lock))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether there is a data directory of a server, in use or not; an error if nobody can tell.
    pub(crate) fn exists(path: &Path) -> io::Result<bool> {
        path.join("id").try_exists()
    }

    /// Whether a server uses the directory at this moment.
    ///
    /// It may take the lock itself for an instant. Ask rarely: a server that starts in that instant
    /// would not.
    pub(crate) fn is_in_use(path: &Path) -> io::Result<bool> {
        let lock = match File::open(path.join(LOCK)) {
            Ok(lock) => lock,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        match lock.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Where the timelines are stored.
    pub(crate) fn timelines(&self) -> PathBuf {
        self.path.join("timelines")
    }

    /// Whether there were timelines once: then missing ones are not made anew.
    pub(crate) fn had_timelines(&self) -> bool {
        self.path.join(HAD_TIMELINES).exists()
    }

    /// Says that the directory has messages which nobody reads, as others do, if it has any.
    pub(crate) fn unread(&self) -> Option<String> {
        self.had_timelines().then(|| {
            format!(
                "--data-dir: {} has messages of its own, which are not read: --timeline says to read those in MongoDB",
                self.path.display()
            )
        })
    }

    /// Notes that there are timelines.
    ///
    /// The note, and whatever was put into the directory before it, is on the disk then.
    pub(crate) fn note_timelines(&self) -> anyhow::Result<()> {
        let noted = if self.had_timelines() {
            // A process may have been killed before its note was on the disk.
            File::open(&self.path).and_then(|directory| directory.sync_all())
        } else {
            let text =
                "This directory has timelines; if they are missing, the server does not create new ones.\n";
            write_whole(&self.path, HAD_TIMELINES, text)
        };
        noted.map_err(|error| unusable(&self.path, "cannot be written", &error))
    }

    /// Where it is written how far the webhook's receiver has heard.
    pub(crate) fn webhook(&self) -> PathBuf {
        Self::webhook_of(&self.path)
    }

    /// Returns where that is in a data directory that is not open.
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

    /// Removes the directory if opening made it, when the server could not start after all.
    pub(crate) fn abandon(mut self) {
        self.made.undo_all(&self.path);
    }

    /// Removes the timelines of a salvage that found nothing.
    pub(crate) fn remove_timelines(&self) {
        let timelines = self.timelines();
        if let Err(error) = fs::remove_dir_all(&timelines) {
            tracing::warn!("{} cannot be removed: {error}", timelines.display());
        }
    }

    /// Whether a directory has nothing, or no more than a salvage or an import leaves that was cut
    /// short.
    pub(crate) fn is_vacant(path: &Path) -> bool {
        // One that cannot be read cannot be opened, either, which is told then.
        let Ok(entries) = fs::read_dir(path) else { return true };
        let timelines = path.join("timelines");
        let begun = if embedded::is_cut_salvage(&timelines) || embedded::is_cut_import(&timelines) {
            // A salvage notes that there are timelines before they are finished.
            &BEGUN[..]
        } else if path.join(NO_TIMELINES_YET).exists() {
            &BEGUN[..BEGUN.len() - 1]
        } else {
            // Other files may be those of an older version, which made no sign.
            &BEGUN[..1]
        };
        entries.flatten().all(|entry| begun.iter().any(|name| entry.file_name() == **name))
    }
}

/// How much of a data directory a check looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CheckExtent {
    /// The directory alone, as the messages are elsewhere.
    Directory,
    /// Also what opening its timelines looks at.
    Timelines,
    /// All that is stored.
    Everything,
}

/// Says why `path` could not be opened, or why everything in it could not be read, and leaves
/// nothing behind. Returns what opening it would change, if that is worth a word.
pub(crate) async fn check(path: &Path, extent: CheckExtent) -> anyhow::Result<Option<String>> {
    let path = path.to_owned();
    tokio::task::spawn_blocking(move || check_now(&path, extent)).await?
}

fn check_now(path: &Path, extent: CheckExtent) -> anyhow::Result<Option<String>> {
    let mut dir = DataDir::open(path)?;
    if extent == CheckExtent::Directory {
        let note = dir.unread();
        dir.made.undo();
        return Ok(note);
    }
    let timelines = dir.check_timelines(extent == CheckExtent::Everything);
    // What was made is removed before the lock is let go. An id that stayed would be taken for that
    // of timelines which are put there later.
    dir.made.undo();
    drop(dir);
    let report = timelines?;
    if let Some(reason) = &report.read_only {
        return Err(anyhow!("--data-dir: {reason}"));
    }
    Ok((report.upgrade || report.torn_bytes > 0).then(|| format!("--data-dir: {report}")))
}

/// Makes the directory and its lock where they are missing, and takes the lock.
fn lock(path: &Path, made: &mut Made) -> anyhow::Result<File> {
    let (place, mut options) = (path.join(LOCK), File::options());
    options.read(true).write(true).mode(0o600);
    let mut attempts = 0;
    loop {
        attempts += 1;
        made.directory(path).map_err(|error| unusable(path, "cannot be created", &error))?;
        let (opened, is_new) = match options.clone().create_new(true).open(&place) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => (options.open(&place), false),
            other => (other, true),
        };
        let mut lock = match opened {
            Ok(lock) => lock,
            // Another process may have made the lock, or the directory, and removed it just now.
            // There are also directories that never take a file and say the same, such as `/proc`.
            Err(error) if error.kind() == io::ErrorKind::NotFound && attempts < ATTEMPTS_MAX => continue,
            Err(error) => return Err(unusable(path, "cannot be written", &error)),
        };
        let tried = lock.try_lock();
        if is_new {
            note_unlockable(made, &place, &tried);
        }
        say_who(path, &mut lock, tried)?;
        if is_at(&lock, &place).map_err(|error| unusable(path, "cannot be read", &error))? {
            if is_new {
                made.file(place);
            }
            return Ok(lock);
        }
    }
}

/// Notes a lock that was made just now where the file system takes none: nobody else uses it
/// either, so it goes again with what was made.
///
/// After any other error, such as a system that is out of locks for a moment, another server may
/// have taken the lock by now, and it stays.
fn note_unlockable(made: &mut Made, place: &Path, tried: &Result<(), TryLockError>) {
    let Err(TryLockError::Error(error)) = tried else { return };
    let errno = Errno::from_io_error(error);
    if error.kind() == io::ErrorKind::Unsupported || errno == Some(Errno::OPNOTSUPP) {
        made.file(place.to_owned());
    }
}

/// Says why a lock was not taken, if it was not.
fn say_who(path: &Path, lock: &mut File, tried: Result<(), TryLockError>) -> anyhow::Result<()> {
    match tried {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => {
            let mut owner = String::new();
            // The number of the process is a help for the reader, and the message does without it
            // if it cannot be read.
            let process = match lock.read_to_string(&mut owner) {
                Ok(_) if !owner.trim().is_empty() => format!(" (process {})", owner.trim()),
                _ => String::new(),
            };
            Err(anyhow!(
                "--data-dir: {} is in use by another tidings{process}; stop that one, or give another \
                 directory",
                path.display()
            ))
        }
        Err(TryLockError::Error(error)) => Err(unusable(path, "cannot be locked", &error)),
    }
}

/// Tells whether an open file is still the one at a place.
///
/// A process that makes a directory and leaves nothing behind, such as a check, removes the lock
/// while it holds it. A process that had opened the lock before could take it after that, but it
/// would hold a file without a name, and the next one would make and lock another file.
fn is_at(file: &File, place: &Path) -> io::Result<bool> {
    let open = file.metadata()?;
    match fs::metadata(place) {
        Ok(there) => Ok((there.dev(), there.ino()) == (open.dev(), open.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// The file that the server which uses the directory has locked.
const LOCK: &str = "lock";

/// How often the lock is made at most when it, or its directory, is gone each time.
const ATTEMPTS_MAX: u32 = 100;

/// The file whose presence says that there were timelines.
const HAD_TIMELINES: &str = "had-timelines";

/// The file whose presence says that this version made the directory and no timelines yet. It is
/// what [`HAD_TIMELINES`] is written to before it takes its place.
const NO_TIMELINES_YET: &str = "had-timelines.new";

/// What is in a directory whose timelines are not finished: the lock first, and last the note that
/// a salvage makes shortly before they are.
const BEGUN: [&str; 9] = [
    LOCK,
    NO_TIMELINES_YET,
    "id",
    "id.new",
    "timelines",
    "webhook",
    RevocationFile::NAME,
    "revocations.new",
    HAD_TIMELINES,
];

/// The id of the store, made at its first opening and never again: with another one every client
/// would start over.
fn id(path: &Path, made: &mut Made) -> anyhow::Result<Uuid> {
    let file = path.join("id");
    let text = match fs::read_to_string(&file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if path.join("timelines").exists() || path.join(HAD_TIMELINES).exists() {
                return Err(damaged(&file, "is missing, although the directory has timelines"));
            }
            return make_id(path, made).map_err(|error| unusable(path, "cannot be written", &error));
        }
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(damaged(&file, "contains no id"));
        }
        Err(error) => return Err(unusable(&file, "cannot be read", &error)),
    };
    let id = Uuid::parse_str(text.trim()).map_err(|_| damaged(&file, "contains no id"))?;
    // Older versions noted nothing, and made timelines whenever they made an id.
    if !path.join(HAD_TIMELINES).exists() && !path.join(NO_TIMELINES_YET).exists() && lacks_timelines(path) {
        return Err(anyhow!(
            "--data-dir: {} has an id, but its folder timelines is missing or empty; put that back from a backup, or, \
             if no message was ever stored there, remove the file {} and what is left of that folder",
            path.display(),
            file.display()
        ));
    }
    Ok(id)
}

fn make_id(path: &Path, made: &mut Made) -> io::Result<Uuid> {
    for name in [NO_TIMELINES_YET, "id.new", "id"] {
        made.file(path.join(name));
    }
    // The sign comes first: an id without it is one of an older version.
    let sign = path.join(NO_TIMELINES_YET);
    File::options().create(true).truncate(false).write(true).mode(0o600).open(sign)?;
    let id = Uuid::new_v4();
    write_whole(path, "id", &id.to_string())?;
    Ok(id)
}

fn lacks_timelines(path: &Path) -> bool {
    match fs::read_dir(path.join("timelines")) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
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

fn unusable(path: &Path, what: &str, error: &io::Error) -> anyhow::Error {
    let mut text = error.to_string();
    // `Permission denied (os error 13)`: the number helps nobody here.
    if let Some(end) = text.find(" (os error") {
        text.truncate(end);
    }
    anyhow!("--data-dir: {} {what}: {text}", path.display())
}

#[cfg(test)]
mod tests;
