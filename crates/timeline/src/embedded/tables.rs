//! The keyspaces of a store, and how they are read.
//!
//! What a reader sees is taken from one snapshot: a batch is in it whole or not at all.

mod conversations;
mod floors;
mod flush;
mod page_reader;
mod pages;
mod times;
mod views;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use fjall::{Database, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, Readable as _, Snapshot};

use super::directory::Directory;
use super::engine_error::EngineError;
use super::inspect;
use super::records::Extent;
use super::{Config, keys, records};
use crate::{Error, ErrorKind, Result, Seq};

/// The open keyspaces.
pub(super) struct Tables {
    pub(super) database: Database,
    pub(super) entries: Keyspace,
    pub(super) state: Keyspace,
    pub(super) sends: Keyspace,
    pub(super) bodies: Keyspace,
    /// The generation of the store.
    pub(super) generation: u64,
    // Dropped last, after the engine has let go of its files.
    _directory: Arc<Directory>,
}

/// The keyspaces alone, without the store that they are of.
pub(super) struct Keyspaces {
    pub(super) entries: Keyspace,
    pub(super) state: Keyspace,
    pub(super) sends: Keyspace,
    pub(super) bodies: Keyspace,
    // Nobody else may open the files before they are let go of.
    _directory: Arc<Directory>,
}

impl Tables {
    /// Opens or makes the keyspaces. Blocks.
    pub(super) fn open(config: &Config, directory: &Arc<Directory>) -> Result<Self> {
        // The engine panics when it finds what it takes for impossible.
        match catch_unwind(AssertUnwindSafe(|| Self::open_keyspaces(config, directory))) {
            Ok(opened) => opened.map_err(|error| directory.open_error(error)),
            Err(_) => Err(inspect::not_opened(directory.path(), "the engine cannot read its files")),
        }
    }

    fn open_keyspaces(config: &Config, directory: &Arc<Directory>) -> fjall::Result<Self> {
        let database = Database::builder(directory.store())
            .cache_size(config.cache_bytes)
            .max_cached_files(Some(DESCRIPTORS_MAX))
            .max_journaling_size(JOURNALS_BYTES)
            .open()?;
        let point_reads = || KeyspaceCreateOptions::default().expect_point_read_hits(true);
        let [entries, state, sends, bodies] = keys::KEYSPACES;
        Ok(Self {
            entries: database.keyspace(entries, KeyspaceCreateOptions::default)?,
            state: database.keyspace(state, point_reads)?,
            sends: database.keyspace(sends, KeyspaceCreateOptions::default)?,
            bodies: database.keyspace(bodies, point_reads)?,
            database,
            generation: 0,
            _directory: Arc::clone(directory),
        })
    }

    /// Returns the folders of the keyspaces below `store/keyspaces`, with that of the engine's own.
    pub(super) fn folders(&self) -> Vec<u64> {
        let folder = |keyspace: &Keyspace| keyspace.path().file_name()?.to_str()?.parse::<u64>().ok();
        let mut folders = vec![0];
        folders
            .extend([&self.entries, &self.state, &self.sends, &self.bodies].into_iter().filter_map(folder));
        folders.sort_unstable();
        folders
    }

    /// Returns the keyspaces without the store that they belong to.
    pub(super) fn keyspaces(&self) -> Keyspaces {
        Keyspaces {
            entries: self.entries.clone(),
            state: self.state.clone(),
            sends: self.sends.clone(),
            bodies: self.bodies.clone(),
            _directory: Arc::clone(&self._directory),
        }
    }

    /// Begins the batch `number`, which is written into every keyspace: see `inspect/numbers.rs`.
    pub(super) fn batch(&self, number: u64) -> OwnedWriteBatch {
        self.batch_of(number, 0)
    }

    /// Begins the batch `number` with room for so many records beside the number.
    pub(super) fn batch_of(&self, number: u64, records: usize) -> OwnedWriteBatch {
        let capacity = keys::KEYSPACES.len() + records;
        let mut batch = OwnedWriteBatch::with_capacity(self.database.clone(), capacity);
        let record = fjall::Slice::from(records::encode_number(number));
        for keyspace in [&self.entries, &self.state, &self.sends, &self.bodies] {
            batch.insert(keyspace, keys::BATCH, record.clone());
        }
        batch
    }

    /// Returns the state of one moment, of which a batch is seen whole or not at all.
    ///
    /// There is one exception: when the engine ends a merge while a batch is flushed, a snapshot
    /// from that moment sees the batch appear, in the order in which its records were put.
    ///
    /// The engine applies a batch only after its journal is flushed, so what a snapshot shows is
    /// durable.
    pub(super) fn snapshot(&self) -> Snapshot {
        self.database.snapshot()
    }

    /// Returns the cursor stored under `key`, 0 if there is none.
    pub(super) fn cursor(&self, snapshot: &Snapshot, key: &[u8]) -> Result<Seq> {
        match snapshot.get(&self.state, key).map_err(read_error)? {
            Some(record) => records::decode_sequence(&record),
            None => Ok(Seq::ZERO),
        }
    }

    /// Returns where the box with `prefix` begins and ends.
    pub(super) fn extent(&self, snapshot: &Snapshot, prefix: &[u8]) -> Result<Extent> {
        match snapshot.get(&self.state, keys::extent(prefix)).map_err(read_error)? {
            Some(record) => records::decode_extent(&record),
            None => Ok(Extent::default()),
        }
    }
}

/// The most files that the engine keeps open to read them again: few, so that connections find
/// descriptors.
const DESCRIPTORS_MAX: usize = 128;

/// The bytes of journals after which the engine moves what keeps the oldest one into tables.
///
/// Every batch is in every keyspace, so that one that hardly grows keeps all journals. They are
/// read whole at the next start.
const JOURNALS_BYTES: u64 = 128 * 1024 * 1024;

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tables").finish_non_exhaustive()
    }
}

/// Says what a failed read means.
pub(super) fn read_error(error: fjall::Error) -> Error {
    let error = EngineError::new(error);
    let (kind, text) = if error.is_io() {
        (ErrorKind::Unavailable, format!("the timeline store cannot be read: {error}"))
    } else {
        (ErrorKind::Corrupt, format!("the store is damaged: {error}"))
    };
    Error::with_source(kind, text, error)
}

#[cfg(test)]
mod tests;
