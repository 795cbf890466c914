//! The keyspaces of a store, and how they are read.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use fjall::{Database, Guard, Keyspace, KeyspaceCreateOptions, OwnedWriteBatch, Readable, Snapshot};

use super::directory::Directory;
use super::engine_error::EngineError;
use super::inspect;
use super::records::{EntryReader, Extent};
use super::{Config, keys, records};
use crate::{Entry, Error, ErrorKind, InboxPage, PageRequest, Position, Result, Seq, page};

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

/// A page of a box.
pub(super) struct Paged {
    pub(super) entries: Vec<Entry>,
    /// Whether there are more in its direction.
    pub(super) more: bool,
}

impl Tables {
    /// Opens or makes the keyspaces. Blocks.
    pub(super) fn open(config: &Config, directory: &Arc<Directory>) -> Result<Self> {
        // The engine panics when it finds what it takes for impossible.
        match catch_unwind(AssertUnwindSafe(|| Self::keyspaces(config, directory))) {
            Ok(opened) => opened.map_err(|error| directory.open_error(error)),
            Err(_) => Err(inspect::not_opened(directory.path(), "the engine cannot read its files")),
        }
    }

    fn keyspaces(config: &Config, directory: &Arc<Directory>) -> fjall::Result<Self> {
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

    /// Begins the batch `number`, which is written into every keyspace: see `inspect/numbers.rs`.
    pub(super) fn batch(&self, number: u64) -> OwnedWriteBatch {
        let mut batch = self.database.batch();
        let record = fjall::Slice::from(records::encode_number(number));
        for keyspace in [&self.entries, &self.state, &self.sends, &self.bodies] {
            batch.insert(keyspace, keys::BATCH, record.clone());
        }
        batch
    }

    /// Returns the state of one moment, of which a batch is seen whole or not at all.
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

    /// Returns the inbox with `prefix` after a position.
    pub(super) fn inbox(&self, prefix: &[u8], last_read: Position, page: PageRequest) -> Result<InboxPage> {
        // One snapshot for the extent and the entries: with two, a batch between them would look
        // like a hole.
        let snapshot = self.snapshot();
        let extent = self.extent(&snapshot, prefix)?;
        let entries = if self.gave_out(&snapshot, prefix, extent, last_read)? {
            Some(self.read(&snapshot, prefix, extent, page)?.entries)
        } else {
            None
        };
        let (generation, reset) = (self.generation, entries.is_none());
        let answer = InboxPage::new(extent.top, entries.unwrap_or_default());
        Ok(InboxPage { reset, generation, floor: extent.floor, ..answer })
    }

    /// Returns a page of the box with `prefix`.
    pub(super) fn page(&self, prefix: &[u8], page: PageRequest) -> Result<Paged> {
        let snapshot = self.snapshot();
        let extent = self.extent(&snapshot, prefix)?;
        self.read(&snapshot, prefix, extent, page)
    }

    /// Returns whether a reader can have its position from this box.
    fn gave_out(
        &self,
        snapshot: &Snapshot,
        prefix: &[u8],
        extent: Extent,
        position: Position,
    ) -> Result<bool> {
        let Position { sequence, tag } = position;
        if sequence > extent.top {
            return Ok(false);
        }
        // An entry at or below the floor was removed, so its tag cannot be compared any more.
        let Some(tag) = tag.filter(|_| sequence > extent.floor) else { return Ok(true) };
        match snapshot.get(&self.entries, keys::entry(prefix, sequence)).map_err(read_error)? {
            Some(record) => Ok(EntryReader::default().entry(sequence, &record)?.entry.tag == Some(tag)),
            None => page::check_contiguous(&[], sequence, sequence).map(|()| true),
        }
    }

    fn read(&self, snapshot: &Snapshot, prefix: &[u8], extent: Extent, page: PageRequest) -> Result<Paged> {
        let Extent { floor, top } = extent;
        let Some((first, last)) = page.bounds(floor, top) else {
            return Ok(Paged { entries: Vec::new(), more: false });
        };
        let range = snapshot.range(&self.entries, keys::entry(prefix, first)..=keys::entry(prefix, last));
        let (entries, cut) = if page.backward {
            let (mut entries, cut) = self.take_bytes(snapshot, range.rev())?;
            entries.reverse();
            (entries, cut)
        } else {
            self.take_bytes(snapshot, range)?
        };
        // A page that was cut short by its bytes has no gap up to where it ends.
        let (first, last) = match (entries.first(), entries.last()) {
            (Some(oldest), _) if cut && page.backward => (oldest.sequence, last),
            (_, Some(newest)) if cut => (first, newest.sequence),
            _ => (first, last),
        };
        page::check_contiguous(&entries, first, last)?;
        let more = if page.backward { first > floor.next() } else { last < top };
        Ok(Paged { entries, more })
    }

    /// Reads entries until they have as many bytes as a page may have; at least one. Says whether
    /// it ended there.
    fn take_bytes(
        &self,
        snapshot: &Snapshot,
        range: impl Iterator<Item = Guard>,
    ) -> Result<(Vec<Entry>, bool)> {
        let (mut entries, mut bytes, mut reader) = (Vec::new(), 0, EntryReader::default());
        for guard in range {
            // A text that entries share is written in one batch with them, so the snapshot that
            // shows an entry shows its text; a text that is missing is damage.
            let (key, record) = guard.into_inner().map_err(read_error)?;
            let stored = reader.entry(keys::sequence_of(&key)?, &record)?;
            let mut entry = stored.entry;
            if let Some(key) = stored.body {
                let body = snapshot.get(&self.bodies, key).map_err(read_error)?;
                let lost =
                    || Error::new(ErrorKind::Corrupt, "the text that a stored entry shares is missing");
                entry.message = records::decode_body(&body.ok_or_else(lost)?)?;
            }
            bytes += entry.bytes();
            if bytes > page::PAGE_BYTES_MAX && !entries.is_empty() {
                return Ok((entries, true));
            }
            entries.push(entry);
        }
        Ok((entries, false))
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
