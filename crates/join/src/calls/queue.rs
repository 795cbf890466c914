//! The queue between a handler, which must not wait, and those who answer.

use std::sync::Arc;

use conductor_hub::{Connection, LateAnswer};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Semaphore, mpsc};

use crate::{Error, ErrorKind};

/// Creates a queue in which at most `calls_max` calls wait.
///
/// A hub lets each connection have 16 calls that wait, so a thousand clients fill 16,000. One call
/// costs what it holds and about 100 bytes. At least 1 is taken for 0.
#[must_use]
pub fn queue<C>(calls_max: usize) -> (CallQueue<C>, WaitingCalls<C>) {
    let (sender, receiver) = mpsc::channel(calls_max.clamp(1, Semaphore::MAX_PERMITS));
    (CallQueue { sender }, WaitingCalls { receiver })
}

/// The end of a queue into which a handler puts calls; clones are the same end.
#[derive(Debug)]
pub struct CallQueue<C> {
    sender: mpsc::Sender<QueuedCall<C>>,
}

/// The end of a queue from which calls are answered.
///
/// [`Calls::start`](super::Calls::start) takes it.
#[derive(Debug)]
pub struct WaitingCalls<C> {
    pub(super) receiver: mpsc::Receiver<QueuedCall<C>>,
}

/// A call that waits for its answer.
#[derive(Debug)]
pub(super) struct QueuedCall<C> {
    pub(super) late: LateAnswer,
    pub(super) uuid: String,
    pub(super) call: C,
}

impl<C> CallQueue<C> {
    /// Queues a call of a connection, to be answered under `uuid`.
    ///
    /// Never waits.
    ///
    /// # Errors
    ///
    /// [`Busy`](ErrorKind::Busy) if the queue is full, [`Closed`](ErrorKind::Closed) if nobody
    /// answers its calls any more.
    pub fn push(&self, connection: &Arc<Connection>, uuid: impl Into<String>, call: C) -> Result<(), Error> {
        let queued = QueuedCall { late: LateAnswer::new(connection), uuid: uuid.into(), call };
        self.sender.try_send(queued).map_err(|refused| match refused {
            TrySendError::Full(_) => Error::new(ErrorKind::Busy, "too many calls wait; ask again"),
            TrySendError::Closed(_) => Error::new(ErrorKind::Closed, "calls are not answered any more"),
        })
    }
}

// A derived implementation would demand that the calls can be cloned, too.
impl<C> Clone for CallQueue<C> {
    fn clone(&self) -> Self {
        Self { sender: self.sender.clone() }
    }
}
