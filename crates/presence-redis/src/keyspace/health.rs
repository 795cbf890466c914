//! Whether Redis takes writes and is heard, and whether all tasks run.
//!
//! A trial finds out the first; the second is about its notifications.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::Mutex;
use presence_core::{Error, State};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::connection::refusal;
use crate::state_log::StateLog;

/// What the tasks learnt last, as one state.
#[derive(Debug)]
pub(super) struct Health {
    known: Mutex<Locked>,
    /// How long it takes until those who are there have their keys again.
    settling: Duration,
    state: watch::Sender<State>,
}

#[derive(Debug, Default)]
struct Locked {
    /// Until when keys may be missing that could not be renewed, and why they could not.
    unsure: Option<(Instant, Error)>,
    writes: Option<Trouble>,
    not_listening: Option<State>,
    /// Why tasks do not run, by their names.
    ended: BTreeMap<&'static str, String>,
    closed: bool,
    report: StateLog,
}

/// Why a write failed.
#[derive(Debug)]
struct Trouble {
    state: State,
    error: Error,
    /// Whether keys run out meanwhile of those who are there.
    starves: bool,
}

impl Health {
    /// Creates a state in which all is well, for keys that live for `ttl`: whoever beats does so at
    /// least twice in that time.
    pub(super) fn new(ttl: Duration) -> Self {
        let settling = ttl / 2 + Duration::from_secs(1);
        Self { known: Mutex::default(), settling, state: watch::Sender::new(State::Well) }
    }

    pub(super) fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Notes what became of a write.
    pub(super) fn wrote(&self, result: Result<(), &Error>) {
        self.note(|known| {
            let before = known.writes.take().filter(|trouble| trouble.starves);
            if let (Ok(()), Some(Trouble { error, .. })) = (result, &before) {
                known.unsure = Some((Instant::now() + self.settling, error.clone()));
            }
            let starved = before.is_some();
            known.writes = result.err().map(|error| {
                let (refusal, text) = (refusal(error), format!("{error:#}"));
                Trouble {
                    state: if refusal.is_some() { State::read_only(text) } else { State::down(text) },
                    // A Redis without memory still renews the keys that are there, so nobody
                    // starves. A server that took no writes and is away now has not taken any
                    // since.
                    starves: starved || refusal.is_some_and(|code| code != "OOM"),
                    error: error.clone(),
                }
            });
        });
    }

    /// Notes whether notifications are heard.
    pub(super) fn heard(&self, result: Result<(), &Error>) {
        self.note(|known| {
            known.not_listening = result.err().map(|error| {
                State::read_only(format!("presence is not told by redis who comes and goes: {error:#}"))
            });
        });
    }

    /// Notes why a task does not run, or that it runs again.
    pub(super) fn part(&self, part: &'static str, why: Option<String>) {
        self.note(|known| {
            match why {
                Some(why) => known.ended.insert(part, why),
                None => known.ended.remove(part),
            };
        });
    }

    /// Returns why a key that is missing says nothing about its id, if that is so.
    ///
    /// While Redis takes no writes a key that nobody could renew is gone after its time; when it
    /// takes some again, whoever is there needs a moment to write it.
    pub(super) fn unsure(&self) -> Option<Error> {
        let mut known = self.known.lock();
        known.unsure.take_if(|(until, _)| *until <= Instant::now());
        let starving = known.writes.as_ref().filter(|trouble| trouble.starves);
        let why =
            starving.map(|trouble| &trouble.error).or_else(|| known.unsure.as_ref().map(|(_, error)| error));
        why.cloned()
    }

    pub(super) fn close(&self) {
        self.note(|known| known.closed = true);
    }

    fn note(&self, change: impl FnOnce(&mut Locked)) {
        let mut known = self.known.lock();
        change(&mut known);
        // The lock is held until the state is told, so states are told in the order in which they
        // came.
        let state = known.state();
        if !known.closed {
            known.report.note(&state);
        }
        self.state.send_if_modified(|told| {
            let changed = *told != state;
            *told = state;
            changed
        });
    }
}

impl Locked {
    fn state(&self) -> State {
        if self.closed {
            return State::closed();
        }
        // The worst comes first: without one of its tasks nothing of presence can be relied on.
        if let Some(why) = self.ended.values().next() {
            return State::down(why.as_str());
        }
        let worst = self.writes.as_ref().map(|trouble| &trouble.state).or(self.not_listening.as_ref());
        worst.cloned().unwrap_or(State::Well)
    }
}
