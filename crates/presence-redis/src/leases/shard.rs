//! What everybody in this process may know about a shard; its writer says it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use presence_core::tracker::Millis;
use presence_core::{Error, ErrorKind};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout_at};

use super::config::Config;
use super::outbox::StepNumber;
use crate::connection::Link;

/// A shard as seen from this process.
#[derive(Debug)]
pub(super) struct Shard {
    server: ShardServer,
    status: watch::Sender<ShardStatus>,
    progress: watch::Sender<Progress>,
    /// When the lease was last renewed, on the clock of the tracker.
    renewed: AtomicU64,
    /// The highest number of an event that this process heard of.
    last: AtomicU64,
    doubt: Notify,
}

/// The server that a shard lies on, which changes with failovers and when its slot moves.
///
/// It displays as host and port.
#[derive(Debug, Clone)]
pub(super) struct ShardServer {
    link: Arc<Link>,
    /// Some key of the shard.
    key: Arc<str>,
}

/// How this process stands with the shard.
#[derive(Debug, Clone, Default)]
pub(super) struct ShardStatus {
    /// The epoch of the data, and our name in it; none while they are lost.
    pub(super) registration: Option<Registration>,
    /// Until when others are waited for to announce what they hold.
    pub(super) recovering: Option<Instant>,
    /// How much longer than its lease a process counts: as long as nobody could renew.
    pub(super) allowance: Duration,
    /// Counts the renewals, each of which proves that the epoch is that of the server we talk to.
    pub(super) renewals: u64,
    /// Counts the times that Redis could not be reached.
    pub(super) outages: u64,
}

/// This process in one epoch of the data of a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Registration {
    pub(super) epoch: String,
    /// The events of this epoch come after this number.
    pub(super) start: u64,
    /// The name of this process in it.
    pub(super) process: String,
}

/// How far the outbox was emptied.
#[derive(Debug, Clone, Default)]
struct Progress {
    done: StepNumber,
    /// Counts the attempts that failed.
    failures: u64,
    error: Option<Error>,
    closed: bool,
}

impl Shard {
    /// Creates what is known of a shard, which has `key`.
    pub(super) fn new(link: &Arc<Link>, key: &str) -> Self {
        Self {
            server: ShardServer { link: Arc::clone(link), key: key.into() },
            status: watch::Sender::default(),
            progress: watch::Sender::default(),
            renewed: AtomicU64::new(0),
            last: AtomicU64::new(0),
            doubt: Notify::new(),
        }
    }

    pub(super) fn server(&self) -> &ShardServer {
        &self.server
    }

    pub(super) fn status(&self) -> watch::Receiver<ShardStatus> {
        self.status.subscribe()
    }

    pub(super) fn set_status(&self, change: impl FnOnce(&mut ShardStatus)) {
        self.status.send_modify(change);
    }

    /// Returns the registration there is, or waits for one.
    pub(super) async fn registration(&self, until: Instant) -> Result<(Registration, Duration), Error> {
        let mut status = self.status();
        let found = timeout_at(until, status.wait_for(|status| status.registration.is_some())).await;
        match found {
            Ok(Ok(status)) => status
                .registration
                .clone()
                .map(|registration| (registration, status.allowance))
                .ok_or_else(|| self.server.away()),
            _ => Err(self.error()),
        }
    }

    /// Waits for the first registration, or until it is known that these settings allow none.
    pub(super) async fn entered(&self, until: Instant) -> Result<(), Error> {
        let mut progress = self.progress.subscribe();
        let is_wrong = |progress: &Progress| {
            progress.error.as_ref().is_some_and(|error| error.kind() == ErrorKind::Config)
        };
        tokio::select! {
            entered = self.registration(until) => entered.map(drop),
            // The sender is a field of `self`, so only the change itself ends this wait.
            _ = progress.wait_for(is_wrong) => Err(self.error()),
        }
    }

    /// Asks the writer to find out whether the epoch of `registration` is over.
    pub(super) fn doubt(&self, registration: &Registration) {
        // The writer may have entered the next epoch already, of which this doubt says nothing.
        self.status.send_if_modified(|status| {
            let same = status.registration.as_ref() == Some(registration);
            if same {
                status.registration = None;
            }
            same
        });
        self.doubt.notify_one();
    }

    pub(super) async fn doubted(&self) {
        self.doubt.notified().await;
    }

    /// Waits until the server we talk to has been found once more to be that of the epoch.
    pub(super) async fn verified(&self) {
        let mut status = self.status();
        // The order matters: the renewals are counted before the writer is asked for one, so that a
        // quick one counts.
        let before = status.borrow().renewals;
        self.doubt.notify_one();
        // The sender is a field of `self`, so only the change itself ends this wait.
        drop(status.wait_for(|status| status.renewals > before && status.registration.is_some()).await);
    }

