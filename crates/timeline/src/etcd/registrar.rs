//! The task that keeps a key in etcd; the module's documentation draws its states.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use metrics::{counter, gauge};
use tokio::sync::watch;
use tokio::time::error::Elapsed;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tonic::Code;

use super::api::{PutRequest, RangeRequest};
use super::backoff::Backoff;
use super::client::{Client, Failure};
use crate::{Error, ErrorKind, Result};

/// How long a key outlives its process; the original's.
const LEASE: Duration = Duration::from_secs(15);
/// The same in etcd's unit.
const LEASE_SECONDS: i64 = 15;
/// From one renewal to the next, and how long a round over the members may take.
const PERIOD: Duration = Duration::from_secs(5);

/// Whether others find us in etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RegistrationState {
    /// The key is there.
    Registered,
    /// The key is not there, or is not known to be; it is tried again until it is.
    #[non_exhaustive]
    Unregistered {
        /// Why, for people.
        reason: Arc<str>,
    },
    /// We have taken the key away, and are done.
    Deregistered,
}

impl fmt::Display for RegistrationState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registered => f.write_str("registered in etcd"),
            Self::Unregistered { reason } => write!(f, "not registered in etcd: {reason}"),
            Self::Deregistered => f.write_str("deregistered from etcd"),
        }
    }
}

/// The fields of the task.
#[derive(Debug)]
pub(super) struct Registrar {
    client: Client,
    key: String,
    value: Vec<u8>,
    /// The lease that we hold, as far as we know.
    lease: Option<i64>,
    /// Whether we were registered before: the key of another is taken over only by a start, as the
    /// one of a process that died.
    had_key: bool,
    /// When what is known of the key was asked.
    known_at: Option<Instant>,
    /// Whether the log has that we are not registered.
    is_told: bool,
    state: watch::Sender<RegistrationState>,
}

/// Whose the key is.
enum Owner {
    Nobody,
    We,
    Another,
}

impl Registrar {
    pub(super) fn new(client: Client, key: String, value: Vec<u8>) -> Self {
        let reason = "the registration has not been answered yet".into();
        let state = watch::Sender::new(RegistrationState::Unregistered { reason });
        Self { client, key, value, lease: None, had_key: false, known_at: None, is_told: false, state }
    }

    pub(super) fn state(&self) -> watch::Receiver<RegistrationState> {
        self.state.subscribe()
    }

    /// Keeps the key until `stop`, and then takes it away.
    pub(super) async fn run(mut self, stop: CancellationToken) {
        let mut backoff = Backoff::default();
        loop {
            let Some(outcome) = stop.run_until_cancelled(timeout(PERIOD, self.keep())).await else { break };
            let wait = self.note(outcome, &mut backoff);
            if stop.run_until_cancelled(sleep(wait)).await.is_none() {
                break;
            }
        }
        self.take_away().await;
    }

    /// Makes sure that the key is there with a lease that is renewed.
    async fn keep(&mut self) -> Result<(), Failure> {
        let asked = Instant::now();
        let lease = self.held_lease().await?;
        let owner = if self.had_key { self.owner(lease).await? } else { Owner::Nobody };
        match owner {
            Owner::We => {}
            Owner::Nobody => self.put(lease).await?,
            Owner::Another => {
                let text =
                    format!("another process has registered itself as {}; give each its own id", self.key);
                return Err(Failure::Refused(Code::AlreadyExists, Error::new(ErrorKind::Conflict, text)));
            }
        }
        self.known_at = Some(asked);
        Ok(())
    }

    /// Returns a lease that was renewed or granted just now.
    async fn held_lease(&mut self) -> Result<i64, Failure> {
        if let Some(lease) = self.lease {
            if self.client.keep_alive(lease).await? {
                return Ok(lease);
            }
            self.lease = None;
        }
        let lease = self.client.grant(LEASE_SECONDS).await?;
        self.lease = Some(lease);
        Ok(lease)
    }

    async fn owner(&mut self, lease: i64) -> Result<Owner, Failure> {
        let range = RangeRequest { key: self.key.clone().into_bytes(), range_end: Vec::new() };
        let found = self.client.range(range).await?;
        Ok(match found.kvs.first() {
            None => Owner::Nobody,
            Some(kv) if kv.lease == lease => Owner::We,
            Some(_) => Owner::Another,
        })
    }

    async fn put(&mut self, lease: i64) -> Result<(), Failure> {
        let put = PutRequest { key: self.key.clone().into_bytes(), value: self.value.clone(), lease };
        self.client.put(put).await?;
        self.had_key = true;
        counter!("timeline_etcd_registrations_total").increment(1);
        Ok(())
    }

    /// Tells what became of a round, and returns how long to wait for the next.
    fn note(&mut self, outcome: Result<Result<(), Failure>, Elapsed>, backoff: &mut Backoff) -> Duration {
        match outcome {
            Ok(Ok(())) => {
                backoff.reset();
                self.say(RegistrationState::Registered);
                return PERIOD;
            }
            Ok(Err(Failure::Refused(code, error))) => {
                if code == Code::NotFound {
                    // The lease went between its renewal and the put.
                    self.lease = None;
                }
                self.failed(&error, true);
            }
            Ok(Err(Failure::Away(error))) => self.failed(&error, false),
            Err(_elapsed) => {
                // The member that was asked when the time was over may hang.
                self.client.leave();
                let text = format!("no member of etcd did what was asked within {PERIOD:?}");
                self.failed(&Error::new(ErrorKind::Unavailable, text), false);
            }
        }
        backoff.failed()
    }

    fn failed(&mut self, error: &Error, is_certain: bool) {
        counter!("timeline_etcd_failures_total", "task" => "registration").increment(1);
        // A lease goes on without us until it is over.
        let holds = self.known_at.is_some_and(|asked| asked.elapsed() < LEASE);
        if holds && !is_certain {
            tracing::debug!("{error:#}");
        } else {
            self.say(RegistrationState::Unregistered { reason: format!("{error:#}").into() });
        }
    }

    /// Tells a change of the state once.
    fn say(&mut self, state: RegistrationState) {
        let is_registered = state == RegistrationState::Registered;
        gauge!("timeline_etcd_registered").set(f64::from(u8::from(is_registered)));
        match &state {
            RegistrationState::Unregistered { .. } if !self.is_told => {
                self.is_told = true;
                tracing::warn!(key = self.key, "{state}; it is tried again");
            }
            RegistrationState::Registered if *self.state.borrow() != state => {
                self.is_told = false;
                tracing::info!(key = self.key, "{state}");
            }
            _ => {}
        }
        self.state.send_if_modified(|said| {
            let changed = *said != state;
            *said = state;
            changed
        });
    }

    /// Revokes the lease, as long as it could still be there.
    async fn take_away(mut self) {
        let (mut backoff, until) = (Backoff::default(), Instant::now() + LEASE);
        while let Some(lease) = self.lease {
            match self.client.revoke(lease).await {
                Ok(()) => self.lease = None,
                Err(failure) if Instant::now() >= until => {
                    let error = failure.into_error();
                    return self.say(RegistrationState::Unregistered { reason: format!("{error:#}").into() });
                }
                Err(_again) => sleep(backoff.failed()).await,
            }
        }
        self.say(RegistrationState::Deregistered);
        tracing::info!(key = self.key, "deregistered from etcd");
    }
}
