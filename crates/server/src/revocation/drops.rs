//! What `tidings revoke` leaves in the data directory for the server.
//!
//! ```text
//! DATA_DIR/revoke/NAME.drop       one revocation, whole: NAME begins with when it was made
//!                 NAME.new        one that is being written, which nobody reads
//!                 NAME.drop.full  one that the list had no place for: the server's answer, which
//!                                 the command removes when it has read it
//!                 ….broken        anything else that was found there, moved aside
//! ```

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, ensure};
use tidings::identity::Revocation;
use tidings::join::outage_log::OutageLog;
use uuid::Uuid;

/// The directory of the drops of one data directory.
#[derive(Debug)]
pub(super) struct Drops {
    data_dir: PathBuf,
    directory: PathBuf,
    stuck: OutageLog,
    unanswered: OutageLog,
}

/// What the server has said about a drop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DropAnswer {
    /// Nothing yet.
    Waiting,
    /// It counts.
    Taken,
    /// It is no revocation that this server knows.
    Refused,
    /// The list is full.
    Full,
}

/// A drop that was read.
#[derive(Debug)]
pub(super) struct WaitingDrop {
    path: PathBuf,
    pub(super) revocation: Revocation,
}

/// What was found there.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The oldest first, and not more than there may be at once.
    pub(super) drops: Vec<WaitingDrop>,
    /// The names of what is no drop.
    pub(super) broken: Vec<OsString>,
    /// Why the first of the drops cannot be read that cannot, such as for want of rights.
    pub(super) unreadable: Option<anyhow::Error>,
}

impl Drops {
    /// How many files may lie there at once, and how many drops are read together.
    const FILES_MAX: usize = 1_000;

    /// How long a drop may be: the longest id of a user, of which each byte takes two.
    const BYTES_MAX: u64 = 4_096;

    /// How old a file has to be that nobody writes any more.
    const LEFT_BEHIND: Duration = Duration::from_secs(60);

    pub(super) fn of(data_dir: &Path) -> Self {
        let stuck = OutageLog::new("files that are no revocations cannot be moved aside");
        let unanswered = OutageLog::new("it cannot be noted that the list of revocations was full");
        Self { data_dir: data_dir.to_owned(), directory: data_dir.join("revoke"), stuck, unanswered }
    }

    /// Puts a revocation there, and returns where when it is on the disk.
    pub(super) fn put(&self, revocation: &Revocation, now: SystemTime) -> anyhow::Result<PathBuf> {
        let written = self.write(revocation, now);
        written.with_context(|| format!("--data-dir: {} cannot be written to", self.directory.display()))
    }

    fn write(&self, revocation: &Revocation, now: SystemTime) -> anyhow::Result<PathBuf> {
        self.make_directory()?;
        ensure!(
            fs::read_dir(&self.directory)?.take(Self::FILES_MAX).count() < Self::FILES_MAX,
            "it has {} files already; start the server, which takes those that are revocations, or remove \
             them",
            Self::FILES_MAX
        );
        let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let name = format!("{:020}-{}", since.as_nanos(), Uuid::new_v4().simple());
        let (aside, path) = (self.directory.join(format!("{name}.new")), self.directory.join(name + ".drop"));
        if let Err(error) = self.write_aside(&aside, revocation).and_then(|()| fs::rename(&aside, &path)) {
            // On a disk that is full, nobody else comes to remove it. That this failed, too, says
            // no more than the first error.
            fs::remove_file(&aside).ok();
            return Err(error.into());
        }
        match File::open(&self.directory).and_then(|directory| directory.sync_all()) {
            // The error says that nothing is revoked; a server may have been quicker.
            Err(error) if Self::take_back(&path)? => Err(error.into()),
            Ok(()) | Err(_) => Ok(path),
        }
    }

    /// Writes it whole before it has its name, so that nobody reads a part of it.
    fn write_aside(&self, aside: &Path, revocation: &Revocation) -> io::Result<()> {
        let mut file = File::options().write(true).create_new(true).mode(0o600).open(aside)?;
        file.write_all(format!("{revocation}\n").as_bytes())?;
        file.sync_all()?;
        self.give_to_owner(aside)
    }

