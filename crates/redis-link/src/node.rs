//! The connection to one server, made by a task of its own.
//!
//! ```text
//!              ┌────────── an attempt, within `connect_timeout` ◄── a random wait ──┐
//!              ▼                       │                                            │
//!  Connecting ─┴─► Ready               └──────► Failed ─────────────────────────────┘
//!       ▲            │ a call found it lost        │
//!       └────────────┘                             └─ calls fail at once with what the last attempt said
//! ```
//!
//! A panic of the task is an attempt that failed.
//!
//! A call never connects: it takes the connection there is, waits for the first attempt after a
//! loss, or fails at once.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{ConnectionInfo, RedisError, RedisResult};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::DropGuard;

use crate::caught::caught;
use crate::config::LinkConfig;
use crate::connect::{bounded, single, wait};
use crate::connection_count::ConnectionCount;
use crate::sentinel::Sentinels;
use crate::tasks::Tasks;

/// One server and the way to it.
#[derive(Debug)]
pub(crate) struct Node {
    shared: Arc<Shared>,
    _stop: DropGuard,
}

#[derive(Debug)]
struct Shared {
    target: Target,
    settings: Arc<LinkConfig>,
    status: watch::Sender<ConnectionStatus>,
    /// The connections of all servers of the link.
    connections: ConnectionCount,
}

/// Which server it is.
#[derive(Debug)]
pub(crate) enum Target {
    At(ConnectionInfo),
    /// Whichever is the master.
    Of(Sentinels),
}

#[derive(Clone)]
enum ConnectionStatus {
    Connecting,
    Ready(LiveConnection),
    Failed(RedisError),
}

/// A connection that is there.
#[derive(Clone)]
pub(crate) struct LiveConnection {
    pub(crate) connection: MultiplexedConnection,
    /// The server it leads to.
    pub(crate) info: Arc<ConnectionInfo>,
    /// Counts the connections, so that one that failed twice is lost once.
    generation: u64,
}

impl Node {
    /// Begins to connect.
    pub(crate) fn start(
        target: Target,
        settings: &Arc<LinkConfig>,
        tasks: &Tasks,
        connections: &ConnectionCount,
    ) -> Self {
        let status = watch::Sender::new(ConnectionStatus::Connecting);
        let shared = Arc::new(Shared {
            target,
            settings: Arc::clone(settings),
            status,
            connections: connections.clone(),
        });
        let running = Arc::clone(&shared);
        Self { shared, _stop: tasks.spawn(async move { running.keep_running().await }) }
    }

    /// Returns the connection; waits while one is being made for the first time since the last was
    /// lost.
    pub(crate) async fn ready(&self) -> RedisResult<LiveConnection> {
        let mut status = self.shared.status.subscribe();
        // The sender is a field of `self.shared`, so this ends only by a change of the status.
        let decided = status.wait_for(|status| !matches!(status, ConnectionStatus::Connecting)).await;
        match decided.as_deref() {
            Ok(ConnectionStatus::Ready(ready)) => Ok(ready.clone()),
            Ok(ConnectionStatus::Failed(error)) => Err(error.clone()),
            _ => Err(RedisError::from((redis::ErrorKind::Client, "the link to redis was shut down"))),
        }
    }

    /// Returns the connection if there is one.
    pub(crate) fn ready_now(&self) -> Option<LiveConnection> {
        match &*self.shared.status.borrow() {
            ConnectionStatus::Ready(ready) => Some(ready.clone()),
            _ => None,
        }
    }

    /// Whether the last attempt failed, or none has succeeded yet.
    pub(crate) fn is_away(&self) -> bool {
        !matches!(*self.shared.status.borrow(), ConnectionStatus::Ready(_))
    }

    /// Makes another connection, unless the one that failed has been replaced already.
    pub(crate) fn forget(&self, lost: &LiveConnection) {
        self.shared.forget(lost.generation);
    }

    /// Returns the server's name for people: the one it was found at last, or the address.
    pub(crate) fn name(&self) -> String {
        self.shared.name()
    }
}

impl Shared {
    fn name(&self) -> String {
        match (&*self.status.borrow(), &self.target) {
            (ConnectionStatus::Ready(ready), _) => ready.info.addr().to_string(),
            (_, Target::At(info)) => info.addr().to_string(),
            (_, Target::Of(sentinels)) => format!("the master {}", sentinels.master()),
        }
    }

