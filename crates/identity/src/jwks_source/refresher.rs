//! The one task that fetches, and what it found last.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use parking_lot::RwLock;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::config::JwksConfig;
use super::fetcher::{Fetched, Fetcher};
use super::state::JwksState;
use crate::error::{Error, ErrorKind};
use crate::key_set::KeySet;

/// What the task is asked. Whoever has asked and is gone misses the answer, and nothing else.
pub(super) enum Ask {
    /// Looks for new keys, unless that was done lately.
    NewKeys(oneshot::Sender<()>),
    /// Reads the keys in any case.
    Reload(oneshot::Sender<Result<(), Error>>),
}

/// The keys that were read last, for whoever verifies.
pub(super) struct Known {
    locked: RwLock<Locked>,
    state: watch::Sender<JwksState>,
}

struct Locked {
    version: u64,
    text: String,
    keys: KeySet,
}

impl Known {
    pub(super) fn new(fetched: Fetched) -> Self {
        warn_of_left_out(&fetched.keys);
        let Fetched { text, keys } = fetched;
        // Version 0 is that of a verifier without a source.
        let locked = RwLock::new(Locked { version: 1, text, keys });
        Self { locked, state: watch::Sender::new(JwksState::Well) }
    }

    /// Without keys, which could not be read yet.
    pub(super) fn absent(error: &Error) -> Self {
        // No key set is an empty text, so whatever is read first counts as a change.
        let nothing = Fetched { text: String::new(), keys: KeySet::default() };
        let known = Self::new(nothing);
        known.state.send_replace(JwksState::Absent { reason: error.to_string().into() });
        known
    }

    /// The keys, and a number that is another one after each change.
    pub(super) fn keys(&self) -> (u64, KeySet) {
        let locked = self.locked.read();
        (locked.version, locked.keys.clone())
    }

    pub(super) fn state(&self) -> watch::Receiver<JwksState> {
        self.state.subscribe()
    }

    fn put(&self, fetched: Fetched) {
        // Nobody else puts any, so they stay as they are until they are locked again.
        if self.locked.read().text == fetched.text {
            return;
        }
        warn_of_left_out(&fetched.keys);
        let mut locked = self.locked.write();
        locked.version += 1;
        locked.text = fetched.text;
        locked.keys = fetched.keys;
    }

    fn is_well(&self) -> bool {
        self.state.borrow().is_well()
    }

    /// The state after a fetch that failed.
    fn failed(&self, error: &Error) -> JwksState {
        let reason = error.to_string().into();
        if matches!(*self.state.borrow(), JwksState::Absent { .. }) {
            return JwksState::Absent { reason };
        }
        JwksState::Stale { reason }
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (version, keys) = self.keys();
        f.debug_struct("Known").field("version", &version).field("keys", &keys).finish_non_exhaustive()
    }
}

/// Fetches when it is asked, and when it was not asked for long.
pub(super) struct Refresher {
    known: Arc<Known>,
    fetcher: Fetcher,
    refetch_after: Duration,
    refresh: Duration,
    /// When the last fetch ended: who was slow to answer is not asked again at once.
    fetched_at: Instant,
}

impl Refresher {
    /// The keys were fetched just now, or could not be.
    pub(super) fn new(known: Arc<Known>, fetcher: Fetcher, config: &JwksConfig) -> Self {
        let JwksConfig { refetch_after, refresh, .. } = config;
        let (refetch_after, refresh) = (*refetch_after, *refresh);
        Self { known, fetcher, refetch_after, refresh, fetched_at: Instant::now() }
    }

    pub(super) async fn run(mut self, mut asks: mpsc::Receiver<Ask>, stop: CancellationToken) {
        let work = async {
            loop {
                tokio::select! {
                    ask = asks.recv() => match ask {
                        Some(ask) => self.answer(ask).await,
                        None => return,
                    },
                    () = sleep_until(self.due()) => {
                        // It is in the state and in the log.
                        self.fetch().await.ok();
                    }
                }
            }
        };
        stop.run_until_cancelled(work).await;
    }

    fn due(&self) -> Instant {
        let is_well = self.known.is_well();
        let wait = if is_well { self.refresh } else { self.refetch_after.min(self.refresh) };
        self.fetched_at + wait
    }

    async fn answer(&mut self, ask: Ask) {
        match ask {
            Ask::NewKeys(answer) => {
                if self.fetched_at.elapsed() >= self.refetch_after {
                    self.fetch().await.ok();
                }
                answer.send(()).ok();
            }
            Ask::Reload(answer) => {
                let fetched = self.fetch().await;
                answer.send(fetched).ok();
            }
        }
    }

    async fn fetch(&mut self) -> Result<(), Error> {
        let fetched = AssertUnwindSafe(self.fetcher.fetch()).catch_unwind().await;
        self.fetched_at = Instant::now();
        // A task that is gone would leave the keys as they are for good.
        let fetched = fetched.unwrap_or_else(|_panic| {
            Err(self.fetcher.error(ErrorKind::Unavailable, "made a task of this process panic"))
        });
        match fetched {
            Ok(fetched) => {
                self.known.put(fetched);
                if !self.known.is_well() {
                    tracing::info!("the key set can be read again");
                }
                self.known.state.send_if_modified(|state| change(state, JwksState::Well));
                Ok(())
            }
            Err(error) => {
                // Once for an outage, also if its reason changes.
                if self.known.is_well() {
                    tracing::warn!(%error, "the last keys that could be read are used");
                }
                // Before the closure below, which has the state to itself.
                let failed = self.known.failed(&error);
                self.known.state.send_if_modified(|state| change(state, failed));
                Err(error)
            }
        }
    }
}

/// Tells of keys that cannot be used, once for each text: it is fetched again and again.
fn warn_of_left_out(keys: &KeySet) {
    if let Some(left_out) = keys.left_out() {
        tracing::warn!(left_out, "the key set has keys that cannot be used");
    }
}

/// Sets a state, and says whether it is another one.
fn change(state: &mut JwksState, to: JwksState) -> bool {
    let is_other = *state != to;
    *state = to;
    is_other
}
