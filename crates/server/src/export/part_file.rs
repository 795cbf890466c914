//! The file of an export that is not whole yet, and goes on where it was cut short.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io::{self, BufRead as _, BufReader, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow, bail, ensure};

use super::tally::Tally;
use crate::log;

/// `FILE.part`, which becomes `FILE` when it is whole.
#[derive(Debug)]
pub(super) struct PartFile {
    path: PathBuf,
    part: PathBuf,
    file: File,
    tally: Tally,
    /// How many lines come again that the file has already.
    skip: u64,
}

/// What the first line begins with.
const HEAD: &[u8] = br#"{"type":"store","#;

impl PartFile {
    /// Fails if there is something at `path` already.
    pub(super) fn check(path: &Path) -> anyhow::Result<()> {
        let there =
            path.try_exists().with_context(|| format!("export: {} cannot be read", path.display()))?;
        ensure!(!there, "export: {} is there already; remove it, or name another file", path.display());
        Ok(())
    }

    /// Opens the file, and keeps the lines that it has if they are of an export with the same
    /// first line.
    pub(super) fn open(path: &Path, first: &[u8]) -> anyhow::Result<Self> {
        let mut name = OsString::from(path);
        name.push(".part");
        let part = PathBuf::from(name);
        let mut options = File::options();
        // What it has is kept until it is known what it is. It has all messages.
        options.create(true).truncate(false).read(true).write(true).mode(0o600);
        let opened = options.open(&part).map_err(|error| unwritable(&part, &error))?;
        match opened.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                bail!(
                    "export: {} is written by another export; wait for it, or name another file",
                    part.display()
                )
            }
            // Where nothing can be locked, nobody else has it locked.
            Err(TryLockError::Error(error)) => {
                tracing::debug!(%error, "the file of the export cannot be locked");
            }
        }
        let tally = kept(&opened, &part, first)?;
        let mut file = opened;
        file.set_len(tally.bytes)
            .and_then(|()| file.seek(SeekFrom::Start(tally.bytes)))
            .map_err(|error| unwritable(&part, &error))?;
        if tally.lines > 0 {
            log::complain(format_args!(
                "export: {} has {} lines of this export already, and it goes on there",
                part.display(),
                tally.lines
            ));
        }
        let skip = tally.lines;
        Ok(Self { path: path.to_owned(), part, file, tally, skip })
    }

    /// Writes what the file does not have yet.
    pub(super) fn put(&mut self, mut piece: &[u8]) -> anyhow::Result<()> {
        while self.skip > 0 {
            let Some(end) = piece.iter().position(|byte| *byte == b'\n') else { return Ok(()) };
            piece = piece.get(end + 1..).unwrap_or_default();
            self.skip -= 1;
        }
        self.file.write_all(piece).map_err(|error| {
            let lines = self.tally.lines;
            anyhow!(
                "export: {} cannot be written: {error}; it has {lines} lines: make room and run this again, and \
                 it goes on there",
                self.part.display()
            )
        })?;
        self.tally.add(piece);
        Ok(())
    }

    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Gives the file its name, if it is whole.
    pub(super) fn finish(self) -> anyhow::Result<Tally> {
        let Self { path, part, file, tally, skip } = self;
        ensure!(
            skip == 0,
            "export: {} has more lines than the export, so it was changed since; remove it and run this again",
            part.display()
        );
        tally.check_end().with_context(|| format!("export: {}", part.display()))?;
        file.sync_all().map_err(|error| unwritable(&part, &error))?;
        Self::check(&path)?;
        fs::rename(&part, &path)
            .and_then(|()| File::open(folder(&path))?.sync_all())
            .with_context(|| format!("export: {} cannot be renamed to {}", part.display(), path.display()))?;
        Ok(tally)
    }
}

