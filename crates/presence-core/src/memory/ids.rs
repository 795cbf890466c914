//! Streams of who comes and goes, from the journal.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::core::Core;
use super::feed::{Feed, Ready};
use super::journal::Record;
use super::log::{Gone, Log};
use crate::beings::PLACES;
use crate::error::Error;
use crate::event::{Event, Status, Update};
use crate::position::Position;

/// A scan lists one place after the other.
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
