//! The small disk.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::Failure;

/// A file system that a few seconds can fill; unmounted when dropped.
pub(crate) struct Disk {
    directory: TempDir,
}

impl Disk {
    pub(crate) fn mount() -> Result<Self, Failure> {
        let directory = TempDir::new()?;
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", SIZE, "soak"]).arg(directory.path()).status()?;
        if mounted.success() {
            Ok(Self { directory })
        } else {
            Err("the small disk cannot be mounted".into())
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Writes until nothing is left.
    pub(crate) fn fill(&self) -> Result<(), Failure> {
        let mut ballast = File::create(self.ballast())?;
        let block = vec![0xa5; 1 << 16];
        for size in [block.len(), 512, 1] {
            loop {
                match ballast.write_all(&block[..size]) {
                    Ok(()) => {}
                    Err(error) if error.kind() == ErrorKind::StorageFull => break,
                    Err(error) => return Err(error.into()),
                }
            }
        }
        Ok(())
    }

    /// Gives the room back.
    pub(crate) fn empty(&self) -> Result<(), Failure> {
        Ok(fs::remove_file(self.ballast())?)
    }

    fn ballast(&self) -> PathBuf {
        self.path().join("ballast")
    }
}

impl fmt::Display for Disk {
    /// Says how much is on it, and in how many files.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match size(self.path()) {
            Ok((bytes, files)) => write!(f, "{} MiB in {files} files on its disk", bytes >> 20),
            Err(error) => write!(f, "what is on its disk is not known: {error}"),
        }
    }
}

/// Returns how many bytes the files below a directory take, and how many there are.
fn size(directory: &Path) -> io::Result<(u64, usize)> {
    let mut sum = (0, 0);
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let (bytes, files) = match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size(&entry.path())?,
            Ok(metadata) => (metadata.blocks() * 512, 1),
            // The server has just deleted it.
            Err(error) if error.kind() == ErrorKind::NotFound => (0, 0),
            Err(error) => return Err(error),
        };
        sum = (sum.0 + bytes, sum.1 + files);
    }
    Ok(sum)
}

impl Drop for Disk {
    fn drop(&mut self) {
        // At the latest the end of the namespace unmounts it.
        drop(Command::new("umount").arg("--lazy").arg(self.path()).status());
    }
}

/// The store keeps some journals of 64 MiB, and refuses sends when little is left.
const SIZE: &str = "size=1g";