    /// Waits for one more renewal, or says why there is none.
    pub(super) async fn renewed(&self, until: Instant) -> Result<(), Error> {
        // Failures are counted before the writer is asked, so that one that comes at once ends the
        // wait.
        let (failures, mut progress) = (self.failures(), self.progress.subscribe());
        let failed = async {
            // The sender is a field of `self`, so only the change itself ends this wait.
            drop(progress.wait_for(|progress| progress.failures > failures || progress.closed).await);
        };
        let over = async {
            tokio::select! {
                () = self.verified() => Ok(()),
                () = failed => Err(self.why()),
            }
        };
        timeout_at(until, over).await.unwrap_or_else(|_| Err(self.error()))
    }

    pub(super) fn renew(&self, at: Millis) {
        self.renewed.store(at, Ordering::Relaxed);
    }

    /// Whether heartbeats are taken for good: nobody else lets our ids go.
    pub(super) fn is_fresh(&self, now: Millis) -> bool {
        let patience = u64::try_from(Config::PATIENCE.as_millis()).unwrap_or(u64::MAX);
        now.saturating_sub(self.renewed.load(Ordering::Relaxed)) <= patience
    }

    pub(super) fn hear(&self, last: u64) {
        self.last.fetch_max(last, Ordering::Relaxed);
    }

    /// The highest number of an event that this process heard of.
    pub(super) fn last(&self) -> u64 {
        self.last.load(Ordering::Relaxed)
    }

    pub(super) fn done(&self, ticket: StepNumber) {
        self.progress.send_modify(|progress| {
            progress.done = ticket;
            progress.error = None;
        });
    }

    pub(super) fn failed(&self, error: &Error) {
        self.progress.send_modify(|progress| {
            progress.failures += 1;
            progress.error = Some(error.clone());
        });
    }

    /// Why something was not written.
    fn why(&self) -> Error {
        if self.progress.borrow().closed {
            return Error::new(ErrorKind::Closed, "presence was shut down");
        }
        self.error()
    }

    /// After this nothing is written any more.
    pub(super) fn close(&self) {
        self.progress.send_modify(|progress| progress.closed = true);
    }

    /// Notes what a later [`Wait`] begins with; to be called before the step is pushed.
    pub(super) fn wait(&self) -> Wait {
        self.wait_since(self.failures())
    }

    /// The same for a step that was pushed when there had been so many failures.
    pub(super) fn wait_since(&self, failures: u64) -> Wait {
        Wait { server: self.server.clone(), progress: self.progress.subscribe(), failures }
    }

    /// How many attempts have failed.
    pub(super) fn failures(&self) -> u64 {
        self.progress.borrow().failures
    }

    /// Whether the last attempt failed.
    pub(super) fn is_failing(&self) -> bool {
        self.progress.borrow().error.is_some()
    }

    /// Why the last attempt failed, if it did.
    pub(super) fn error(&self) -> Error {
        let error = self.progress.borrow().error.clone();
        error.unwrap_or_else(|| self.server.away())
    }

    /// Why nobody can say who is online in it now.
    pub(super) fn recovering(&self) -> Error {
        let message = format!(
            "redis at {} lost data or took no writes for a while; try again in up to 5 s, when every process \
             has reported again who is online",
            self.server
        );
        Error::new(ErrorKind::Unavailable, message)
    }
}

impl ShardServer {
    /// Why there is no answer, of which nothing else is known.
    fn away(&self) -> Error {
        let message = format!("redis at {self} did not confirm in time; it is slow or cannot be reached");
        Error::new(ErrorKind::Unavailable, message)
    }
}

impl fmt::Display for ShardServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.link.server(&self.key))
    }
}

/// A call that waits for a step to be taken.
#[derive(Debug)]
pub(super) struct Wait {
    server: ShardServer,
    progress: watch::Receiver<Progress>,
    failures: u64,
}

impl Wait {
    /// Waits until a step is written, an attempt failed, or time is up.
    pub(super) async fn until(mut self, ticket: StepNumber, until: Instant) -> Result<(), Error> {
        let failures = self.failures;
        let over =
            |progress: &Progress| progress.done >= ticket || progress.failures > failures || progress.closed;
        let told = self.progress.clone();
        let Ok(progress) = timeout_at(until, self.progress.wait_for(over)).await else {
            // The error is the last one of the writer, if it had one.
            let error = told.borrow().error.clone();
            return Err(error.unwrap_or_else(|| self.server.away()));
        };
        match progress.as_deref() {
            Ok(progress) if progress.done >= ticket => Ok(()),
            Ok(Progress { error: Some(error), closed: false, .. }) => Err(error.clone()),
            _ => Err(Error::new(ErrorKind::Closed, "presence was shut down")),
        }
    }
}
