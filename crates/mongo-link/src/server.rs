//! The MongoDB that a link leads to: its client, and whether it answers.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use mongodb::bson::doc;
use mongodb::error::Result as DriverResult;
use mongodb::{Client, Database};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::calls::{Calls, joined};
use crate::caught::caught;
use crate::client::{ClientMaker, ClientPurpose};
use crate::error::{Error, ErrorKind};
use crate::state::State;
use crate::topology::{Seen, handler_for};

/// What all clones of a link, and its tasks, share.
pub(crate) struct Server {
    pub(crate) maker: Arc<ClientMaker>,
    /// The name of the database.
    pub(crate) database: String,
    pub(crate) calls: Calls,
    /// The task that keeps the state, feeds, and the end of the client.
    pub(crate) tasks: TaskTracker,
    pub(crate) stop: CancellationToken,
    pub(crate) state: watch::Sender<State>,
    /// Made by the first that needs it; with hosts from the DNS that may have to be tried again.
    client: OnceLock<Client>,
    seen: Arc<watch::Sender<Seen>>,
    /// A call has failed: the state may be another one.
    doubted: Notify,
}

/// A question to the primary, which goes on to its end when this is dropped.
pub(crate) type Probe = JoinHandle<Result<(), Error>>;

impl Server {
    pub(crate) fn new(maker: ClientMaker, database: String, calls: Calls) -> Self {
        let shown = maker.server();
        let state = State::down(format!("mongodb at {shown} was not asked yet"));
        Self {
            maker: Arc::new(maker),
            database,
            calls,
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            state: watch::Sender::new(state),
            client: OnceLock::new(),
            seen: Arc::new(watch::Sender::new(Seen::default())),
            doubted: Notify::new(),
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
        let Some(client) = self.client.get() else {
            self.doubted.notify_one();
            return Err(Error::unavailable(server, "was not found yet; the link keeps looking for it"));
        };
        let work = work(client.database(&self.database));
        let answer = self.calls.run(server, end, limit, work).await;
        if answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unavailable) {
            self.doubted.notify_one();
        }
        answer
    }

    /// Asks the primary whether it is there.
    pub(crate) fn ask(self: &Arc<Self>) -> Probe {
        let server = Arc::clone(self);
        self.calls.spawn(async move {
            let admin = server.client().await?.database("admin");
            let answer = admin.run_command(doc! { "ping": 1 }).await;
            answer.map(drop).map_err(|error| Error::of(server.maker.server(), error))
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

    /// Keeps the state, until it is stopped.
    pub(crate) async fn keep(self: Arc<Self>) {
        let mut seen = self.seen.subscribe();
        loop {
            // Also if the driver sees changes all the while, as with a login that is refused.
            sleep(PROBE_PAUSE.mul_f64(0.5 + fastrand::f64() / 2.0)).await;
            let is_well = self.state.borrow().is_well();
            let pause = if is_well { PROBE_PERIOD } else { PROBE_PERIOD_AWAY };
            tokio::select! {
                () = sleep(pause) => {}
                _ = seen.changed() => {}
                () = self.doubted.notified() => {}
            }
            if let Some(lost) = self.lost() {
                // A probe would wait in vain for what is told here at once.
                self.tell(Some(&lost));
                continue;
            }
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

    /// Sets the state to what an answer says, and tells the log of a change.
    pub(crate) fn tell(&self, error: Option<&Error>) {
        let new = self.state_of(error);
        let server = self.maker.server();
        self.state.send_if_modified(|old| {
            // What ends a link ends its state, too.
            if *old == new || self.calls.is_closed() {
                return false;
            }
            match (&*old, &new) {
                (_, State::Well) => tracing::info!("mongodb at {server} is well"),
                (State::Well, _) => tracing::warn!("{new}; the link keeps asking"),
                _ => tracing::debug!("{new}"),
            }
            *old = new;
            true
        });
    }

    fn state_of(&self, error: Option<&Error>) -> State {
        let Some(error) = error else { return State::Well };
        let is_read_only = {
            let seen = self.seen.borrow();
            seen.has_member && !seen.has_primary
        };
        if is_read_only { State::read_only(error.to_string()) } else { State::down(error.to_string()) }
    }

    /// Returns an error if the driver knows that there is no primary.
    fn lost(&self) -> Option<Error> {
        // Without a client nobody has looked yet.
        self.client.get()?;
        let seen = self.seen.borrow();
        (!seen.has_primary).then(|| Error::unavailable(self.maker.server(), seen.reason()))
    }

    /// Returns the client, and makes it if nobody has.
    async fn client(&self) -> Result<&Client, Error> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let settings = &self.maker.settings;
        // One more than there are places, for the probe.
        let pool = u32::try_from(settings.calls_max).unwrap_or(u32::MAX).saturating_add(1);
        let selection = settings.inner_timeout();
        let client =
            self.maker.make(ClientPurpose { pool, selection, seen: Some(handler_for(&self.seen)) }).await?;
        Ok(self.client.get_or_init(|| client))
    }

    /// Ends what is left once calls are refused: waits for those under way, stops the tasks and
    /// closes the connections.
    pub(crate) async fn end(self: Arc<Self>) {
        self.calls.ended().await;
        self.stop.cancel();
        self.state.send_replace(State::closed());
        if let Some(client) = self.client.get() {
            // Not for cursors that somebody has carried out of a call.
            client.clone().shutdown().immediate(true).await;
        }
    }
}

/// The least time between two probes.
const PROBE_PAUSE: Duration = Duration::from_millis(200);

/// How often a primary that answers is asked; a loss is mostly seen by the driver before.
const PROBE_PERIOD: Duration = Duration::from_secs(5);

/// How often one that does not is asked.
const PROBE_PERIOD_AWAY: Duration = Duration::from_millis(500);
