//! What is written to, and how the store is opened again after a failure.
//!
//! The keyspaces and the marker are written to.
//!
//! ```text
//!          a commit fails or panics, or one that is tried        probe written, all readers out, opened again, compared with the marker
//!  open ──────────────────────────► failed ──────────────────────────────────────────────────────────────► open
//!   reads and sends      reads go on, │ sends refused          (tried again after 50 ms, then twice as long, up to 5 s)
//!                                     ▼
//!                                   away: it cannot be opened; nothing is served, tried again as above
//! ```

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use fjall::PersistMode;

use super::directory::Directory;
use super::engine_error::{self, EngineError};
use super::inspect::access;
use super::inspect::files::Files;
use super::marker::Marker;
use super::opened::Opened;
use super::opening;
use super::shared::Shared;
use super::tables::Tables;
use super::{Config, metrics};
use crate::{Error, ErrorKind, Result, State};

/// Makes a batch durable.
pub(super) type Commit = Box<dyn FnMut(fjall::OwnedWriteBatch) -> fjall::Result<()> + Send>;

// What the two options of the writer say together:
//
//  open     failure
//  Some     None      open: reads and sends are served
//  Some     Some      failed: reads go on, sends are refused
//  None     Some      away: nothing is served
//
// `open` is taken only while there is a failure, so neither is never the case.
/// The part of the store that only the committing thread touches.
pub(super) struct StoreWriter {
    config: Config,
    directory: Arc<Directory>,
    shared: Arc<Shared>,
    commit: Commit,
    open: Option<OpenStore>,
    failure: Option<CommitFailure>,
    // The keyspaces that were let go of, while a reader may still have them, and since when.
    leaving: Weak<Tables>,
    leaving_since: Instant,
}

struct OpenStore {
    tables: Arc<Tables>,
    marker: Marker,
    last_batch: u64,
    marker_failed: bool,
    /// The last journal that was seen in the folder.
    journal: Option<u64>,
}

/// Why nothing is written, and when the store is opened again.
struct CommitFailure {
    error: Error,
    since: Instant,
    retry_at: Instant,
    wait: Duration,
}

/// How long after a failure the store is opened again.
const WAIT_FIRST: Duration = Duration::from_millis(50);

/// The longest time between two tries.
const WAIT_MOST: Duration = Duration::from_secs(5);

/// How long readers get to finish what they began.
const LEAVING: Duration = Duration::from_secs(5);

/// How long the store cannot be opened again because of them, before only a restart helps.
const LEAVING_MOST: Duration = Duration::from_secs(45);

impl StoreWriter {
    pub(super) fn new(
        config: Config,
        directory: Arc<Directory>,
        shared: Arc<Shared>,
        commit: Commit,
        (tables, marker, last_batch): (Arc<Tables>, Marker, u64),
    ) -> Self {
        let open = Some(OpenStore::new(tables, marker, last_batch));
        Self {
            config,
            directory,
            shared,
            commit,
            open,
            failure: None,
            leaving: Weak::new(),
            leaving_since: Instant::now(),
        }
    }

    /// Returns the keyspaces and the number of the next batch.
    pub(super) fn next(&self) -> Result<(Arc<Tables>, u64)> {
        if let Some(failure) = &self.failure {
            return Err(failure.error.clone());
        }
        match &self.open {
            Some(open) => Ok((Arc::clone(&open.tables), open.last_batch + 1)),
            None => Err(Error::new(ErrorKind::Unavailable, "the timeline store is not open")),
        }
    }

    /// Makes a batch durable.
    pub(super) fn commit(&mut self, batch: fjall::OwnedWriteBatch) -> Result<()> {
        let start = Instant::now();
        if let Err(error) = (self.commit)(batch) {
            metrics::commit_failed();
            let text = describe(&error);
            return Err(self.failed(&text, Some(error)));
        }
        metrics::committed(start.elapsed());
        // The order matters: the marker follows the batch. It is a lower bound of what the next
        // start must find; a marker ahead of a batch would have a whole store refused.
        if let Some(open) = &mut self.open {
            open.last_batch += 1;
            open.note();
        }
        Ok(())
    }

