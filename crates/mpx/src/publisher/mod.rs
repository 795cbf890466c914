//! Publishes over one connection, with many messages on their way.
//!
//! It does not wait for one answer before the next command.

mod metrics;
mod pending;
mod task;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use self::pending::Pending;
use self::task::Task;
use crate::config::Config;
use crate::connection::Dialer;
use crate::error::{Error, ErrorKind};

/// Publishes messages, and says how many received each.
///
/// Callers share one connection, on which commands follow each other without waiting for answers;
/// so it is not the connection of a [`Multiplexer`](crate::Multiplexer), which can only listen.
/// Cloning gives another handle of the same. When the last is dropped it ends, after what was taken
/// was published or failed.
///
/// # Delivery
///
/// At most once: nothing is published twice. What was given while there was no connection waits for
/// the next attempt to make one, and fails with it. Messages of one task go in their order.
///
/// Sharded channels of a cluster want the master of their slot: publish there with `SPUBLISH` of a
/// client library that knows the cluster.
#[derive(Debug, Clone)]
pub struct Publisher {
    pending: Arc<Pending>,
    tasks: TaskTracker,
    _end: Arc<CloseOnDrop>,
}

#[derive(Debug)]
struct CloseOnDrop(Arc<Pending>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The answer to a message that was taken.
#[derive(Debug)]
#[must_use = "it says whether the message was published"]
pub struct Receipt(oneshot::Receiver<Result<u64, Error>>);

impl Publisher {
    /// Begins to connect.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if the address cannot be read or a setting is out of its
    /// bounds, or outside a tokio runtime.
    pub fn start(config: Config) -> Result<Self, Error> {
        config.validate()?;
        let dialer = Dialer::new(&config)?;
        let runtime = Handle::try_current().map_err(|source| {
            Error::with_source(
                ErrorKind::Config,
                "the publisher must be started inside a tokio runtime",
                source,
            )
        })?;
        let pending = Arc::new(Pending::new(config.pending_max));
        let tasks = TaskTracker::new();
        tasks.spawn_on(Task::new(Arc::clone(&pending), config, dialer).run(), &runtime);
        tasks.close();
        Ok(Self { _end: Arc::new(CloseOnDrop(Arc::clone(&pending))), pending, tasks })
    }

    /// Publishes a message, and returns how many connections received it.
    ///
    /// The subscriptions of a multiplexer share one connection, which counts once.
    ///
    /// # Errors
    ///
    /// - [`Unavailable`](ErrorKind::Unavailable): there is no connection, or Redis does not publish
    ///   for now; nothing was published;
    /// - [`Config`](ErrorKind::Config), [`Protocol`](ErrorKind::Protocol): there is no connection,
    ///   and the settings are why, or the server talks as no Redis does; nothing was published;
    /// - [`Uncertain`](ErrorKind::Uncertain): the connection was lost before the answer, it may
    ///   have been published or not;
    /// - [`Refused`](ErrorKind::Refused): Redis refuses it to this user, or it is longer than this
    ///   Redis takes, which ends the connection;
    /// - [`InvalidInput`](ErrorKind::InvalidInput): a text is longer than 512 MB;
    /// - [`Closed`](ErrorKind::Closed): after [`shutdown`](Self::shutdown).
    ///
    /// # Cancel safety
    ///
    /// If it is dropped the message may be published or not.
    pub async fn publish(&self, channel: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> Result<u64, Error> {
        self.send(channel, payload).await?.await
    }

    /// Takes a message to publish, and returns the receipt for its answer.
    ///
    /// It waits until there is room for the message.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) and [`Closed`](ErrorKind::Closed), as
    /// [`publish`](Self::publish); the rest is in the receipt.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped the message was not taken.
    pub async fn send(&self, channel: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> Result<Receipt, Error> {
        self.pending.add(channel.as_ref(), payload.as_ref()).await.map(Receipt)
    }

    /// Takes nothing more, and waits until all that was taken is settled.
    ///
    /// What was taken is published or fails. Returns whether that was so within `grace`.
    ///
    /// # Cancel safety
    ///
    /// It has begun when it is first polled, and goes on if it is dropped.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.pending.end();
        timeout(grace, self.tasks.wait()).await.is_ok()
    }
}

impl Future for Receipt {
    type Output = Result<u64, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = Pin::new(&mut self.0).poll(context);
        answer.map(|answer| answer.unwrap_or_else(|_| Err(pending::closed())))
    }
}
