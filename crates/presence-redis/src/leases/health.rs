//! How all shards are, as one state: what each writer learnt from its latest write.
//!
//! ```text
//!            a write was taken                        a write was taken
//!   (none) ◄─────────────────── Refused, Away ◄────────────────────────► another trouble
//!            redis refused it: Refused             no answer: Away
//!
//!   no shard in trouble: Well    every shard away, or a task that has panicked: Down    else: ReadOnly    closed: Down, for good
//! ```

use std::collections::BTreeMap;

use parking_lot::Mutex;
use presence_core::{Error, State};
use tokio::sync::watch;

use crate::connection::refusal;
use crate::state_log::StateLog;

/// The troubles of the shards of both spaces.
#[derive(Debug)]
pub(super) struct Health {
    shards: Mutex<Shards>,
    state: watch::Sender<State>,
}

#[derive(Debug, Default)]
struct Shards {
    /// How many writers there are.
    count: usize,
    troubles: BTreeMap<ShardId, Trouble>,
    /// Why tasks do not run.
    ended: BTreeMap<TaskId, String>,
    closed: bool,
    report: StateLog,
}

/// A space and the number of a shard in it.
type ShardId = (&'static str, usize);

/// What a task does, a space, and which of several it is there.
type TaskId = (&'static str, &'static str, usize);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Trouble {
    /// Redis answers, and takes no write.
    Refused(String),
    Away(String),
}

impl Health {
    pub(super) fn new() -> Self {
        Self { shards: Mutex::default(), state: watch::Sender::new(State::Well) }
    }

    pub(super) fn state(&self) -> watch::Receiver<State> {
        self.state.subscribe()
    }

    /// Counts the shards of one more space.
    pub(super) fn expect(&self, shards: usize) {
        self.shards.lock().count += shards;
    }

    /// Notes that a shard took a write.
    pub(super) fn well(&self, shard: ShardId) {
        let mut shards = self.shards.lock();
        if shards.troubles.remove(&shard).is_some() {
            self.tell(&mut shards);
        }
    }

    /// Notes that a write failed.
    pub(super) fn failed(&self, shard: ShardId, error: &Error) {
        let text = format!("{error:#}");
        let trouble = if refusal(error).is_some() { Trouble::Refused(text) } else { Trouble::Away(text) };
        let mut shards = self.shards.lock();
        if shards.troubles.get(&shard) != Some(&trouble) {
            shards.troubles.insert(shard, trouble);
            self.tell(&mut shards);
        }
    }

    /// Notes why a task does not run, or that it runs again.
    pub(super) fn part(&self, task: TaskId, why: Option<String>) {
        let mut shards = self.shards.lock();
        match why {
            Some(why) => shards.ended.insert(task, why),
            None => shards.ended.remove(&task),
        };
        self.tell(&mut shards);
    }

    pub(super) fn close(&self) {
        let mut shards = self.shards.lock();
        shards.closed = true;
        self.tell(&mut shards);
    }

    fn tell(&self, shards: &mut Shards) {
        // The lock is held until the state is told, so states are told in the order in which they
        // came.
        let state = shards.state();
        if !shards.closed {
            shards.report.note(&state);
        }
        self.state.send_if_modified(|known| {
            let changed = *known != state;
            *known = state;
            changed
        });
    }
}

impl Shards {
    fn state(&self) -> State {
        if self.closed {
            return State::closed();
        }
        // The worst comes first: without one of its tasks nothing of presence can be relied on.
        if let Some(why) = self.ended.values().next() {
            return State::down(why.as_str());
        }
        let Some(first) = self.troubles.values().next() else { return State::Well };
        let away = self.troubles.values().filter(|trouble| matches!(trouble, Trouble::Away(_))).count();
        let (Trouble::Refused(text) | Trouble::Away(text)) = first;
        if away == self.count {
            return State::down(&**text);
        }
        if self.troubles.len() == self.count {
            return State::read_only(&**text);
        }
        let part = format!("in {} of {} shards, {text}", self.troubles.len(), self.count);
        State::read_only(part)
    }
}

#[cfg(test)]
mod tests {
    use presence_core::ErrorKind;

    use super::*;

    fn away() -> Error {
        Error::new(ErrorKind::Unavailable, "redis did not answer in time")
    }

    #[test]
    fn one_shard_away_is_a_part_and_all_are_the_whole() {
        let health = Health::new();
        health.expect(2);
        let state = health.state();
        assert!(state.borrow().is_well());
        health.failed(("ids", 0), &away());
        assert_eq!(*state.borrow(), State::read_only("in 1 of 2 shards, redis did not answer in time"));
        health.failed(("ids", 1), &away());
        assert_eq!(*state.borrow(), State::down("redis did not answer in time"));
        health.well(("ids", 0));
        health.well(("ids", 1));
        assert!(state.borrow().is_well());
        health.close();
        health.well(("ids", 0));
        assert_eq!(*state.borrow(), State::closed());
    }
}