    /// Tries a write, so that a disk or an engine that takes none is noticed where nobody sends,
    /// and looks whether the files are still there. It flushes the marker.
    ///
    /// Nothing is tried while a write has failed: opening the store again begins with one.
    pub(super) fn try_write(&mut self) {
        // `Buffer` brings nothing to the disk. It fails if the engine took itself for broken
        // before, as it does when one of its own threads cannot write.
        let (None, Some(open)) = (&self.failure, &mut self.open) else { return };
        if let Err(error) = open.tables.database.persist(PersistMode::Buffer) {
            self.failed(&describe(&error), Some(error));
        } else if let Err(error) = open.marker.probe(self.directory.path()) {
            self.failed(&in_words(&error), Some(fjall::Error::Io(error)));
        } else if let Some(missing) = open.missing(&self.directory.store()) {
            self.failed(&format!("{} is missing", missing.display()), None);
        }
    }

    /// Notes that what was written may be there or not: nothing more is written until the store was
    /// opened again.
    ///
    /// A panic may come while nothing is written anyway. Then the first failure stays what it is:
    /// since when nothing is written, why, and how long the next try is put off.
    pub(super) fn failed(&mut self, what: &str, source: Option<fjall::Error>) -> Error {
        if let Some(failure) = &self.failure {
            return failure.error.clone();
        }
        let text =
            format!("a write failed ({what}); the store is opened again as soon as it can be written to");
        // The state changes before any caller is answered: whoever is refused finds the reason
        // there.
        self.shared.change(|parts| parts.failure = Some(State::read_only(text.as_str())));
        let told = format!("the timeline store takes no messages: {text}");
        let error = match source {
            Some(source) => Error::with_source(ErrorKind::Unavailable, told, EngineError::new(source)),
            None => Error::new(ErrorKind::Unavailable, told),
        };
        let now = Instant::now();
        self.failure = Some(CommitFailure {
            error: error.clone(),
            since: now,
            retry_at: now + WAIT_FIRST,
            wait: WAIT_FIRST,
        });
        error
    }

    /// Opens the store again if it failed and it is time to; returns whether it did.
    pub(super) fn mend(&mut self) -> bool {
        let Some(failure) = &self.failure else { return false };
        if Instant::now() < failure.retry_at {
            return false;
        }
        let since = failure.since;
        let reopened = catch_unwind(AssertUnwindSafe(|| self.reopen()))
            .unwrap_or_else(|_panic| Err(self.unserved("opening the store again panicked".to_owned())));
        match reopened {
            Ok(()) => {
                self.failure = None;
                metrics::reopened();
                tracing::debug!(
                    after = ?since.elapsed(),
                    "the timeline store was opened again; every message that was acknowledged is there"
                );
                self.shared.change(|parts| parts.failure = None);
                true
            }
            Err(state) => {
                if let Some(failure) = &mut self.failure {
                    failure.error = Error::new(ErrorKind::Unavailable, state.to_string());
                    failure.wait = (failure.wait * 2).min(WAIT_MOST);
                    failure.retry_at = Instant::now() + failure.wait;
                }
                self.shared.change(|parts| parts.failure = Some(state));
                false
            }
        }
    }

    fn reopen(&mut self) -> Result<(), State> {
        // As long as nothing can be written, the store stays open as it is, so that reads go on.
        if let Err(error) = self.probe() {
            let path = self.directory.path().display();
            return Err(self.unserved(format!("{path} cannot be written to: {}", in_words(&error))));
        }
        // A merge and an export have the files, and end early as the store has failed. Until then
        // it is read: whoever keeps an export that they do not read would take it away from all.
        if self.shared.is_merging() {
            let text = "a write failed while its tables were being merged; it is opened again when that ends";
            return Err(self.unserved(text.to_owned()));
        }
        if self.shared.is_exported() {
            let text = "a write failed during an export; it is opened again when that was dropped";
            return Err(self.unserved(text.to_owned()));
        }
        self.let_go()?;
        #[cfg(test)]
        super::thread_guard::panic_if_told(self.directory.path(), "panic-mend");
        let opened = opening::open(&self.config, &self.directory);
        // `opening::open` has compared the files with the marker. Only now may readers in.
        let Opened { tables, marker, last_batch } = opened.map_err(|error| State::down(error.to_string()))?;
        let tables = Arc::new(tables);
        self.shared.put(Some(Arc::clone(&tables)));
        self.open = Some(OpenStore::new(tables, marker, last_batch));
        Ok(())
    }

    /// Returns the state in which sends are refused, and reads served if anything is open.
    fn unserved(&self, text: String) -> State {
        if self.open.is_some() { State::read_only(text) } else { State::down(text) }
    }

