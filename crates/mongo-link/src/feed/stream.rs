//! The receiving end of a feed.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::sync::mpsc;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::config::FeedConfig;
use super::event::{FeedEvent, Item};
use super::task::FeedTask;
use crate::client::ClientMaker;
use crate::error::Error;

/// The changes of a database or a collection, in the order of their making.
///
/// ```text
///  Live  Change  Change  Err(Unavailable)         Live  Change         goes on where it was
///  Live  Change  Err(Unavailable)  Err(Lagged)    Live  Change         some may be missing
/// ```
///
/// It is made by [`Link::changes`](crate::Link::changes). A change is given once a majority has it.
///
/// # Errors
///
/// A feed goes on after each error by itself, and its next good item is [`FeedEvent::Live`].
///
/// - [`Lagged`](crate::ErrorKind::Lagged): changes may be missing. MongoDB no longer has them
///   (`ChangeStreamHistoryLost`), or the collection was dropped or renamed. Read everything again
///   after the next `Live`.
/// - Any other kind: MongoDB cannot be listened to, because it is away, is not a replica set, or
///   does not let the user do it. It is said once for each outage; a program that needs the changes
///   meanwhile asks for them at times of its own. If `Live` comes next nothing is missing.
///
/// A feed that is silent proves nothing: MongoDB may have stopped without a word, and that is
/// noticed after a few seconds.
///
/// # Lagging
///
/// A reader that is slow delays nobody else: its feed stops reading when
/// [`queue`](FeedConfig::queue) items wait, and MongoDB keeps what comes next for as long as its
/// log of operations reaches back.
pub struct ChangeFeed {
    items: mpsc::Receiver<Item>,
    /// Stops the task; `None` once the feed was closed.
    stop: Option<DropGuard>,
}

impl ChangeFeed {
    /// Creates a feed with the task that fills it, until `stop` or its end.
    pub(crate) fn of(
        config: FeedConfig,
        maker: &Arc<ClientMaker>,
        database: &str,
        stop: &CancellationToken,
    ) -> (Self, impl Future<Output = ()> + Send + use<>) {
        let (sender, items) = mpsc::channel(config.queue);
        let stop = stop.child_token();
        let task = FeedTask::new(config, Arc::clone(maker), database.to_owned(), sender, stop.clone());
        (Self { items, stop: Some(stop.drop_guard()) }, task.run())
    }

    /// Returns the next change or error; `None` after the end.
    ///
    /// The end is when the feed was closed or its link shut down.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost if it is dropped.
    pub async fn next(&mut self) -> Option<Result<FeedEvent, Error>> {
        self.stop.as_ref()?;
        self.items.recv().await
    }

    /// Ends the feed: nothing comes after it.
    pub fn close(&mut self) {
        self.stop = None;
        self.items.close();
    }
}

impl Stream for ChangeFeed {
    type Item = Result<FeedEvent, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.stop.is_none() {
            return Poll::Ready(None);
        }
        self.items.poll_recv(context)
    }
}

impl fmt::Debug for ChangeFeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChangeFeed").field("is_closed", &self.stop.is_none()).finish_non_exhaustive()
    }
}
