//! The ledger in memory: each transition is an event at once.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::core::Core;
use super::feed::{Feed, Ready};
use super::log::{Gone, Log};
use crate::beings::{self, Ledger, PLACES, Transition};
use crate::error::Error;
use crate::event::{Cause, Event, Status, Update};
use crate::name::Id;
use crate::position::Position;

/// The log of events, and those who wait for it to grow.
///
/// Locks are taken in the order place, log. An event is written while the place of its id is
/// locked, which makes a transition and its event one, and orders the events of each id.
#[derive(Debug)]
pub(super) struct Journal {
    log: Mutex<Log<Record>>,
    /// Tells streams that the log has grown.
    news: watch::Sender<()>,
}

/// One transition.
#[derive(Debug)]
pub(super) struct Record {
    id: Id,
    at: SystemTime,
    cause: Cause,
}

impl Journal {
    pub(super) fn new(events_max: usize) -> Self {
        Self { log: Mutex::new(Log::new(epoch(), events_max)), news: watch::Sender::new(()) }
    }
}

/// Random, so that a position does not survive the events that it counts.
pub(super) fn epoch() -> u64 {
    std::hash::RandomState::new().hash_one(std::process::id())
}

impl Ledger for Journal {
    type Name = Id;

    fn record(&self, transition: Transition<'_, Id>) -> bool {
        let at = beings::wall_now();
        let record = Record { id: transition.name.clone(), at, cause: transition.cause };
        self.log.lock().append(record);
        true
    }

    fn announce(&self) {
        self.news.send_replace(());
    }
}

/// Streams of who comes and goes; a scan lists one place after the other.
impl Feed for Arc<Core> {
    type Record = Record;
    type Update = Update;
    type Scan = usize;

    fn news(&self) -> watch::Receiver<()> {
        self.journal().news.subscribe()
    }

    fn stop(&self) -> &CancellationToken {
        &self.stop
    }

    fn look<T>(&self, look: impl FnOnce(&Log<Record>) -> T) -> T {
        look(&self.journal().log.lock())
    }

    fn scan(&self, scan: &mut usize, number: u64, ready: &mut Ready<Update>) -> Option<u64> {
        let place = *scan;
        if place == PLACES {
            return None;
        }
        *scan += 1;
        let mut kept = Vec::new();
        // While the place is locked it has no event after this one.
        let (_, last) = self.beings.list_with(place, 0, usize::MAX, &mut kept, |_| self.look(Log::last));
        // What lies in the places to come needs no correction: they are read as they are by then.
        self.look(|log| match log.read(number, last, usize::MAX) {
            Ok(events) => {
                let given = events.filter(|(_, record)| self.beings.place(&record.id) < place);
                ready.extend(given.map(|(_, record)| {
                    let status = record.cause.status();
                    Ok(Update::present(record.id.clone(), status))
                }));
            }
            Err(Gone { missed }) => ready.push_back(Err(Error::lagged(Some(missed)))),
        });
        ready.extend(kept.into_iter().map(|kept| Ok(Update::present(kept.name, Status::Online))));
        Some(last)
    }

    fn synced(position: Position) -> Update {
        Update::Synced(position)
    }

    fn change(record: &Record, position: Position) -> Update {
        Update::Change(Event::new(record.id.clone(), record.cause, record.at, position))
    }
}
