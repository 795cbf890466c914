//! Where the embedded store is and how much it holds in memory.

use std::path::PathBuf;

use crate::{Error, ErrorKind, Result};

/// Settings of the embedded store.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// The directory of the store.
    ///
    /// It is made if it is missing, and used by one process at a time.
    pub directory: PathBuf,
    /// Whether a store must be there already.
    ///
    /// Then one that is missing is an error, and none is made. False by default. For programs that
    /// know, from a note of their own, that there was one.
    pub must_exist: bool,
    /// How many sends wait for the committer at most.
    ///
    /// 1,024 by default, 1 to 65,536. When the queue is full, senders wait. It bounds the memory of
    /// waiting sends, together with the timeline's bound on a message.
    pub queue: usize,
    /// The bytes after which a batch is committed without further sends.
    ///
    /// 8 MiB by default, at least 64 KiB.
    pub batch_bytes: usize,
    /// How many bytes of the disk stay free.
    ///
    /// 256 MiB by default, and never more than a twentieth of the disk. Below, sends are refused
    /// and the state is read-only, until there is a quarter more. 0 turns it off.
    pub disk_free_min_bytes: u64,
    /// The bytes of the cache for what is read from disk; 32 MiB by default.
    pub cache_bytes: u64,
}

impl Config {
    /// Returns the defaults for a store in `directory`.
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            must_exist: false,
            queue: 1_024,
            batch_bytes: 8 * 1024 * 1024,
            disk_free_min_bytes: 256 * 1024 * 1024,
            cache_bytes: 32 * 1024 * 1024,
        }
    }

    pub(super) fn validate(&self) -> Result<()> {
        let wrong = |text: String| Err(Error::new(ErrorKind::Config, text));
        if self.directory.as_os_str().is_empty() {
            return wrong("directory is empty; name the folder of the store".to_owned());
        }
        if !(1..=65_536).contains(&self.queue) {
            return wrong(format!("queue is {}; it must be from 1 to 65536", self.queue));
        }
        if self.batch_bytes < 64 * 1024 {
            return wrong(format!("batch_bytes is {}; it must be at least 65536", self.batch_bytes));
        }
        Ok(())
    }
}
