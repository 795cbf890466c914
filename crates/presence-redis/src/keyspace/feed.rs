//! What this process has heard, and those who wait to hear more.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use parking_lot::{Mutex, MutexGuard};
use presence_core::feed::{ID_EVENT_BYTES, Log, Reading};
use presence_core::{Cause, Error, ErrorKind, Id};
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::config::Config;
use super::health::Health;
use super::held::Held;
use super::keys::KeyEvent;
use super::log_record::LogRecord;
use super::mirror::{HashedId, Mirror};
use super::remembered::Remembered;

/// The state that the listener writes and streams read. It knows no connection, so a stream keeps
/// none alive.
#[derive(Debug)]
pub(super) struct Feed {
    /// Taken before the locks of `held` and `health`, never after them.
    state: Mutex<Locked>,
    /// Tells streams that the state has changed.
    news: watch::Sender<Reading>,
    /// Cancelled when the backend is shut down or dropped: calls are refused.
    pub(super) closing: CancellationToken,
    /// Cancelled when everything was heard that had happened by then: streams and tasks end.
    pub(super) stop: CancellationToken,
    pub(super) held: Held,
    pub(super) health: Health,
    key_ttl: Duration,
    /// The address of Redis, without user and password.
    address: String,
}

/// What changes together with its notes.
#[derive(Debug)]
pub(super) struct Locked {
    pub(super) mirror: Mirror,
    pub(super) log: Log<LogRecord>,
    pub(super) remembered: Remembered,
    pub(super) health: MirrorState,
    /// Who lost its key although nobody need have gone, and when: while Redis took no writes, or
    /// while it is held here. They are in the mirror until that is settled.
    starved: HashMap<Id, SystemTime>,
    /// When those go who were not found after a loss: no heartbeat before it keeps them online for
    /// longer.
    doubt: Option<Instant>,
}

/// How far the mirror can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MirrorState {
    /// Nothing is heard.
    Lost,
    /// Everything is heard; what was there before is still being read.
    Reading,
    Live,
}

