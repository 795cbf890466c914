//! The handle of a registration.

use std::sync::Arc;
use std::time::Duration;

use metrics::{describe_counter, describe_gauge};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::api::RangeRequest;
use super::client::{Client, Failure};
use super::registrar::{Registrar, RegistrationState};
use super::registration_config::RegistrationConfig;
use crate::{Error, ErrorKind, Result};

/// A process of a timeline's service, registered in etcd as long as it lives.
///
/// Clones are the same registration. [`start`](Self::start) begins it and
/// [`shutdown`](Self::shutdown) takes it away; dropping the last clone ends it as well, without
/// waiting.
///
/// ```no_run
/// # async fn example() -> Result<(), timeline::Error> {
/// use std::time::Duration;
///
/// use timeline::etcd::{Registration, RegistrationConfig, Servers};
///
/// let servers = Servers::new(["http://10.0.0.1:2379", "http://10.0.0.2:2379"]);
/// let endpoints = ["grpc://10.0.0.7:9000", "http://10.0.0.7:8000"];
/// let registration = Registration::start(RegistrationConfig::new(servers, endpoints))?;
///
/// // Before the last requests are served, so that clients go elsewhere.
/// registration.shutdown(Duration::from_secs(2)).await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Registration {
    state: watch::Receiver<RegistrationState>,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Ends the task also in the middle of a call.
    cut: CancellationToken,
    _stop_on_drop: Arc<DropGuard>,
}

impl Registration {
    /// Starts to register, and goes on until the end.
    ///
    /// It does not wait for etcd: [`state`](Self::state) says when the key is there.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) if the configuration cannot be used, or this is called
    /// outside of a tokio runtime.
    pub fn start(config: RegistrationConfig) -> Result<Self> {
        if Handle::try_current().is_err() {
            let text = "a registration must be started inside a tokio runtime";
            return Err(Error::new(ErrorKind::Config, text));
        }
        describe();
        let node = config.node()?;
        let registrar = Registrar::new(Client::new(config.servers)?, node.key(), node.value()?);
        let (state, tasks) = (registrar.state(), TaskTracker::new());
        let (stop, cut) = (CancellationToken::new(), CancellationToken::new());
        tasks.spawn({
            let (stop, cut) = (stop.clone(), cut.clone());
            async move {
                cut.run_until_cancelled(registrar.run(stop)).await;
            }
        });
        tasks.close();
        let guard = Arc::new(stop.clone().drop_guard());
        Ok(Self { state, tasks, stop, cut, _stop_on_drop: guard })
    }

    /// Says whether an etcd answers and lets us in, and changes nothing there.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config) if the configuration cannot be used or etcd refuses the
    /// login, [`Unavailable`](crate::ErrorKind::Unavailable) if no member answers.
    pub async fn check(config: &RegistrationConfig) -> Result<()> {
        let key = config.node()?.key().into_bytes();
        let mut client = Client::new(config.servers.clone())?;
        let range = RangeRequest { key, range_end: Vec::new() };
        client.range(range).await.map(drop).map_err(Failure::into_error)
    }

    /// Returns whether others find us now, and tells when that changes.
    #[must_use]
    pub fn state(&self) -> watch::Receiver<RegistrationState> {
        self.state.clone()
    }

    /// Takes the key away, and returns whether that was done within the grace time.
    ///
    /// What could not be taken away is gone with its lease, at most 15 s later.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped goes on without its caller.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.stop.cancel();
        let ended = timeout(grace, self.tasks.wait()).await.is_ok();
        self.cut.cancel();
        ended && *self.state.borrow() == RegistrationState::Deregistered
    }
}

fn describe() {
    describe_gauge!("timeline_etcd_registered", "Whether others find this node in etcd, 1 or 0.");
    describe_counter!("timeline_etcd_registrations_total", "How often this node was put into etcd.");
    describe_counter!(
        "timeline_etcd_failures_total",
        "Rounds over the members of an etcd in which none did what was asked, by task."
    );
}
