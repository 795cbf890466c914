//! The keyspaces of a store, and how they are read.

use std::fmt;

use fjall::{Database, Guard, Keyspace, KeyspaceCreateOptions, PersistMode, Readable, Snapshot};

use super::directory::Directory;
use super::{Config, keys, records};
use crate::{Entry, Error, ErrorKind, Page, Result, Seq, page};

/// The open keyspaces. The directory stays locked until this is dropped.
pub(super) struct Tables {
    pub(super) database: Database,
    pub(super) entries: Keyspace,
    pub(super) state: Keyspace,
    pub(super) sends: Keyspace,
    // Dropped last, after the engine has let go of its files.
    _directory: Directory,
}

impl Tables {
    /// Opens or makes the store. Blocks.
    pub(super) fn open(config: &Config) -> Result<Self> {
        let directory = Directory::lock(&config.directory)?;
        let (database, entries, state, sends) =
            Self::keyspaces(config, &directory).map_err(|error| directory.open_error(error))?;
        let tables = Self { database, entries, state, sends, _directory: directory };
        tables.check_format(config)?;
        Ok(tables)
    }

    fn keyspaces(
        config: &Config,
        directory: &Directory,
    ) -> fjall::Result<(Database, Keyspace, Keyspace, Keyspace)> {
        let database = Database::builder(directory.store()).cache_size(config.cache_bytes).open()?;
        let entries = database.keyspace("entries", KeyspaceCreateOptions::default)?;
        let state =
            database.keyspace("state", || KeyspaceCreateOptions::default().expect_point_read_hits(true))?;
        let sends = database.keyspace("sends", KeyspaceCreateOptions::default)?;
        Ok((database, entries, state, sends))
    }

    fn check_format(&self, config: &Config) -> Result<()> {
        match self.state.get(keys::FORMAT).map_err(read_error)? {
            None => {
                let mut batch = self.database.batch().durability(Some(PersistMode::SyncAll));
                batch.insert(&self.state, keys::FORMAT, [records::VERSION]);
                batch.commit().map_err(|error| {
                    let text = format!(
                        "the data directory {} cannot be written to: {error}",
                        config.directory.display()
                    );
                    Error::new(ErrorKind::Config, text).with_source(error)
                })
            }
            Some(version) if *version == [records::VERSION] => Ok(()),
            Some(version) => Err(Error::new(
                ErrorKind::Config,
                format!(
                    "the data directory {} has the layout version {version:?}, this program reads {}",
                    config.directory.display(),
                    records::VERSION
                ),
            )),
        }
    }

    /// Returns the state of one moment, of which a batch is seen whole or not at all.
    ///
    /// The engine applies a batch only after its journal is flushed, so what a snapshot shows is durable.
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

    /// Returns the last sequence of the box with `prefix`, 0 if it has no entry.
    pub(super) fn latest(&self, snapshot: &Snapshot, prefix: &[u8]) -> Result<Seq> {
        let all = keys::entry(prefix, Seq::ZERO)..=keys::entry(prefix, Seq::MAX);
        match snapshot.range(&self.entries, all).next_back() {
            Some(last) => keys::sequence_of(&last.key().map_err(read_error)?),
            None => Ok(Seq::ZERO),
        }
    }

    /// Returns the last sequence of the box with `prefix`, and the entries of a page of it.
    ///
    /// The third value says whether there are more in the direction of the page.
    pub(super) fn page(&self, prefix: &[u8], page: Page) -> Result<(Seq, Vec<Entry>, bool)> {
        let snapshot = self.snapshot();
        let latest = self.latest(&snapshot, prefix)?;
        let Some((first, last)) = page.bounds(Seq::ZERO, latest) else {
            return Ok((latest, Vec::new(), false));
        };
        let range = snapshot.range(&self.entries, keys::entry(prefix, first)..=keys::entry(prefix, last));
        let (entries, cut) = if page.backward {
            let (mut entries, cut) = take_bytes(range.rev())?;
            entries.reverse();
            (entries, cut)
        } else {
            take_bytes(range)?
        };
        // A page that its bytes cut short is whole up to there.
        let (first, last) = match (entries.first(), entries.last()) {
            (Some(oldest), _) if cut && page.backward => (oldest.sequence, last),
            (_, Some(newest)) if cut => (first, newest.sequence),
            _ => (first, last),
        };
        page::check_contiguous(&entries, first, last)?;
        let more = if page.backward { first > Seq::ZERO.next() } else { last < latest };
        Ok((latest, entries, more))
    }
}

impl fmt::Debug for Tables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tables").finish_non_exhaustive()
    }
}

/// Reads entries until their messages have as many bytes as a page may have; at least one. Says whether it ended there.
fn take_bytes(range: impl Iterator<Item = Guard>) -> Result<(Vec<Entry>, bool)> {
    let (mut entries, mut bytes) = (Vec::new(), 0);
    for guard in range {
        let (key, record) = guard.into_inner().map_err(read_error)?;
        let entry = records::decode_entry(keys::sequence_of(&key)?, &record)?;
        bytes += entry.message.as_str().len();
        if bytes > page::PAGE_BYTES_MAX && !entries.is_empty() {
            return Ok((entries, true));
        }
        entries.push(entry);
    }
    Ok((entries, false))
}

/// Says what a failed read means.
pub(super) fn read_error(error: fjall::Error) -> Error {
    match &error {
        fjall::Error::Io(_) | fjall::Error::Storage(fjall::LsmError::Io(_)) => {
            Error::new(ErrorKind::Unavailable, format!("the store cannot be read: {error}"))
                .with_source(error)
        }
        _ => Error::new(ErrorKind::Corrupt, format!("the store is damaged: {error}")).with_source(error),
    }
}
