//! Answers calls of clients that have to wait for a store or another server.
//!
//! ```text
//! client ──► Handler::call ──push──► CallQueue ──► a task for each connection that has calls ──► client
//!            (must not wait)         bounded       one call after another, so many at once
//! ```
//!
//! The two ends are made at different times: the hub takes the [`CallQueue`] when it starts, and
//! [`Calls::start`] says who answers when all is there that answers come from. Calls wait in
//! between.
//!
//! # Delivery
//!
//! - In order: the calls of one connection are worked on and answered one after another, those of
//!   different connections side by side.
//! - Bounded: in calls and in bytes, with those that are being worked on. One more is answered with
//!   [`busy_answer`](Config::busy_answer) at once, one that takes too long with
//!   [`late_answer`](Config::late_answer). Who calls again does so under another uuid: the hub
//!   drops what it takes for a repetition.
//! - For all: the last eighth of the room is for connections that have no call in it.
//! - As the client reads: also a row of answers that is longer than its outbox. One message of more
//!   than 7/8 of an outbox finds no room, and closes the connection with code 1011.
//! - To the end: a call that was accepted is worked on, also when its client has left, the hub is
//!   shut down or the last handle is dropped. [`Hub::shutdown`](crate::Hub::shutdown) answers calls
//!   before it closes the connections, and takes half of its grace time at most for that. An answer
//!   that nobody gets any more is counted in `hub_answers_lost_total`.
//! - Alone: a call that panics closes its own connection, with code 1011; the calls of that
//!   connection behind it are dropped.
//!
//! # Examples
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use conductor_hub::calls::{self, AsyncHandler, CallQueue, Calls};
//! use conductor_hub::protocol::{Message, Opcode};
//! use conductor_hub::{Answer, Connection, Hooks, Hub};
//!
//! struct Questions;
//!
//! #[async_trait]
//! impl AsyncHandler for Questions {
//!     async fn call(&self, _connection: &Arc<Connection>, call: Message) -> Answer {
//!         // Here it may wait.
//!         Message::with_uuid(Opcode::SERVER, call.uuid, "", "an answer").into()
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let queue = CallQueue::new(calls::Config::default())?;
//! let hub = Hub::start(Default::default(), Hooks::default().calls(queue.clone()))?;
//! let calls = Calls::start(&queue, Questions)?;
//!
//! let grace = std::time::Duration::from_secs(10);
//! assert!(hub.shutdown(grace).await && calls.shutdown(grace).await);
//! # Ok(())
//! # }
//! ```

mod async_handler;
mod config;
mod queue;
mod waiting;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;

pub use self::async_handler::AsyncHandler;
pub use self::config::Config;
pub use self::queue::CallQueue;
use crate::{Error, ErrorKind};

/// The tasks that answer the calls of a queue.
///
/// [`start`](Self::start) makes them, [`shutdown`](Self::shutdown) ends them and waits. Dropping
/// the last handle ends them without waiting: the queue refuses new calls, and those that were
/// accepted are answered.
#[derive(Clone, Debug)]
pub struct Calls {
    last: Arc<CloseOnDrop>,
}

/// Closes the queue, before the handler goes.
struct CloseOnDrop {
    queue: CallQueue,
    /// Kept here and not in the queue, which the hub keeps: what answers calls often keeps the hub.
    _handler: Arc<dyn AsyncHandler>,
}

impl Calls {
    /// Begins to answer the calls of a queue, those first that wait already.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) if somebody answers the calls of this queue already, or
    /// if this is not inside a tokio runtime; [`Closed`](crate::ErrorKind::Closed) if the hub of
    /// the queue was shut down.
    pub fn start(queue: &CallQueue, handler: impl AsyncHandler + 'static) -> Result<Self, Error> {
        let Ok(runtime) = Handle::try_current() else {
            return Err(Error::new(ErrorKind::Config, "it must be started inside a tokio runtime"));
        };
        let handler: Arc<dyn AsyncHandler> = Arc::new(handler);
        queue.answer_with(&handler, runtime)?;
        Ok(Self { last: Arc::new(CloseOnDrop { queue: queue.clone(), _handler: handler }) })
    }

    /// Ends the tasks, for all clones of this handle.
    ///
    /// The queue refuses new calls, and those that were accepted are answered. Returns whether that
    /// was done within `grace`; what was not goes on to end by itself. A second call waits for the
    /// same end.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped after it was first polled has ended them all the same.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.last.queue.finish(grace).await
    }
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl fmt::Debug for CloseOnDrop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CloseOnDrop").field("queue", &self.queue).finish_non_exhaustive()
    }
}
