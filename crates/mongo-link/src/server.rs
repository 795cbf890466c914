//! The MongoDB that a link leads to: its client, and whether it answers.

use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mongodb::Database;
use mongodb::bson::doc;
use mongodb::error::Result as DriverResult;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::calls::{Calls, joined};
use crate::caught::{caught, caught_in};
use crate::client::ClientMaker;
use crate::current::CurrentClient;
use crate::election::Election;
use crate::error::{Error, ErrorKind};
use crate::state::State;
use crate::succession::Succession;
use crate::topology::Seen;

/// What all clones of a link, and its tasks, share.
pub(crate) struct Server {
    pub(crate) maker: Arc<ClientMaker>,
    /// The name of the database.
    pub(crate) database: String,
    pub(crate) calls: Calls,
    /// Feeds, and the end of the client.
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    pub(crate) state: watch::Sender<State>,
    current: CurrentClient,
    /// A call has failed: the state may be another one.
    doubted: Notify,
    /// The servers that are no members, as the log was told last; `None` until it is told anything.
    logged: Mutex<Option<Vec<String>>>,
}

/// A question to the primary, which goes on to its end when this is dropped.
pub(crate) type Probe = JoinHandle<Result<(), Error>>;

impl Server {
    pub(crate) fn new(maker: ClientMaker, database: String, calls: Calls) -> Self {
        let shown = maker.server();
        let state = State::down(format!("mongodb at {shown} was not asked yet"));
        let maker = Arc::new(maker);
        Self {
            current: CurrentClient::new(Arc::clone(&maker)),
            maker,
            database,
            calls,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            state: watch::Sender::new(state),
            doubted: Notify::new(),
            logged: Mutex::new(None),
        }
    }