    /// Removes what commands left behind that were cut off while they wrote.
    pub(super) fn sweep(&self, now: SystemTime) -> io::Result<()> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let path = entry?.path();
            if path.extension().is_none_or(|end| end != "new") {
                continue;
            }
            let swept = fs::symlink_metadata(&path).and_then(|about| {
                let is_old = now.duration_since(about.modified()?).is_ok_and(|age| age >= Self::LEFT_BEHIND);
                if is_old { fs::remove_file(&path) } else { Ok(()) }
            });
            match swept {
                // Its command was quicker.
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Makes the directory for the owner of the data directory alone, if it is missing.
    fn make_directory(&self) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(&self.directory) {
            Ok(()) => {
                self.give_to_owner(&self.directory)?;
                File::open(&self.data_dir)?.sync_all()
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The server may run as another user than the command, who is root then. It has to be able to
    /// read and remove what the command makes.
    fn give_to_owner(&self, path: &Path) -> io::Result<()> {
        let (made, owner) = (fs::metadata(path)?, fs::metadata(&self.data_dir)?);
        if made.uid() == owner.uid() { Ok(()) } else { chown(path, Some(owner.uid()), Some(owner.gid())) }
    }

    /// Says what has become of a drop.
    pub(super) fn answer(path: &Path) -> DropAnswer {
        // One of which nobody can tell whether it is there is not known to be taken.
        if path.try_exists().unwrap_or(true) {
            DropAnswer::Waiting
        } else if beside(path, FULL).exists() {
            DropAnswer::Full
        } else if beside(path, BROKEN).exists() {
            DropAnswer::Refused
        } else {
            DropAnswer::Taken
        }
    }

    /// Takes a drop back, or the answer that the list was full; says whether it was still there.
    pub(super) fn take_back(path: &Path) -> io::Result<bool> {
        let mut was_there = false;
        for path in [path, &beside(path, FULL)] {
            match fs::remove_file(path) {
                Ok(()) => was_there = true,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(was_there)
    }

    /// Reads what is there, and changes nothing.
    pub(super) fn look(&self) -> anyhow::Result<Found> {
        let found = self.read();
        found.with_context(|| format!("--data-dir: {} cannot be read", self.directory.display()))
    }

    fn read(&self) -> anyhow::Result<Found> {
        let entries = match fs::read_dir(&self.directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::default()),
            Err(error) => return Err(error.into()),
        };
        let (mut names, mut found) = (BTreeSet::new(), Found::default());
        for entry in entries {
            let name = entry?.file_name();
            let ends = |with: &str| Path::new(&name).extension().is_some_and(|end| end == with);
            let (is_drop, is_known) = (ends("drop"), ends("new") || ends(BROKEN) || ends(FULL));
            if is_drop {
                // The names are in the order of time. Those beyond the bound have their turn when
                // these are done.
                names.insert(name);
                if names.len() > Self::FILES_MAX {
                    names.pop_last();
                }
            } else if !is_known && found.broken.len() < Self::FILES_MAX {
                found.broken.push(name);
            }
        }
        for name in names {
            let path = self.directory.join(&name);
            match read_one(&path) {
                Ok(Some(revocation)) => found.drops.push(WaitingDrop { path, revocation }),
                Ok(None) => found.broken.push(name),
                // A server took it just now, and this is a check beside it.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                // The others count all the same.
                Err(error) => {
                    let error = anyhow::Error::new(error);
                    let text = format!("--data-dir: {} cannot be read", path.display());
                    found.unreadable.get_or_insert_with(|| error.context(text));
                }
            }
        }
        Ok(found)
    }

    /// Moves aside what is no drop, and names each once in the log.
    pub(super) fn set_aside(&self, broken: &[OsString]) {
        let mut failed = None;
        for name in broken {
            let path = self.directory.join(name);
            match fs::rename(&path, beside(&path, BROKEN)) {
                Ok(()) => tracing::error!(
                    "{} is no revocation and was renamed to end with .broken; if `tidings revoke` made it, \
                     run that again",
                    path.display()
                ),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => failed = Some(error),
            }
        }
        match failed {
            Some(error) => self.stuck.note(&error),
            None => self.stuck.over(),
        }
    }

    /// Answers drops that have no place in the list. They do not count, also not later: whoever
    /// revoked something knows what became of it.
    pub(super) fn answer_full(&self, drops: &[WaitingDrop]) {
        let mut failed = None;
        for drop in drops {
            match fs::rename(&drop.path, beside(&drop.path, FULL)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => failed = Some(error),
                Ok(()) | Err(_) => {}
            }
        }
        match failed {
            Some(error) => self.unanswered.note(&error),
            None => self.unanswered.over(),
        }
    }

    /// Removes drops that were taken.
    pub(super) fn remove(drops: &[WaitingDrop]) -> anyhow::Result<()> {
        for drop in drops {
            match fs::remove_file(&drop.path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    let text = format!("--data-dir: {} cannot be removed", drop.path.display());
                    return Err(error).context(text);
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }
}

impl WaitingDrop {
    /// Whether it is the one that was put there.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        self.path == path
    }
}

/// The revocation in a file; `None` if it is none.
fn read_one(path: &Path) -> io::Result<Option<Revocation>> {
    // A pipe would be waited for, and a link may lead anywhere.
    let about = fs::symlink_metadata(path)?;
    if !about.is_file() || about.len() > Drops::BYTES_MAX {
        return Ok(None);
    }
    let mut text = String::new();
    match File::open(path)?.take(Drops::BYTES_MAX).read_to_string(&mut text) {
        Ok(_) => Ok(text.trim_end().parse().ok()),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => Ok(None),
        Err(error) => Err(error),
    }
}

/// The end of the name of what is no drop.
const BROKEN: &str = "broken";

/// The end of the name of a drop that had no place.
const FULL: &str = "full";

/// The same name with one more end.
fn beside(path: &Path, end: &str) -> PathBuf {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".");
    beside.push(end);
    beside.into()
}

#[cfg(test)]
mod tests;