    /// Runs, and begins again after a panic.
    async fn keep_running(&self) {
        let mut generation = 0;
        loop {
            let Err(error) = caught(|| self.name(), self.run(&mut generation)).await;
            self.status.send_replace(ConnectionStatus::Failed(error));
            // What panics in each attempt is not to keep a core busy.
            sleep(self.settings.retry_max).await;
        }
    }

    async fn run(&self, generation: &mut u64) -> RedisResult<Infallible> {
        let mut attempts = 0;
        let mut status = self.status.subscribe();
        loop {
            let (begun, limit) = (Instant::now(), self.settings.connect_timeout);
            match bounded(limit, Box::pin(self.connect())).await {
                Ok((connection, info)) => {
                    (*generation, attempts) = (*generation + 1, 0);
                    // The order matters: whoever has an answer from a connection finds it counted.
                    self.connections.made();
                    let ready = LiveConnection { connection, info: Arc::new(info), generation: *generation };
                    self.status.send_replace(ConnectionStatus::Ready(ready.clone()));
                    // The sender is a field of `self`, so this waits for a change.
                    let lost = status.wait_for(|status| !matches!(status, ConnectionStatus::Ready(_)));
                    tokio::select! {
                        _ = lost => {}
                        () = self.superseded(&ready) => self.forget(*generation),
                    }
                }
                Err(error) => {
                    tracing::debug!(
                        server = self.name(),
                        %error,
                        attempts,
                        "cannot connect to redis; trying again"
                    );
                    self.status.send_replace(ConnectionStatus::Failed(error));
                    // The pause counts from the beginning of the attempt: one that took its whole
                    // time is followed by the next at once.
                    sleep_until(begun + wait(attempts, self.settings.retry_max)).await;
                    attempts += 1;
                }
            }
        }
    }

    async fn connect(&self) -> RedisResult<(MultiplexedConnection, ConnectionInfo)> {
        match &self.target {
            Target::At(info) => Ok((single(info, &self.settings, None).await?, info.clone())),
            Target::Of(sentinels) => sentinels.connect(&self.settings).await,
        }
    }

    /// Waits until most sentinels name another master, as when the old one is cut off from them and
    /// not from us.
    async fn superseded(&self, ready: &LiveConnection) {
        let Target::Of(sentinels) = &self.target else { return std::future::pending().await };
        loop {
            sleep(SENTINEL_INTERVAL).await;
            let named = timeout(
                self.settings.connect_timeout,
                Box::pin(sentinels.name_another(&ready.info, &self.settings)),
            );
            // Sentinels that do not answer in time change nothing: the connection still works.
            if named.await.unwrap_or(false) {
                return;
            }
        }
    }

    fn forget(&self, generation: u64) {
        // This wakes the task, which waits in `run` until the status is another one.
        self.status.send_if_modified(|status| {
            let same = matches!(status, ConnectionStatus::Ready(ready) if ready.generation == generation);
            if same {
                *status = ConnectionStatus::Connecting;
            }
            same
        });
    }
}

impl std::fmt::Debug for ConnectionStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Connecting => "Connecting",
            Self::Ready(_) => "Ready",
            Self::Failed(_) => "Failed",
        })
    }
}

/// How often the sentinels are asked while all goes well.
const SENTINEL_INTERVAL: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use redis::IntoConnectionInfo;

    use super::*;
    use crate::caught::told;

    #[tokio::test]
    async fn a_task_that_panics_fails_calls_at_once_and_goes_on() {
        let settings = Arc::new(LinkConfig::new("redis://127.0.0.1:1").retry_max(Duration::from_millis(50)));
        let nobody = "redis://127.0.0.1:1".into_connection_info().unwrap();
        told::panic_times(2);
        let (tasks, connections) = (Tasks::here().unwrap(), ConnectionCount::default());
        let node = Node::start(Target::At(nobody), &settings, &tasks, &connections);
        let why = |error: RedisError| error.to_string();
        let error = node.ready().await.err().map(why).unwrap();
        assert!(error.contains("panicked"), "{error}");
        assert!(node.is_away() && node.ready_now().is_none());
        let mut status = node.shared.status.subscribe();
        let tried = |status: &ConnectionStatus| matches!(status, ConnectionStatus::Failed(error) if error.is_io_error());
        timeout(Duration::from_secs(60), status.wait_for(tried)).await.unwrap().unwrap();
        assert_eq!(connections.get(), 0);
    }
}
