//! Revocations on a disk, over restarts.
//!
//! ```text
//! tidings revocations 1                   what it is, and the version of the format
//! {"user":"bob","until":1700003600}       one line for each entry
//! end 1 9f86d081…                         how many, and the SHA-256 of all lines before, in hex
//! ```

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, Write as _};
#[cfg(unix)]
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use aws_lc_rs::digest::{SHA256, digest};
use parking_lot::Mutex;

use crate::error::{Error, ErrorKind};
use crate::revocation::Revocation;
use crate::revocations::Revocations;

const HEAD: &str = "tidings revocations 1\n";

/// The file of a data directory that keeps revocations.
///
/// It is written aside and renamed, so that a crash or a power cut leaves the old or the new one,
/// and it is for its owner alone. One process at a time writes the file of a directory. A file that
/// is there and cannot be read whole is an error, as an empty list would let in who was sent away;
/// a directory without the file has had no revocations.
#[derive(Debug)]
pub struct RevocationFile {
    path: PathBuf,
    aside: PathBuf,
    /// Held while the file is written, as all writers have one file aside.
    writing: Mutex<()>,
}

impl RevocationFile {
    /// What the file is called.
    pub const NAME: &'static str = "revocations";

    /// Creates the file of a directory, which exists; the file need not.
    #[must_use]
    pub fn new(directory: impl AsRef<Path>) -> Self {
        let path = directory.as_ref().join(Self::NAME);
        Self { aside: path.with_extension("new"), path, writing: Mutex::new(()) }
    }

    /// Adds what the file has to a list, and returns how many entries were news.
    ///
    /// It reads the file and blocks for as long.
    ///
    /// # Errors
    ///
    /// [`Damaged`](ErrorKind::Damaged) if the file does not hold what was written to it,
    /// [`Unavailable`](ErrorKind::Unavailable) if it cannot be read, [`Full`](ErrorKind::Full) if
    /// the list cannot take all of it. Each names the file.
    pub fn load(&self, list: &Revocations, now: SystemTime) -> Result<usize, Error> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
            Err(error) => return Err(self.error(ErrorKind::Unavailable, "cannot be read", error)),
        };
        let entries = str::from_utf8(&bytes).ok().and_then(read).ok_or_else(|| {
            let text = format!(
                "the file of revocations {} is damaged; restore it from a copy, or remove it to begin with \
                 none and let revoked tokens in again",
                self.path.display()
            );
            Error::new(ErrorKind::Damaged, text)
        })?;
        let mut news = 0;
        for entry in &entries {
            let is_news = list.apply(entry, now);
            news += usize::from(is_news.map_err(|error| self.error(ErrorKind::Full, "does not fit", error))?);
        }
        Ok(news)
    }

    /// Writes all entries of a list that count, and returns when they are on the disk.
    ///
    /// It blocks for as long, and while another one writes.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](ErrorKind::Unavailable), with the name of the file, if it cannot be written;
    /// the old one is still there.
    pub fn save(&self, list: &Revocations, now: SystemTime) -> Result<(), Error> {
        let _writing = self.writing.lock();
        // Within the lock, so that no older list is written over a newer one.
        let text = write(&list.list(now));
        self.replace(text.as_bytes()).map_err(|error| {
            // On a disk that is full, a part of it takes what place is left. The first error says
            // what is wrong, and the next save begins with the same removal.
            fs::remove_file(&self.aside).ok();
            self.error(ErrorKind::Unavailable, "cannot be written", error)
        })
    }

    fn replace(&self, bytes: &[u8]) -> io::Result<()> {
        // What a crash left there may be open to others, or a link to elsewhere.
        if let Err(error) = fs::remove_file(&self.aside)
            && error.kind() != io::ErrorKind::NotFound
        {
            return Err(error);
        }
        let mut options = File::options();
        options.write(true).create_new(true);
        #[cfg(unix)]
        options.mode(0o600);
        let mut file = options.open(&self.aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&self.aside, &self.path)?;
        // The new name is in the directory, which has to be on the disk, too.
        let directory = match self.path.parent() {
            Some(directory) if !directory.as_os_str().is_empty() => directory,
            _ => Path::new("."),
        };
        File::open(directory)?.sync_all()
    }

    fn error(
        &self,
        kind: ErrorKind,
        what: &str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Error {
        let text = format!("the file of revocations {} {what}", self.path.display());
        Error::with_source(kind, text, source)
    }
}

fn write(entries: &[Revocation]) -> String {
    let mut text = HEAD.to_owned();
    for entry in entries {
        text.push_str(&entry.to_string());
        text.push('\n');
    }
    let end = end(entries.len(), &text);
    text.push_str(&end);
    text
}

/// The entries of a whole file.
fn read(text: &str) -> Option<Vec<Revocation>> {
    let at = text.strip_suffix('\n')?.rfind('\n')? + 1;
    let (before, last) = text.split_at(at);
    let entries: Option<Vec<_>> =
        before.strip_prefix(HEAD)?.lines().map(|line| line.parse::<Revocation>().ok()).collect();
    entries.filter(|entries| end(entries.len(), before) == last)
}

/// The last line: a file that was cut or changed has another one, or none.
fn end(count: usize, before: &str) -> String {
    let mut line = format!("end {count} ");
    for byte in digest(&SHA256, before.as_bytes()).as_ref() {
        // Writing to a text does not fail.
        write!(line, "{byte:02x}").unwrap_or_default();
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_which_any_byte_is_lost_or_changed_is_not_read() {
        let entries = [r#"{"user":"bob","until":17}"#, r#"{"before":7,"until":17}"#];
        let entries: Vec<Revocation> = entries.iter().map(|text| text.parse().unwrap()).collect();
        let text = write(&entries);
        assert_eq!(read(&text).unwrap(), entries);
        assert!(read(&write(&[])).unwrap().is_empty());
        for at in 0..text.len() {
            assert!(read(&text[..at]).is_none(), "cut at {at}");
            let mut changed = text.clone().into_bytes();
            changed[at] ^= 1;
            assert!(read(str::from_utf8(&changed).unwrap()).is_none(), "changed at {at}");
        }
        assert!(read(&format!("{text}{text}")).is_none());
    }
}
