//! One stream of events: a snapshot of the mirror, then what is heard.

use std::sync::Arc;

use presence_core::feed::{Log, LogFeed, Reading, Ready, Scanned};
use presence_core::{Error, Event, Position, Status, Update};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::feed::{Feed, MirrorState, PAGE};
use super::log_record::LogRecord;
use super::mirror::HashedId;

/// What one stream reads.
#[derive(Debug)]
pub(super) struct Subscription {
    feed: Arc<Feed>,
    /// Where the log was when the stream began: older losses are over.
    begun: Position,
}

impl Subscription {
    pub(super) fn new(feed: Arc<Feed>) -> Self {
        let begun = {
            let state = feed.state();
            state.log.position(state.log.last())
        };
        Self { feed, begun }
    }

    /// Brings the part of a snapshot that is given already up to date, and says at which number it
    /// is.
    ///
    /// What lies behind it needs no correction: it is read as it is by then. What is no transition
    /// is passed on.
    fn correct(
        &self,
        given: Option<&HashedId>,
        number: u64,
        log: &Log<LogRecord>,
        ready: &mut Ready<Update>,
    ) -> u64 {
        let records = match log.read(number, u64::MAX, usize::MAX) {
            Ok(records) => records,
            Err(gone) => {
                ready.push_back(Err(gone.error()));
                return log.start();
            }
        };
        for (number, record) in records {
            match record {
                LogRecord::Transition { id, cause, .. } => {
                    if given.is_some_and(|given| HashedId::new(id.clone()) <= *given) {
                        ready.push_back(Ok(Update::present(id.clone(), cause.status())));
                    }
                }
                LogRecord::Lost(_) | LogRecord::Gap => ready.extend(self.item(record, log.position(number))),
            }
        }
        log.last()
    }
}

impl LogFeed for Subscription {
    type Record = LogRecord;
    type Update = Update;
    /// The ids up to this one were given in the snapshot; `None` at its beginning.
    type Scan = Option<HashedId>;

    fn news(&self) -> watch::Receiver<Reading> {
        self.feed.news()
    }

    fn ended(&self) -> &CancellationToken {
        &self.feed.stop
    }

    fn look<T>(&self, look: impl FnOnce(&Log<LogRecord>) -> T) -> T {
        look(&self.feed.state().log)
    }

    fn scan(&self, given: &mut Option<HashedId>, number: u64, ready: &mut Ready<Update>) -> Scanned {
        // One lock for the corrections, the number and the page: they are of the same moment.
        let state = self.feed.state();
        if given.is_some() {
            self.correct(given.as_ref(), number, &state.log, ready);
        } else if state.health != MirrorState::Live {
            // Nobody knows yet who was there before.
            return Scanned::Waits(self.correct(None, number, &state.log, ready));
        }
        let (number, page) = (state.log.last(), state.mirror.list(given.as_ref(), PAGE));
        drop(state);
        let Some(last) = page.last() else { return Scanned::Complete(number) };
        *given = Some(last.clone());
        ready.extend(page.into_iter().map(|hashed| Ok(Update::present(hashed.id, Status::Online))));
        Scanned::Part(number)
    }

    fn synced(position: Position) -> Update {
        Update::Synced(position)
    }

    fn item(&self, record: &LogRecord, position: Position) -> Option<Result<Update, Error>> {
        match record {
            LogRecord::Transition { id, cause, at } => {
                Some(Ok(Update::Change(Event::new(id.clone(), *cause, *at, position))))
            }
            LogRecord::Lost(error) => (position > self.begun).then(|| Err(error.clone())),
            LogRecord::Gap => Some(Err(Error::lagged(None))),
        }
    }
}
