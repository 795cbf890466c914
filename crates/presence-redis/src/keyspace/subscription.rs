//! One stream of events: where it stands and what it gives next.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_core::Stream;
use presence_core::{Error, Event, Position, Since, Status, Update};
use tokio::sync::watch;

use super::feed::{Feed, MirrorState, PAGE};
use super::log::{Gone, Log, LogRecord};
use super::mirror::HashedId;

/// A reader of the log, which takes a snapshot of the mirror first if asked to.
#[derive(Debug)]
pub(super) struct Subscription {
    feed: Arc<Feed>,
    news: watch::Receiver<()>,
    /// Read, and not given yet; refilled when empty, a page at a time.
    ready: VecDeque<Result<Update, Error>>,
    epoch: u64,
    /// The number of the last note that is given, in `ready`, or part of the snapshot.
    number: u64,
    /// The number of the last note there was when the stream began: older losses are over.
    begun: u64,
    phase: Phase,
}

#[derive(Debug)]
enum Phase {
    /// Those up to this place are in the snapshot, true at `number`.
    Snapshot(Option<HashedId>),
    Changes,
}

impl Subscription {
    pub(super) fn new(feed: Arc<Feed>, since: &Since) -> Self {
        let news = feed.news();
        let mut ready = VecDeque::new();
        let (epoch, number, begun, phase) = {
            let state = feed.state();
            let (epoch, last) = (state.log.epoch(), state.log.last());
            match since {
                Since::Snapshot => (epoch, last, last, Phase::Snapshot(None)),
                Since::Position(position) => {
                    let (number, start) = (state.log.number(position), state.log.start());
                    // Of another life's events nobody knows how many they were.
                    let missed = number.map(|number| start.saturating_sub(number));
                    if missed != Some(0) {
                        ready.push_back(Err(Error::lagged(missed)));
                    }
                    (epoch, number.map_or(start, |number| number.max(start)), last, Phase::Changes)
                }
                // With now, and with what there is no word for yet.
                _ => (epoch, last, last, Phase::Changes),
            }
        };
        let mut subscription = Self { feed, news, ready, epoch, number, begun, phase };
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
            let stopped = self.feed.stop.is_cancelled();
            let more = match &self.phase {
                Phase::Snapshot(_) if stopped => return None,
                Phase::Snapshot(after) => {
                    let after = after.clone();
                    self.list(after.as_ref())
                }
                Phase::Changes => self.read(),
            };
            if more {
                // A long log is handed out in pages: others have a turn in between.
                tokio::task::consume_budget().await;
            } else if stopped {
                return None;
            } else {
                tokio::select! {
                    () = self.feed.stop.cancelled() => {}
                    // The sender lives in `feed`, so this cannot fail.
                    _ = self.news.changed() => {}
                }
            }
        }
    }

    /// Adds one more page to the snapshot, and says whether there was anything to do.
    fn list(&mut self, after: Option<&HashedId>) -> bool {
        let feed = Arc::clone(&self.feed);
        let state = feed.state();
        if after.is_some() {
            self.correct(after, &state.log);
        } else if state.health != MirrorState::Live {
            // Nobody knows yet who was there before.
            return self.wait(&state.log);
        }
        self.number = state.log.last();
        let page = state.mirror.list(after, PAGE);
        drop(state);
        match page.last() {
            Some(place) => self.phase = Phase::Snapshot(Some(place.clone())),
            None => {
                self.phase = Phase::Changes;
                self.sync();
            }
        }
        self.ready.extend(page.into_iter().map(|place| Ok(Update::present(place.id, Status::Online))));
        true
    }

    /// Passes on what is no transition while the snapshot cannot begin, and says whether there was
    /// any.
    fn wait(&mut self, log: &Log) -> bool {
        match log.read(self.number, u64::MAX, usize::MAX) {
            Ok(notes) => {
                for (number, note) in notes {
                    self.number = number;
                    if !matches!(note, LogRecord::Transition { .. }) {
                        self.give(number, note);
                    }
                }
            }
            Err(gone) => self.lag(&gone, log),
        }
        !self.ready.is_empty()
    }

    /// Brings the part of the snapshot that is given already up to date.
    ///
    /// What lies behind it needs no correction: it is read as it is by then.
    fn correct(&mut self, given: Option<&HashedId>, log: &Log) {
        match log.read(self.number, u64::MAX, usize::MAX) {
            Ok(notes) => {
                for (number, note) in notes {
                    let LogRecord::Transition { id, cause, .. } = note else {
                        self.give(number, note);
                        continue;
                    };
                    if given.is_some_and(|given| HashedId::new(id.clone()) <= *given) {
                        self.ready.push_back(Ok(Update::present(id.clone(), cause.status())));
                    }
                }
            }
            Err(gone) => self.lag(&gone, log),
        }
    }

    fn read(&mut self) -> bool {
        let feed = Arc::clone(&self.feed);
        let state = feed.state();
        match state.log.read(self.number, u64::MAX, PAGE) {
            Ok(notes) => {
                for (number, note) in notes {
                    self.number = number;
                    self.give(number, note);
                }
            }
            Err(gone) => self.lag(&gone, &state.log),
        }
        !self.ready.is_empty()
    }

    fn give(&mut self, number: u64, note: &LogRecord) {
        match note {
            LogRecord::Transition { id, cause, at } => {
                let position = Position::new(self.epoch, number);
                self.ready.push_back(Ok(Update::Change(Event::new(id.clone(), *cause, *at, position))));
            }
            LogRecord::Lost(error) if number > self.begun => self.ready.push_back(Err(error.clone())),
            LogRecord::Lost(_) => {}
            LogRecord::Gap => self.ready.push_back(Err(Error::lagged(None))),
        }
    }

    fn lag(&mut self, gone: &Gone, log: &Log) {
        self.number = log.start();
        self.ready.push_back(Err(Error::lagged(Some(gone.missed))));
    }

    fn sync(&mut self) {
        let position = Position::new(self.epoch, self.number);
        self.ready.push_back(Ok(Update::Synced(position)));
    }
}
