//! The stream of changes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::change::Change;
use crate::error::{Error, ErrorKind};
use crate::keys::{IntoKeys, all_checked};
use crate::mailbox::Mailbox;
use crate::watching::Watching;

/// The changes of any number of keys, which come and go.
///
/// The state of a key is the first thing that comes of it. Whoever reads slowly finds the latest
/// state of each key, told once, and delays nobody; what lies between is left out. It keeps its
/// watcher alive; dropping it ends it.
///
/// # Delivery
///
/// An error is an item, not the end:
///
/// - kind [`Unavailable`](ErrorKind::Unavailable), once for each outage: nothing can be read, and
///   the last state is kept;
/// - kind [`Lagged`](ErrorKind::Lagged): changes may have been missed, such as a death and a start
///   between two reads. The state of each key whose state is a new one follows.
///
/// It ends when the watcher does: after what waits, and after the error if that is why.
#[derive(Debug)]
pub struct WatchStream {
    keys: StreamKeys,
}

/// The keys of a [`WatchStream`], to be changed while another task reads it.
#[derive(Debug, Clone)]
pub struct StreamKeys {
    watching: Arc<Watching>,
    mailbox: Arc<Mailbox>,
}

impl WatchStream {
    /// Opens a stream; `None` if the watcher has ended.
    pub(crate) fn open(watching: &Arc<Watching>) -> Option<Self> {
        let mailbox = watching.table().open_stream(watching.id)?;
        Some(Self { keys: StreamKeys { watching: Arc::clone(watching), mailbox } })
    }

    /// Waits for the next item; `None` after the last.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped nothing is lost.
    ///
    /// # Errors
    ///
    /// As the [stream](Self) says; it goes on after them.
    pub async fn next(&mut self) -> Option<Result<Change, Error>> {
        std::future::poll_fn(|context| self.keys.mailbox.poll(context)).await
    }

    /// Adds one key or many, and says of each what it is as soon as that is known.
    ///
    /// One that is there already stays as it is.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) if a key has not 1 to 1,024 bytes;
    /// [`Closed`](ErrorKind::Closed) if the watcher has ended. Then none is added.
    pub fn watch(&self, keys: impl IntoKeys) -> Result<(), Error> {
        self.keys.watch(keys)
    }

    /// Removes one key or many, with what waits of them, and says how many it had.
    pub fn unwatch(&self, keys: impl IntoKeys) -> usize {
        self.keys.unwatch(keys)
    }

    /// Returns a handle of its keys, for other tasks.
    #[must_use]
    pub fn keys(&self) -> StreamKeys {
        self.keys.clone()
    }
}

impl StreamKeys {
    /// Adds one key or many; see [`WatchStream::watch`].
    ///
    /// # Errors
    ///
    /// As [`WatchStream::watch`]; [`Closed`](ErrorKind::Closed) also if the stream was dropped.
    pub fn watch(&self, keys: impl IntoKeys) -> Result<(), Error> {
        let keys = all_checked(keys)?;
        if self.watching.table().watch(self.watching.id, &self.mailbox, &keys) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Closed, "the watcher has ended, or its stream was dropped"))
    }

    /// Removes one key or many, with what waits of them, and says how many there were.
    pub fn unwatch(&self, keys: impl IntoKeys) -> usize {
        let keys: Vec<Arc<str>> = keys.into_keys().into_iter().map(Arc::from).collect();
        self.watching.table().unwatch(&self.mailbox, &keys)
    }

    /// Says whether the stream has a key.
    #[must_use]
    pub fn contains(&self, key: impl AsRef<str>) -> bool {
        self.mailbox.look(|unread| unread.contains(key.as_ref()))
    }
}

impl Stream for WatchStream {
    type Item = Result<Change, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.keys.mailbox.poll(context)
    }
}

impl Drop for WatchStream {
    fn drop(&mut self) {
        let StreamKeys { watching, mailbox } = &self.keys;
        watching.table().close_stream(watching.id, mailbox);
    }
}