impl Feed {
    pub(super) fn new(config: &Config, address: String) -> Self {
        let (epoch, _) = Uuid::new_v4().as_u64_pair();
        let state = Locked {
            mirror: Mirror::default(),
            log: Log::new(epoch, config.events_max, config.events_max.saturating_mul(ID_EVENT_BYTES)),
            remembered: Remembered::new(config.remembered_max),
            health: MirrorState::Lost,
            starved: HashMap::new(),
            doubt: None,
        };
        Self {
            state: Mutex::new(state),
            news: watch::Sender::default(),
            closing: CancellationToken::new(),
            stop: CancellationToken::new(),
            held: Held::default(),
            health: Health::new(config.ttl),
            key_ttl: config.key_ttl(),
            address,
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, Locked> {
        self.state.lock()
    }

    pub(super) fn news(&self) -> watch::Receiver<Reading> {
        self.news.subscribe()
    }

    /// Tells streams that the state has changed.
    fn announce(&self) {
        self.news.send_modify(|_| {});
    }

    /// Notes what Redis told, in its order.
    pub(super) fn hear(&self, signs: impl Iterator<Item = (KeyEvent, Id)>) {
        let at = wall_now();
        // Keys that nobody could renew say nothing about their ids.
        let starving = self.health.unsure().is_some();
        let mut state = self.state();
        for (sign, id) in signs {
            match sign {
                KeyEvent::Set => {
                    let cause = if self.held.has(&id) { Cause::Held } else { Cause::Heartbeat };
                    state.come(id, cause, at);
                }
                KeyEvent::Deleted => {
                    self.held.end_firm(&id);
                    state.go(id, Cause::Explicit, at, at);
                }
                KeyEvent::Expired if (starving || self.held.has_firm(&id)) && state.mirror.has(&id) => {
                    self.held.lose(&id);
                    state.starved.insert(id, at);
                }
                KeyEvent::Expired | KeyEvent::Evicted => {
                    self.held.lose(&id);
                    state.go(id, Cause::Expired, at, self.beat_before(at));
                }
            }
        }
        drop(state);
        self.announce();
    }

    /// Notes a page of the keys that are there.
    pub(super) fn find(&self, ids: Vec<Id>) {
        let at = wall_now();
        let mut state = self.state();
        for id in ids {
            if state.mirror.found(id.clone()) {
                state.remembered.come_back(&id);
                state.log.append(LogRecord::Transition { id, cause: Cause::Heartbeat, at });
            }
        }
        drop(state);
        self.announce();
    }

    /// Notes that everything is heard from here on, and that the keys are read from the first one.
    /// `gap` says that something was not heard before.
    pub(super) fn begin_round(&self, gap: bool) {
        let mut state = self.state();
        // After the stop nothing more is noted: streams end with what was before.
        if self.stop.is_cancelled() {
            return;
        }
        state.mirror.begin();
        // All ids are in doubt until they are found, also those whose keys could not be renewed.
        state.starved.clear();
        state.doubt = None;
        if gap {
            state.log.append(LogRecord::Gap);
        }
        // If nothing was missed the mirror stays as good as it was.
        if state.health == MirrorState::Lost {
            state.health = MirrorState::Reading;
        }
        drop(state);
        self.health.heard(Ok(()));
        self.announce();
    }

    /// Notes that all keys were read.
    pub(super) fn end_round(&self) {
        let mut state = self.state();
        state.mirror.end();
        state.health = MirrorState::Live;
        state.doubt = Some(Instant::now() + self.key_ttl);
        drop(state);
        self.announce();
    }

    pub(super) fn lose(&self, error: Error) {
        let mut state = self.state();
        state.health = MirrorState::Lost;
        // If the backend was shut down or dropped before the connection was lost, streams end with
        // what was before, so the loss is not told.
        if !self.closing.is_cancelled() {
            self.health.heard(Err(&error));
            state.log.append(LogRecord::Lost(error));
        }
        drop(state);
        self.announce();
    }

    /// Says whether it is time for those in doubt to go.
    pub(super) fn doubts(&self) -> bool {
        if self.health.unsure().is_some() {
            return false;
        }
        let state = self.state();
        state.health == MirrorState::Live && state.doubt.is_some_and(|doubt| doubt <= Instant::now())
    }

    /// Lets those in doubt go, a page of the mirror at a time, and returns where to go on.
    pub(super) fn let_go(&self, after: Option<&HashedId>) -> Option<HashedId> {
        let at = wall_now();
        let mut state = self.state();
        // A new round of reading may have begun meanwhile. Then nobody is let go of until it is
        // over.
        state.doubt?;
        let (gone, last) = state.mirror.let_go(after, PAGE);
        let any = !gone.is_empty();
        for id in gone {
            if self.held.has_firm(&id) {
                // This process holds the id and will make its key again, so here it has not been
                // away.
                state.mirror.came(id.clone());
                self.held.lose(&id);
                continue;
            }
            state.leave(id, Cause::Expired, at, self.beat_before(at));
        }
        if last.is_none() {
            state.doubt = None;
        }
        drop(state);
        if any {
            self.announce();
        }
        last
    }

    /// Lets those go who lost their keys while Redis took no writes, and have not come back in the
    /// time that they had for it.
    pub(super) fn settle(&self) {
        if self.health.unsure().is_some() {
            return;
        }
        let at = wall_now();
        let mut state = self.state();
        let gone: Vec<(Id, SystemTime)> = state
            .starved
            .iter()
            .filter(|(id, _)| !self.held.has_firm(id))
            .map(|(id, at)| (id.clone(), *at))
            .collect();
        for (id, expired) in &gone {
            state.go(id.clone(), Cause::Expired, at, self.beat_before(*expired));
        }
        drop(state);
        if !gone.is_empty() {
            self.announce();
        }
    }

    /// Fails while somebody in the mirror may be gone, or may be there without a key.
    pub(super) fn check_certain(&self) -> Result<(), Error> {
        let unsure = self.health.unsure();
        match unsure {
            Some(error) if !self.state().starved.is_empty() => Err(error),
            _ => Ok(()),
        }
    }

    /// Waits until the mirror can be trusted.
    pub(super) async fn live(&self) -> Result<(), Error> {
        let mut news = self.news();
        loop {
            news.borrow_and_update();
            match self.state().health {
                MirrorState::Live => return Ok(()),
                MirrorState::Lost => return Err(self.not_listening()),
                MirrorState::Reading => {}
            }
            if news.changed().await.is_err() {
                return Err(self.not_listening());
            }
        }
    }

    /// The error of whoever asks for more than is heard.
    pub(super) fn not_listening(&self) -> Error {
        let address = &self.address;
        let message =
            format!("presence does not receive the notifications of {address} now; try again once it does");
        Error::new(ErrorKind::Unavailable, message)
    }

    /// The latest moment of a heartbeat whose key expired at `at`.
    fn beat_before(&self, at: SystemTime) -> SystemTime {
        at.checked_sub(self.key_ttl).unwrap_or(at)
    }
}

impl Locked {
    fn come(&mut self, id: Id, cause: Cause, at: SystemTime) {
        self.starved.remove(&id);
        if self.mirror.came(id.clone()) {
            self.remembered.come_back(&id);
            self.log.append(LogRecord::Transition { id, cause, at });
        }
    }

    fn go(&mut self, id: Id, cause: Cause, at: SystemTime, seen: SystemTime) {
        self.starved.remove(&id);
        if self.mirror.went(id.clone()) {
            self.leave(id, cause, at, seen);
        }
    }

    fn leave(&mut self, id: Id, cause: Cause, at: SystemTime, seen: SystemTime) {
        self.remembered.leave(id.clone(), seen);
        self.log.append(LogRecord::Transition { id, cause, at });
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place where this layout reads wall time")]
pub(super) fn wall_now() -> SystemTime {
    SystemTime::now()
}

/// How much of the mirror is handled under its lock.
pub(super) const PAGE: usize = 1_024;
