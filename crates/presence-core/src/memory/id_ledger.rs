//! The ledger in memory: each transition is an event at once.

use std::hash::BuildHasher;
use std::time::SystemTime;

use parking_lot::Mutex;
use tokio::sync::watch;

use crate::event::Cause;
use crate::feed::{ID_EVENT_BYTES, Log, Logged, Reading};
use crate::name::Id;
use crate::tracker::{self, Ledger, Transition};

/// The log of events, and those who wait for it to grow.
///
/// Locks are taken in the order stripe, log. An event is written while the stripe of its id is
/// locked, which makes a transition and its event one, and orders the events of each id.
#[derive(Debug)]
pub(super) struct IdLedger {
    pub(super) log: Mutex<Log<IdRecord>>,
    /// Tells streams that the log has grown.
    pub(super) news: watch::Sender<Reading>,
}

/// One transition.
#[derive(Debug)]
pub(super) struct IdRecord {
    pub(super) id: Id,
    pub(super) at: SystemTime,
    pub(super) cause: Cause,
}

impl Logged for IdRecord {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.id.as_bytes().len()
    }
}

impl IdLedger {
    pub(super) fn new(events_max: usize) -> Self {
        let log = Log::new(epoch(), events_max, events_max.saturating_mul(ID_EVENT_BYTES));
        Self { log: Mutex::new(log), news: watch::Sender::default() }
    }
}

/// Random, so that a position does not survive the events that it counts.
pub(super) fn epoch() -> u64 {
    std::hash::RandomState::new().hash_one(std::process::id())
}

impl Ledger for IdLedger {
    type Name = Id;

    fn record(&self, transition: Transition<'_, Id>) -> bool {
        let at = tracker::wall_now();
        let record = IdRecord { id: transition.name.clone(), at, cause: transition.cause };
        self.log.lock().append(record);
        true
    }

    fn announce(&self) {
        self.news.send_modify(|_| {});
    }
}
