//! Streams of who comes and goes, from the ledger of ids.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::id_ledger::IdRecord;
use super::shared::Shared;
use crate::error::Error;
use crate::event::{Event, Status, Update};
use crate::feed::{Log, LogFeed, Reading, Ready, Scanned};
use crate::position::Position;
use crate::tracker::STRIPES;

/// A scan lists one stripe after the other.
impl LogFeed for Arc<Shared> {
    type Record = IdRecord;
    type Update = Update;
    type Scan = usize;

    fn news(&self) -> watch::Receiver<Reading> {
        self.id_ledger().news.subscribe()
    }

    fn ended(&self) -> &CancellationToken {
        &self.stop
    }

    fn look<T>(&self, look: impl FnOnce(&Log<IdRecord>) -> T) -> T {
        look(&self.id_ledger().log.lock())
    }

    fn scan(&self, scan: &mut usize, number: u64, ready: &mut Ready<Update>) -> Scanned {
        let stripe = *scan;
        if stripe == STRIPES {
            return Scanned::Complete(number);
        }
        *scan += 1;
        let mut kept = Vec::new();
        // The last number of the log is read while the stripe is locked, so the stripe has no event
        // after it that the page lacks.
        let (_, last) = self.tracker.list_with(stripe, 0, usize::MAX, &mut kept, |_| self.look(Log::last));
        // Only the stripes that were listed need corrections by the events since. The stripes to
        // come are read later, as they are then.
        self.look(|log| match log.read(number, last, usize::MAX) {
            Ok(events) => {
                let given = events.filter(|(_, record)| self.tracker.stripe(&record.id) < stripe);
                ready.extend(given.map(|(_, record)| {
                    let status = record.cause.status();
                    Ok(Update::present(record.id.clone(), status))
                }));
            }
            Err(gone) => ready.push_back(Err(gone.error())),
        });
        ready.extend(kept.into_iter().map(|kept| Ok(Update::present(kept.name, Status::Online))));
        Scanned::Part(last)
    }

    fn synced(position: Position) -> Update {
        Update::Synced(position)
    }

    fn item(&self, record: &IdRecord, position: Position) -> Option<Result<Update, Error>> {
        Some(Ok(Update::Change(Event::new(record.id.clone(), record.cause, record.at, position))))
    }
}
