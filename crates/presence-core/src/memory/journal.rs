//! The ledger in memory: each transition is an event at once.

use std::hash::BuildHasher;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

use super::log::Log;
use crate::beings::{self, Ledger, Transition};
use crate::name::Id;

/// The log of events, and those who wait for it to grow.
///
/// Locks are taken in the order place, log. An event is written while the place of its id is locked, which makes a
/// transition and its event one, and orders the events of each id.
#[derive(Debug)]
pub(super) struct Journal {
    log: Mutex<Log>,
    /// Tells streams that the log has grown.
    news: watch::Sender<()>,
}

impl Journal {
    pub(super) fn new(events_max: usize) -> Self {
        // Random, so that a position does not survive the events that it counts.
        let epoch = std::hash::RandomState::new().hash_one(std::process::id());
        Self { log: Mutex::new(Log::new(epoch, events_max)), news: watch::Sender::new(()) }
    }

    pub(super) fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock()
    }

    pub(super) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }
}

impl Ledger for Journal {
    type Name = Id;

    fn record(&self, transition: Transition<'_, Id>) -> bool {
        let at = beings::wall_now();
        self.log.lock().append(transition.name.clone(), transition.cause, at);
        true
    }

    fn announce(&self) {
        self.news.send_replace(());
    }
}