/// Counts the whole lines that a file has of the export with this first line.
fn kept(file: &File, part: &Path, first: &[u8]) -> anyhow::Result<Tally> {
    let (mut tally, mut line, mut lines) = (Tally::default(), Vec::new(), BufReader::new(file));
    loop {
        line.clear();
        lines
            .read_until(b'\n', &mut line)
            .with_context(|| format!("export: {} cannot be read", part.display()))?;
        if tally.lines == 0 {
            // The file may be anything that only has this name.
            let is_of_export = line.starts_with(HEAD) || HEAD.starts_with(&line);
            ensure!(
                is_of_export,
                "export: {} is there already and is no part of an export; remove it, or name another file",
                part.display()
            );
            if line.ends_with(b"\n") && line != first {
                log::complain(format_args!(
                    "export: {} is of another state of the store, which was written to since; it begins anew",
                    part.display()
                ));
                return Ok(tally);
            }
        }
        if !line.ends_with(b"\n") {
            return Ok(tally);
        }
        tally.add(&line);
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

fn unwritable(part: &Path, error: &io::Error) -> anyhow::Error {
    anyhow!("export: {} cannot be written: {error}; make room or name another file", part.display())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "{\"type\":\"store\",\"batch\":7}\n";
    const END: &str = "{\"type\":\"end\",\"lines\":2}\n";

    fn export() -> String {
        format!("{FIRST}{{\"type\":\"box\"}}\n{END}")
    }

    fn write(path: &Path, text: &str) -> anyhow::Result<Tally> {
        let mut part = PartFile::open(path, FIRST.as_bytes())?;
        // In pieces that no line ends with.
        for piece in text.as_bytes().chunks(5) {
            part.put(piece)?;
        }
        part.finish()
    }

    #[test]
    fn an_export_that_was_cut_anywhere_goes_on_and_is_the_same() {
        let (directory, whole) = (tempfile::tempdir().unwrap(), export());
        for cut in 0..=whole.len() {
            let path = directory.path().join(format!("{cut}"));
            fs::write(directory.path().join(format!("{cut}.part")), &whole[..cut]).unwrap();
            assert_eq!(write(&path, &whole).unwrap().lines, 3, "{cut}");
            assert_eq!(fs::read_to_string(&path).unwrap(), whole, "{cut}");
            assert!(!directory.path().join(format!("{cut}.part")).exists());
        }
    }

    #[test]
    fn an_export_of_another_state_begins_anew() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("export");
        let older = "{\"type\":\"store\",\"batch\":6}\n{\"type\":\"box\",\"of\":1}\n".repeat(9);
        fs::write(directory.path().join("export.part"), older).unwrap();
        write(&path, &export()).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), export());
    }

    #[test]
    fn nothing_of_others_is_written_over_and_no_half_gets_the_name() {
        let directory = tempfile::tempdir().unwrap();
        let (path, part) = (directory.path().join("export"), directory.path().join("export.part"));
        fs::write(&part, "a letter\n").unwrap();
        let error = write(&path, &export()).unwrap_err().to_string();
        assert!(error.contains("is no part of an export"), "{error}");
        assert_eq!(fs::read_to_string(&part).unwrap(), "a letter\n");
        fs::remove_file(&part).unwrap();
        let cut = export().replace(END, "");
        let error = format!("{:#}", write(&path, &cut).unwrap_err());
        assert!(error.contains("was cut short") && part.exists() && !path.exists(), "{error}");
        fs::write(&path, "").unwrap();
        let error = write(&path, &export()).unwrap_err().to_string();
        assert!(error.contains("is there already"), "{error}");
        assert!(PartFile::check(&path).is_err());
    }

    #[test]
    fn a_file_that_has_more_lines_than_the_export_is_told() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("export.part"), format!("{}{}", export(), END)).unwrap();
        let error = write(&directory.path().join("export"), &export()).unwrap_err().to_string();
        assert!(error.contains("has more lines"), "{error}");
    }

    #[test]
    fn two_exports_do_not_write_the_same_file() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("export");
        let _first = PartFile::open(&path, FIRST.as_bytes()).unwrap();
        let error = PartFile::open(&path, FIRST.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("another export"), "{error}");
    }
}
