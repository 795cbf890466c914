//! One stream of events: where it stands and what it gives next.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_core::Stream;
use tokio::sync::watch;

use super::core::Core;
use super::log::Gone;
use crate::beings::PLACES;
use crate::error::Error;
use crate::event::{Since, Status, Update};

/// A reader of the log, which takes a snapshot first if asked to.
#[derive(Debug)]
pub(super) struct Subscription {
    core: Arc<Core>,
    news: watch::Receiver<()>,
    /// Read, and not given yet; refilled when empty, a page or the snapshot of a place at a time.
    ready: VecDeque<Result<Update, Error>>,
    /// The number of the last event that is given, in `ready`, or part of the snapshot.
    number: u64,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// The places before this one are in the snapshot, true at `number`.
    Snapshot {
        place: usize,
    },
    Changes,
}

impl Subscription {
    pub(super) fn new(core: Arc<Core>, since: Since) -> Self {
        let news = core.journal().news();
        let mut ready = VecDeque::new();
        let (number, phase) = {
            let log = core.journal().log();
            match since {
                Since::Now => (log.last(), Phase::Changes),
                Since::Snapshot => (log.last(), Phase::Snapshot { place: 0 }),
                Since::Position(position) => {
                    let (number, start) = (log.number(&position), log.start());
                    // Of another life's events nobody knows how many they were.
                    let missed = number.map(|number| start.saturating_sub(number));
                    if missed != Some(0) {
                        ready.push_back(Err(Error::lagged(missed)));
                    }
                    (number.map_or(start, |number| number.max(start)), Phase::Changes)
                }
            }
        };
        let mut subscription = Self { core, news, ready, number, phase };
        if matches!(subscription.phase, Phase::Changes) {
            subscription.sync();
        }
        subscription
    }

    pub(super) fn into_stream(self) -> impl Stream<Item = Result<Update, Error>> + Send {
        futures_util::stream::unfold(self, |mut subscription| async move {
            let item = subscription.next().await?;
            Some((item, subscription))
        })
    }

    async fn next(&mut self) -> Option<Result<Update, Error>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(item);
            }
            // Before the read: what is written in between makes `changed` return at once.
            self.news.borrow_and_update();
            let stopped = self.core.stop.is_cancelled();
            match self.phase {
                Phase::Snapshot { .. } if stopped => return None,
                Phase::Snapshot { place } => self.scan(place),
                Phase::Changes => self.read(),
            }
            if !self.ready.is_empty() {
                // A long log is handed out in pages: others have a turn in between.
                tokio::task::consume_budget().await;
            } else if matches!(self.phase, Phase::Changes) {
                if stopped {
                    return None;
                }
                tokio::select! {
                    () = self.core.stop.cancelled() => {}
                    // The sender lives in `core`, so this cannot fail.
                    _ = self.news.changed() => {}
                }
            }
        }
    }

    /// Adds one more place to the snapshot.
    fn scan(&mut self, place: usize) {
        if place == PLACES {
            self.phase = Phase::Changes;
            self.sync();
            return;
        }
        self.phase = Phase::Snapshot { place: place + 1 };
        let core = Arc::clone(&self.core);
        let mut kept = Vec::new();
        // While the place is locked it has no event after this one.
        let last = || core.journal().log().last();
        let (_, last) = core.beings.list_with(place, 0, usize::MAX, &mut kept, |_| last());
        self.correct(place, last);
        self.ready.extend(kept.into_iter().map(|kept| Ok(Update::present(kept.name, Status::Online))));
    }

    /// Brings the part of the snapshot that is given already up to the event `last`.
    ///
    /// What lies in the places to come needs no correction: they are read as they are by then.
    fn correct(&mut self, places: usize, last: u64) {
        let core = Arc::clone(&self.core);
        let log = core.journal().log();
        match log.read(self.number, last, usize::MAX) {
            Ok(events) => {
                let given = events.filter(|(_, event)| core.beings.place(&event.id) < places);
                self.ready.extend(given.map(|(_, event)| Ok(Update::present(event.id, event.status))));
            }
            Err(Gone { missed }) => self.ready.push_back(Err(Error::lagged(Some(missed)))),
        }
        self.number = last;
    }

    fn read(&mut self) {
        let core = Arc::clone(&self.core);
        let log = core.journal().log();
        match log.read(self.number, u64::MAX, PAGE) {
            Ok(events) => {
                for (number, event) in events {
                    self.number = number;
                    self.ready.push_back(Ok(Update::Change(event)));
                }
            }
            Err(Gone { missed }) => {
                self.number = log.start();
                self.ready.push_back(Err(Error::lagged(Some(missed))));
            }
        }
    }

    fn sync(&mut self) {
        let position = self.core.journal().log().position(self.number);
        self.ready.push_back(Ok(Update::Synced(position)));
    }
}

/// How many events are copied out of the log under its lock.
const PAGE: usize = 256;