    /// Does work of the driver by `end`, which is `limit` from its beginning.
    pub(crate) async fn call<T, W>(
        &self,
        end: Instant,
        limit: Duration,
        work: impl FnOnce(Database) -> W,
    ) -> Result<T, Error>
    where
        T: Send + 'static,
        W: Future<Output = DriverResult<T>> + Send + 'static,
    {
        if self.calls.is_closed() {
            return Err(Error::closed());
        }
        let server = self.maker.server();
        // That says nothing of MongoDB, so nobody doubts it.
        if Instant::now() >= end {
            return Err(Error::spent(server));
        }
        let Some(current) = self.current.get() else {
            self.doubted.notify_one();
            return Err(Error::unavailable(server, "was not found yet; the link keeps looking for it"));
        };
        let work = work(current.client.database(&self.database));
        let answer = self.calls.run(server, end, limit, work).await;
        let answer =
            answer.and_then(|answer| answer.map_err(|error| self.maker.error(error, &current.seen.borrow())));
        if answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unavailable) {
            self.doubted.notify_one();
        }
        answer
    }

    /// Returns which election made the primary, as far as was heard.
    pub(crate) fn election(&self) -> Election {
        Election(self.current.get().and_then(|current| current.seen.borrow().elected))
    }

    /// Asks the primary whether it is there.
    pub(crate) fn ask(self: &Arc<Self>) -> Probe {
        let server = Arc::clone(self);
        self.calls.spawn(async move {
            let current = server.current.made().await?;
            let answer = current.client.database("admin").run_command(doc! { "ping": 1 }).await;
            answer.map(drop).map_err(|error| server.maker.error(error, &current.seen.borrow()))
        })
    }

    /// Waits so long for what the primary answers; after an error the question may be under way
    /// still.
    pub(crate) async fn answer(&self, probe: &mut Probe, limit: Duration) -> Result<(), Error> {
        match timeout(limit, joined(probe)).await {
            Ok(answer) => answer.unwrap_or_else(|| Err(Error::closed())),
            Err(_elapsed) => Err(Error::late(self.maker.server(), limit)),
        }
    }

    /// Waits a moment for what the primary answers, and as long as a call may take if one is there.
    ///
    /// One that is busy may take long to refuse a login.
    pub(crate) async fn soon(&self, probe: &mut Probe, moment: Duration) -> Result<(), Error> {
        let limit = self.maker.settings.timeout;
        let moment = moment.min(limit);
        if let Ok(answer) = timeout(moment, joined(&mut *probe)).await {
            return answer.unwrap_or_else(|| Err(Error::closed()));
        }
        let sees_primary = self.current.get().is_some_and(|current| current.seen.borrow().has_primary);
        if sees_primary {
            return self.answer(probe, limit.saturating_sub(moment)).await;
        }
        Err(Error::late(self.maker.server(), moment))
    }

    /// Keeps the state, until it is stopped.
    pub(crate) async fn keep(self: Arc<Self>) {
        let (mut watched, mut succession) = (None, Succession::new());
        loop {
            // Also if the driver sees changes all the while, as with a login that is refused.
            sleep(PROBE_PAUSE.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
            let is_well = self.state.borrow().is_well();
            let pause = if is_well { PROBE_PERIOD } else { PROBE_PERIOD_AWAY };
            self.watch(&mut watched);
            tokio::select! {
                () = sleep(pause) => {}
                () = changed(&mut watched) => {}
                () = self.doubted.notified() => {}
            }
            if let Some(lost) = self.lost() {
                // A probe would wait in vain for what is told here at once.
                self.tell(Some(&lost));
                self.succeed(&mut succession).await;
                continue;
            }
            succession.is_over();
            let mut probe = self.ask();
            let limit = self.maker.settings.timeout;
            let answer = caught(self.maker.server(), self.answer(&mut probe, limit)).await;
            self.tell(answer.as_ref().err());
            if !probe.is_finished() {
                // One at a time, also at a server that answers nobody.
                drop(probe.await);
            }
        }
    }

    /// Watches what the client in use sees, also when it is another one than before.
    fn watch(&self, watched: &mut Option<watch::Receiver<Seen>>) {
        let Some(current) = self.current.get() else { return };
        if !watched.as_ref().is_some_and(|watched| watched.same_channel(&current.seen)) {
            *watched = Some(current.seen);
        }
    }

    /// Has another client take the place of one that sees no primary, if it is time for that.
    async fn succeed(self: &Arc<Self>, succession: &mut Succession) {
        let Some(current) = self.current.get() else { return };
        if !succession.is_due(&current.seen.borrow(), Instant::now()) {
            return;
        }
        let server = Arc::clone(self);
        let succeeded = self.calls.spawn(async move { server.current.succeed(current).await });
        if let Err(error) = caught_in(self.maker.server(), succeeded).await {
            tracing::debug!("{error}; another client of the driver is made later");
        }
    }

    /// Sets the state to what an answer says, and tells the log of a change.
    pub(crate) fn tell(&self, error: Option<&Error>) {
        let new = self.state_of(error);
        let server = self.maker.server();
        self.state.send_if_modified(|old| {
            // What ends a link ends its state, too.
            if *old == new || self.calls.is_closed() {
                return false;
            }
            let is_news = !new.is_well() && self.is_news(old.is_well());
            match &new {
                State::Well => tracing::info!("mongodb at {server} is well"),
                _ if is_news => tracing::warn!("{new}; the link keeps asking"),
                _ => tracing::debug!("{new}"),
            }
            *old = new;
            true
        });
    }

    /// Whether the log is to be told of an outage: when it begins, and when it is known that a
    /// server is to be put right by somebody.
    fn is_news(&self, was_well: bool) -> bool {
        let strangers = self.current.get().map(|current| current.seen.borrow().strangers());
        let strangers = strangers.unwrap_or_default();
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        let is_other = logged.as_ref().is_none_or(|logged| *logged != strangers && !strangers.is_empty());
        if was_well || is_other {
            *logged = Some(strangers);
        }
        was_well || is_other
    }

    fn state_of(&self, error: Option<&Error>) -> State {
        let Some(error) = error else { return State::Well };
        let is_read_only = self.current.get().is_some_and(|current| {
            let seen = current.seen.borrow();
            seen.has_member && !seen.has_primary
        });
        if is_read_only { State::read_only(error.to_string()) } else { State::down(error.to_string()) }
    }

    /// Returns an error if the driver knows that there is no primary.
    fn lost(&self) -> Option<Error> {
        // Without a client nobody has looked yet.
        let current = self.current.get()?;
        let seen = current.seen.borrow();
        (!seen.has_primary).then(|| Error::unavailable(self.maker.server(), seen.reason()))
    }

    /// Ends what is left once calls are refused.
    ///
    /// The order matters, from what needs others to what is needed. The task that keeps the state
    /// makes probes and other clients: it ends first, so that no probe comes when calls have ended,
    /// and no client when the last one was closed. Feeds need no call, and wait for none. Then
    /// calls under way come to their end, and the client that they go by is closed.
    pub(crate) async fn end(self: Arc<Self>) {
        self.stop.cancel();
        // The task that keeps the state is one of them.
        self.calls.ended().await;
        self.state.send_replace(State::closed());
        if let Some(current) = self.current.get() {
            // Not for cursors that somebody has carried out of a call.
            current.client.shutdown().immediate(true).await;
        }
    }
}

/// Waits until a client sees something else; for ever if there is none, or it has ended.
async fn changed(watched: &mut Option<watch::Receiver<Seen>>) {
    let is_alive = match watched {
        Some(seen) => seen.changed().await.is_ok(),
        None => false,
    };
    if !is_alive {
        pending::<()>().await;
    }
}

/// The least time between two probes.
const PROBE_PAUSE: Duration = Duration::from_millis(200);

/// How often a primary that answers is asked; a loss is mostly seen by the driver before.
const PROBE_PERIOD: Duration = Duration::from_secs(5);

/// How often one that does not is asked.
const PROBE_PERIOD_AWAY: Duration = Duration::from_millis(500);
