//! The state of the throttle.
//!
//! It is what the inner backend says, unless a task of the throttle does not run.

use std::collections::BTreeMap;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::state::State;

/// What is known of the inner backend and the throttle's own tasks, as one state.
#[derive(Debug)]
pub(super) struct Health {
    known: Mutex<Locked>,
    state: watch::Sender<State>,
}

#[derive(Debug)]
struct Locked {
    inner: State,
    /// Why tasks do not run, by their names.
    ended: BTreeMap<&'static str, String>,
    closed: bool,
}

impl Health {
    pub(super) fn new(inner: State) -> Self {
        let state = watch::Sender::new(inner.clone());
        Self { known: Mutex::new(Locked { inner, ended: BTreeMap::new(), closed: false }), state }
    }

    pub(super) fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Notes what the inner backend says, as long as it says something.
    pub(super) async fn follow(&self, mut inner: watch::Receiver<State>) {
        loop {
            let state = inner.borrow_and_update().clone();
            self.note(|known| known.inner = state);
            if inner.changed().await.is_err() {
                return;
            }
        }
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

    pub(super) fn close(&self) {
        self.note(|known| known.closed = true);
    }

    fn note(&self, change: impl FnOnce(&mut Locked)) {
        // The lock is held until the state is told, so states are told in the order in which they
        // came.
        let mut known = self.known.lock();
        change(&mut known);
        let state = known.state();
        self.state.send_if_modified(|told| {
            let changed = *told != state;
            *told = state;
            changed
        });
    }
}

impl Locked {
    fn state(&self) -> State {
        match (&self.inner, self.ended.values().next()) {
            _ if self.closed => State::closed(),
            (_, Some(why)) => State::down(why.as_str()),
            (inner, None) => inner.clone(),
        }
    }
}
