//! The handle of whoever wants to know who is alive.

use std::fmt;
use std::sync::Arc;

use tokio::time::{Instant, timeout_at};

use crate::base::Base;
use crate::error::{Error, ErrorKind};
use crate::keys::{IntoKeys, all_checked};
use crate::watch_stream::WatchStream;
use crate::watch_table::Progress;
use crate::watching::Watching;

/// Knows who is alive, and tells of changes.
///
/// All watchers of a process and a namespace share what is read: many of them, and many keys, cost
/// the database no more than one. Cloning gives another handle of the same; it ends with the last
/// handle and stream, by [`stop`](Self::stop), or with its base.
///
/// # Examples
///
/// ```no_run
/// # async fn example() -> Result<(), presence_mongo::Error> {
/// use presence_mongo::{Base, Config, Watcher};
///
/// let base = Base::start(Config::new("mongodb://127.0.0.1:27017")).await?;
/// let watcher = Watcher::new(&base)?;
/// println!("{}", watcher.alive("machine 7").await?);
/// let mut changes = watcher.watch(["machine 7", "machine 8"])?;
/// while let Some(change) = changes.next().await {
///     match change {
///         Ok(change) => println!("{} {}", change.key, change.alive),
///         Err(error) => println!("{error}"), // and the stream goes on
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Watcher {
    watching: Arc<Watching>,
}

/// How a [`Watcher`] is.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum WatcherState {
    /// It reads what there is to read.
    Running,
    /// It cannot read, or not the server's clock; it keeps the last state meanwhile.
    Unavailable(Error),
    /// It was stopped, or its base was shut down.
    Ended,
    /// It was ended by an error that does not pass by itself.
    Failed(Error),
}

impl Watcher {
    /// Makes a watcher, which begins to read at once.
    ///
    /// # Errors
    ///
    /// [`Closed`](ErrorKind::Closed) if the base was shut down.
    pub fn new(base: &Base) -> Result<Self, Error> {
        Ok(Self { watching: Arc::new(Watching::open(base)?) })
    }

    /// Opens a stream of the changes of one key or many, or of none yet.
    ///
    /// It begins with the state of each.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) if a key has not 1 to 1,024 bytes;
    /// [`Closed`](ErrorKind::Closed) if the watcher has ended.
    pub fn watch(&self, keys: impl IntoKeys) -> Result<WatchStream, Error> {
        let stream = WatchStream::open(&self.watching).ok_or_else(|| self.ended())?;
        stream.watch(keys)?;
        Ok(stream)
    }

    /// Removes one key or many from all its streams, and returns how many there were.
    pub fn unwatch(&self, keys: impl IntoKeys) -> usize {
        let keys: Vec<Arc<str>> = keys.into_keys().into_iter().map(Arc::from).collect();
        self.watching.table().unwatch_everywhere(self.watching.id, &keys)
    }

    /// Says whether a key is alive, by what was read last; at first it waits for that.
    ///
    /// During an outage the last state is kept: [`err`](Self::err) tells.
    ///
    /// # Errors
    ///
    /// [`Closed`](ErrorKind::Closed) if the watcher has ended;
    /// [`Unavailable`](ErrorKind::Unavailable) if nothing could be read yet;
    /// [`InvalidInput`](ErrorKind::InvalidInput) if the key has not 1 to 1,024 bytes.
    pub async fn alive(&self, key: impl AsRef<str>) -> Result<bool, Error> {
        let keys = all_checked(key.as_ref())?;
        Ok(self.states(&keys).await?.first().is_some_and(|alive| *alive))
    }

    /// Says of each of these keys whether it is alive, in their order.
    ///
    /// It answers as [`alive`](Self::alive).
    ///
    /// # Errors
    ///
    /// As [`alive`](Self::alive).
    pub async fn alive_many(&self, keys: impl IntoKeys) -> Result<Vec<bool>, Error> {
        let keys = all_checked(keys)?;
        self.states(&keys).await
    }

    /// Reads the current slots, and waits until streams have delivered what changed.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped the read is made all the same.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](ErrorKind::Unavailable) if nothing can be read;
    /// [`Timeout`](ErrorKind::Timeout) if a stream is not read for
    /// [`sync_timeout`](crate::Config::sync_timeout); [`Closed`](ErrorKind::Closed) if the watcher
    /// has ended.
    pub async fn sync(&self) -> Result<(), Error> {
        self.reading().await?;
        let until = Instant::now() + self.watching.base.shared().sync_timeout;
        for (mailbox, mark) in self.watching.table().marks(self.watching.id) {
            timeout_at(until, mailbox.read_up_to(mark)).await.map_err(|_elapsed| {
                let message = "the slots were read, but nobody reads a stream of the watcher";
                Error::new(ErrorKind::Timeout, message)
            })?;
        }
        Ok(())
    }

    /// Asks for a read as soon as may be, and returns at once.
    ///
    /// Several of them may be served by one.
    pub fn start_sync(&self) {
        self.watching.table().ask();
    }

    /// Ends the watcher and its streams; it may be called any number of times.
    pub fn stop(&self) {
        self.watching.close();
    }

    /// Waits until the watcher has ended, for whatever reason.
    ///
    /// # Cancel safety
    ///
    /// It may be dropped at any time.
    pub async fn dead(&self) {
        self.watching.end.has_come.cancelled().await;
    }

    /// Says how it is: whether it runs, and if not how it ended.
    #[must_use]
    pub fn err(&self) -> WatcherState {
        match self.watching.end.cause() {
            Some(Ok(())) => WatcherState::Ended,
            Some(Err(error)) => WatcherState::Failed(error),
            None => {
                // Between two reads of slots, which may be long, the clock shows an outage first.
                let outage = self.watching.table().outage();
                let outage = outage.or_else(|| self.watching.base.shared().clock.outage());
                outage.map_or(WatcherState::Running, WatcherState::Unavailable)
            }
        }
    }

    async fn states(&self, keys: &[Arc<str>]) -> Result<Vec<bool>, Error> {
        loop {
            if self.watching.end.cause().is_some() {
                return Err(self.ended());
            }
            if let Some(states) = self.watching.table().alive(keys) {
                return Ok(states);
            }
            self.reading().await?;
        }
    }

    /// Waits for a read that begins from now on.
    async fn reading(&self) -> Result<(), Error> {
        if self.watching.end.cause().is_some() {
            return Err(self.ended());
        }
        let mut progress = self.watching.table().progress();
        let asked = self.watching.table().ask();
        let is_done = |progress: &Progress| progress.done >= asked;
        // What comes out holds a lock: it does not leave the block.
        let done = async { progress.wait_for(is_done).await.map(|progress| progress.error.clone()) };
        let failed = tokio::select! {
            () = self.dead() => return Err(self.ended()),
            // The sender lives as long as the table.
            done = done => done.ok().flatten(),
        };
        failed.map_or(Ok(()), Err)
    }

    fn ended(&self) -> Error {
        match self.watching.end.cause() {
            Some(Err(error)) => error,
            _ => Error::new(ErrorKind::Closed, "the watcher has ended; it cannot say who is alive"),
        }
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watcher").field("state", &self.err()).finish_non_exhaustive()
    }
}