    /// Asks whether all files can be written to, and writes as much as a small batch into one of
    /// its own.
    fn probe(&self) -> io::Result<()> {
        let directory = self.directory.path();
        access::check(directory, &Files::list(&self.directory.store())?)?;
        let path = directory.join("probe");
        let written = File::create(&path).and_then(|mut file| {
            // This takes no room on the disk. It only finds out whether the limits of the process
            // allow files of this length.
            file.set_len(LENGTH_MAX)?;
            file.write_all(&[1; PROBE_BYTES])?;
            file.sync_data()
        });
        let removed = match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        };
        written.and(removed)
    }

    /// Flushes the marker for the last time; returns whether all that was written is on disk.
    ///
    /// Batches are: each was flushed when it was committed. What the engine has in memory goes into
    /// tables, so that the next opening is quick.
    pub(super) fn finish(&mut self) -> bool {
        let (path, Some(open)) = (self.directory.path(), &mut self.open) else { return true };
        if self.failure.is_none() {
            open.tables.flush();
        }
        let flushed = open.marker.probe(path);
        if let Err(error) = &flushed {
            let path = path.display();
            tracing::error!(%error, "the file `marker` of {path} cannot be flushed to the disk");
        }
        flushed.is_ok()
    }

    #[cfg(test)]
    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Drops the keyspaces, and waits until every reader has.
    ///
    /// The engine lets a directory be opened once; a read takes milliseconds.
    fn let_go(&mut self) -> Result<(), State> {
        // The order matters: no new reader gets the keyspaces, then this thread drops its own, and
        // then those that readers still have are waited for. They drop them when their page is
        // read; no event tells that the last one did, so this looks again and again.
        self.shared.put(None);
        // The marker goes as well. Its last write needs no flush: the next opening reads it through
        // the cache of the system.
        if let Some(open) = self.open.take() {
            self.leaving = Arc::downgrade(&open.tables);
            self.leaving_since = Instant::now();
        }
        let deadline = Instant::now() + LEAVING;
        while self.leaving.strong_count() > 0 {
            if self.leaving_since.elapsed() > LEAVING_MOST {
                return Err(State::lost("a read has not ended, so the store cannot be opened again"));
            }
            if Instant::now() > deadline {
                return Err(State::down("a read has not ended, so the store cannot be opened again yet"));
            }
            thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }
}

/// As much as the engine needs for the smallest of its files, and more than the last block of a
/// full disk.
const PROBE_BYTES: usize = 256 * 1024;

/// Longer than any file that the engine makes: a journal of 64 MiB and the batch that it ends with.
const LENGTH_MAX: u64 = 80 * 1024 * 1024;

impl OpenStore {
    fn new(tables: Arc<Tables>, marker: Marker, last_batch: u64) -> Self {
        Self { tables, marker, last_batch, marker_failed: false, journal: None }
    }

    /// Returns what was removed: the engine has its files open, and would go on writing into those
    /// that nobody finds after a restart.
    fn missing(&mut self, store: &Path) -> Option<PathBuf> {
        // A folder that cannot be read may be there.
        let files = Files::list(store).ok()?;
        // The engine begins journals with rising numbers and removes the oldest, so the newest one
        // that was ever seen here has a successor or is still there.
        let journal = files.journals.last().map(|(id, _)| *id);
        if journal.is_none() || journal < self.journal {
            let removed = self.journal.filter(|_| files.any);
            return Some(removed.map_or_else(|| store.to_owned(), |id| store.join(format!("{id}.jnl"))));
        }
        self.journal = journal;
        let folders = &self.marker.note().keyspaces;
        let removed = folders.iter().find(|id| files.keyspaces.binary_search(id).is_err())?;
        Some(store.join(format!("keyspaces/{removed}")))
    }

    /// Says in the marker what is there. One that is behind is a lower bound, which is no loss, but
    /// should not stay.
    fn note(&mut self) {
        match self.marker.committed(self.last_batch) {
            Ok(()) => self.marker_failed = false,
            Err(error) if !self.marker_failed => {
                self.marker_failed = true;
                tracing::error!(
                    %error,
                    "the file `marker` of the store cannot be written; messages that go missing would not \
                     be noticed"
                );
            }
            Err(_) => {}
        }
    }
}

/// Says in words what became of a commit.
fn describe(error: &fjall::Error) -> String {
    match error {
        fjall::Error::Io(error) | fjall::Error::Storage(fjall::LsmError::Io(error)) => in_words(error),
        error => engine_error::in_words(error),
    }
}

/// The system's error, with what to look at where its own words do not say it.
fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::FileTooLarge => {
            format!(
                "{error}: files may not grow any more, check the limit of this process (ulimit -f) and the \
                 file system"
            )
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
