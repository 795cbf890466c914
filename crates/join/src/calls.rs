//! Answers calls of clients that have to wait for a store or another server.
//!
//! ```text
//! Handler::call ──push──► CallQueue ──► Calls: so many at once, each for a bounded time ──► the client
//! (must not wait)         bounded
//! ```
//!
//! The two ends of a queue are made before the hub and what the answers come from: the
//! [`Handler`](conductor_hub::Handler) has the one, [`Calls::start`] takes the other when all is
//! there, and calls wait in between.
//!
//! # Examples
//!
//! ```
//! use std::sync::Arc;
//!
//! use conductor_hub::protocol::Message;
//! use conductor_hub::{Answer, Connection, Handler, Hooks, Hub};
//! use tidings_join::calls::{self, CallQueue, Calls, Config};
//!
//! struct Questions(CallQueue<String>);
//!
//! impl Handler for Questions {
//!     fn call(&self, connection: &Arc<Connection>, message: Message) -> Answer {
//!         let question = String::from_utf8_lossy(&message.body).into_owned();
//!         if let Err(error) = self.0.push(connection, message.uuid, question) {
//!             eprintln!("{error}"); // or answer it
//!         }
//!         Answer::none()
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (queue, waiting) = calls::queue(1_024);
//! let hub = Hub::start(Default::default(), Hooks::default().handler(Questions(queue)))?;
//! let calls = Calls::start(Config::default(), waiting, |_connection, question| async move {
//!     // Here it may wait.
//!     format!("you asked: {question}")
//! })?;
//! # drop(hub);
//! assert!(calls.shutdown(std::time::Duration::from_secs(10)).await);
//! # Ok(())
//! # }
//! ```

mod config;
mod queue;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use conductor_hub::Connection;
use conductor_hub::protocol::{Message, Opcode};
use futures_util::FutureExt as _;
use tokio::sync::{Mutex, Semaphore, mpsc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::config::Config;
use self::queue::QueuedCall;
pub use self::queue::{CallQueue, WaitingCalls, queue};
use crate::Error;
use crate::tasks::Tasks;

/// The tasks that answer the calls of a queue.
///
/// [`start`](Self::start) makes them, [`shutdown`](Self::shutdown) ends them and waits. Dropping
/// the last handle ends them without waiting.
#[derive(Debug, Clone)]
pub struct Calls {
    tasks: Tasks,
}

impl Calls {
    /// Starts to answer the calls that wait, each with the body that `answer` returns.
    ///
    /// The answer is a Server message with the uuid of its call. An `answer` that takes too long or
    /// panics is replaced by [`late_answer`](Config::late_answer).
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config), naming the value that is out of its bounds, or saying
    /// that this is not inside a tokio runtime.
    pub fn start<C, A, F>(config: Config, waiting: WaitingCalls<C>, answer: A) -> Result<Self, Error>
    where
        C: Send + 'static,
        A: Fn(Arc<Connection>, C) -> F + Send + Sync + 'static,
        F: Future<Output: Into<Bytes>> + Send + 'static,
    {
        config.validate()?;
        let tasks = Tasks::new()?;
        let permits = Arc::new(Semaphore::new(config.running_max));
        let worker = Arc::new(Worker { answer, config, permits });
        // The worker holds the lock for as long as it runs, and a new one takes it after a panic.
        let queue = Arc::new(Mutex::new(waiting.receiver));
        let (tracker, stop) = (tasks.tracker.clone(), tasks.stop.clone());
        tasks.keep("the worker of the calls", move || {
            Arc::clone(&worker).work(Arc::clone(&queue), tracker.clone(), stop.clone())
        });
        Ok(Self { tasks })
    }

    /// Waits until the calls cannot be answered any more, and returns why.
    ///
    /// The task is started again when it ends before its time; this returns when that happened five
    /// times within a minute. It waits for ever while all is well, and after the shutdown.
    ///
    /// # Cancel safety
    ///
    /// May be dropped and called again at any time.
    pub async fn failed(&self) -> Error {
        self.tasks.failed().await
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
        self.tasks.shutdown(grace).await
    }
}

struct Worker<A> {
    answer: A,
    config: Config,
    permits: Arc<Semaphore>,
}

impl<A> Worker<A> {
    async fn work<C, F>(
        self: Arc<Self>,
        queue: Arc<Mutex<mpsc::Receiver<QueuedCall<C>>>>,
        tracker: TaskTracker,
        stop: CancellationToken,
    ) where
        C: Send + 'static,
        A: Fn(Arc<Connection>, C) -> F + Send + Sync + 'static,
        F: Future<Output: Into<Bytes>> + Send + 'static,
    {
        let mut queue = queue.lock().await;
        while let Some(call) = next(&mut queue, &stop).await {
            // While all places are taken this call waits here and the others in the queue, which
            // says `Busy` when it is full. A stop does not end the wait: what was accepted is
            // answered.
            let Ok(permit) = Arc::clone(&self.permits).acquire_owned().await else { return };
            let worker = Arc::clone(&self);
            tracker.spawn(async move {
                worker.answer(call).await;
                drop(permit);
            });
        }
        // The queue was dropped, so no more calls can come.
        stop.cancelled().await;
    }

    async fn answer<C, F>(&self, call: QueuedCall<C>)
    where
        A: Fn(Arc<Connection>, C) -> F,
        F: Future<Output: Into<Bytes>>,
    {
        let QueuedCall { late, uuid, call } = call;
        let connection = late.connection().id();
        let caller = Arc::clone(late.connection());
        // If the code of the program panics, its client still gets an answer.
        let answer = AssertUnwindSafe(async { (self.answer)(caller, call).await.into() }).catch_unwind();
        let body: Bytes = match timeout(self.config.answer_time, answer).await {
            Ok(Ok(body)) => body,
            Ok(Err(_panic)) => {
                tracing::error!(%connection, "the answer to a call panicked; the client gets the late answer");
                self.config.late_answer.clone()
            }
            Err(_elapsed) => self.config.late_answer.clone(),
        };
        if let Err(error) = late.send(&Message::with_uuid(Opcode::SERVER, uuid, "", body)) {
            tracing::debug!(%connection, %error, "a client left before its answer came");
        }
    }
}

/// Takes the next call; after the stop those that are queued, and then `None`.
async fn next<C>(
    queue: &mut mpsc::Receiver<QueuedCall<C>>,
    stop: &CancellationToken,
) -> Option<QueuedCall<C>> {
    // `recv` loses nothing when the stop cancels it. The close after it refuses new calls, and
    // those that are in the queue still come.
    if let Some(call) = stop.run_until_cancelled(queue.recv()).await {
        return call;
    }
    queue.close();
    queue.recv().await
}
