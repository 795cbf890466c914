//! The queue between the tasks of connections and those that answer calls.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::async_handler::AsyncHandler;
use super::config::Config;
use super::waiting::{QueuedCall, WaitingCalls, cost};
use crate::guard::{self, Panicked, guarded_hook};
use crate::protocol::Message;
use crate::{Answer, Connection, ConnectionId, Disconnect, Error, ErrorKind, Handler, LateAnswer};

/// A bounded queue of calls that wait for their answers; clones are the same queue.
///
/// It is a [`Handler`] that queues each call. A handler of the program's that answers some calls at
/// once gives the others to [`push`](Self::push). [`Hooks::calls`](crate::Hooks::calls) takes it,
/// so that it ends with its hub, and [`Calls::start`](super::Calls::start) says who answers.
#[derive(Clone, Debug)]
pub struct CallQueue {
    shared: Arc<Shared>,
}

struct Shared {
    config: Config,
    /// A permit for each call that is worked on.
    running: Semaphore,
    tasks: TaskTracker,
    inner: Mutex<Locked>,
}

#[derive(Default)]
struct Locked {
    waiting: WaitingCalls,
    answerer: Option<Answerer>,
    is_closed: bool,
}

/// Who answers, and where.
struct Answerer {
    /// The handle has it: see [`Calls`](super::Calls).
    handler: Weak<dyn AsyncHandler>,
    runtime: Handle,
}

impl CallQueue {
    /// Creates a queue in which calls wait until somebody answers them.
    ///
    /// It is for one hub.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config), naming the value that is out of its bounds.
    pub fn new(config: Config) -> Result<Self, Error> {
        config.validate()?;
        let shared = Shared {
            running: Semaphore::new(config.running_max),
            config,
            tasks: TaskTracker::new(),
            inner: Mutex::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Queues a call of a connection, behind those that it has there.
    ///
    /// Never waits.
    ///
    /// # Errors
    ///
    /// [`Busy`](crate::ErrorKind::Busy) if there is no room, [`Closed`](crate::ErrorKind::Closed)
    /// if calls are not answered any more.
    pub fn push(&self, connection: &Arc<Connection>, message: Message) -> Result<(), Error> {
        let mut inner = self.shared.inner.lock();
        if inner.is_closed {
            return Err(closed());
        }
        if !inner.waiting.has_room(connection.id(), &message, &self.shared.config) {
            return Err(Error::new(ErrorKind::Busy, "too many calls wait; call again"));
        }
        let is_first = inner.waiting.push(QueuedCall { late: LateAnswer::new(connection), message });
        if is_first && let Some(answerer) = &inner.answerer {
            self.begin(answerer, connection.id());
        }
        Ok(())
    }

    /// Has a handler answer, also the calls that wait already.
    pub(super) fn answer_with(&self, handler: &Arc<dyn AsyncHandler>, runtime: Handle) -> Result<(), Error> {
        let mut inner = self.shared.inner.lock();
        if inner.is_closed {
            return Err(closed());
        }
        if inner.answerer.is_some() {
            let text = "somebody answers the calls of this queue already; make another queue";
            return Err(Error::new(ErrorKind::Config, text));
        }
        let answerer = Answerer { handler: Arc::downgrade(handler), runtime };
        for id in inner.waiting.connections() {
            self.begin(&answerer, id);
        }
        inner.answerer = Some(answerer);
        Ok(())
    }

    /// Starts the task that works on the calls of a connection; the lock is held.
    ///
    /// So no task begins behind a close, which would not be waited for.
    fn begin(&self, answerer: &Answerer, id: ConnectionId) {
        // The queue is closed before its handler goes, so there is one while it takes calls.
        if let Some(handler) = answerer.handler.upgrade() {
            let shared = Arc::clone(&self.shared);
            let work = async move { shared.answer_all(id, &*handler).await };
            self.shared.tasks.spawn_on(work, &answerer.runtime);
        }
    }

    /// Refuses new calls. Those that were accepted are answered, if anybody answers.
    pub(crate) fn close(&self) {
        let unanswered = {
            let mut inner = self.shared.inner.lock();
            inner.is_closed = true;
            self.shared.tasks.close();
            if inner.answerer.is_some() { Vec::new() } else { inner.waiting.take_all() }
        };
        if !unanswered.is_empty() {
            tracing::warn!(
                calls = unanswered.len(),
                "the hub ended before anybody began to answer the calls of its clients"
            );
            lost(unanswered.len());
        }
    }

    /// Waits until it is closed and all calls that were accepted are answered.
    pub(crate) async fn ended(&self) {
        self.shared.tasks.wait().await;
    }

    /// Refuses new calls; returns whether those that were accepted were answered within this time.
    pub(crate) async fn finish(&self, within: Duration) -> bool {
        self.close();
        timeout(within, self.ended()).await.is_ok()
    }
}

impl Handler for CallQueue {
    fn call(&self, connection: &Arc<Connection>, message: Message) -> Answer {
        let uuid = message.uuid.clone();
        match self.push(connection, message) {
            Ok(()) => Answer::none(),
            Err(refused) => {
                tracing::debug!(connection = %connection.id(), %refused, "a call is refused");
                self.shared.config.busy_answer_to(uuid)
            }
        }
    }
}

impl Shared {
    /// Works on the calls of a connection, one after another, until there are none.
    async fn answer_all(&self, id: ConnectionId, handler: &dyn AsyncHandler) {
        while let Some(QueuedCall { late, message }) = self.next_of(id) {
            let connection = Arc::clone(late.connection());
            if let Err(reason) = self.answer(handler, late, message).await {
                connection.close(reason);
                // They relied on the one that failed, and the close tells their client.
                let behind = self.inner.lock().waiting.take_of(id);
                lost(behind.len());
                return;
            }
        }
    }

    fn next_of(&self, id: ConnectionId) -> Option<QueuedCall> {
        self.inner.lock().waiting.next_of(id)
    }

    /// Works on a call and gives its answer; an error ends the connection.
    async fn answer(
        &self,
        handler: &dyn AsyncHandler,
        late: LateAnswer,
        message: Message,
    ) -> Result<(), Disconnect> {
        let (id, uuid, cost) = (late.connection().id(), message.uuid.clone(), cost(&message));
        let called = self.call(handler, late.connection(), message).await;
        self.inner.lock().waiting.give_back(cost);
        let answer = match called {
            Some(called) => called.map_err(|_panicked| guard::report(id))?,
            None => self.config.late_answer_to(uuid),
        };
        let given = guarded_hook(late.give(answer)).await.map_err(|_panicked| guard::report(id))?;
        if !given? {
            tracing::debug!(connection = %id, "a client left before its answer came");
            lost(1);
        }
        Ok(())
    }

    /// Has the handler work on a call; `None` if it takes too long.
    async fn call(
        &self,
        handler: &dyn AsyncHandler,
        connection: &Arc<Connection>,
        message: Message,
    ) -> Option<Result<Answer, Panicked>> {
        let _running = self.running.acquire().await.ok()?;
        let call = guarded_hook(async { handler.call(connection, message).await });
        timeout(self.config.answer_time, call).await.ok()
    }
}

/// Counts answers that no client gets. Looks the counter up: they are rare.
fn lost(answers: usize) {
    metrics::counter!("hub_answers_lost_total").increment(answers as u64);
}

fn closed() -> Error {
    Error::new(ErrorKind::Closed, "calls are not answered any more")
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("config", &self.config).finish_non_exhaustive()
    }
}
