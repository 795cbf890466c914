//! One stream: where it stands and what it gives next.

use futures_core::Stream;
use tokio::sync::watch;

use super::log::Gone;
use super::log_feed::{LogFeed, Ready};
use crate::error::Error;
use crate::event::Since;

/// A reader of a log, which takes a snapshot first if asked to.
#[derive(Debug)]
pub(crate) struct LogReader<F: LogFeed> {
    feed: F,
    news: watch::Receiver<()>,
    /// Refilled when empty, a page or a part of the snapshot at a time.
    ready: Ready<F::Update>,
    /// The number of the last event that is given, in `ready`, or part of the snapshot.
    number: u64,
    /// The snapshot, until it is complete.
    scan: Option<F::Scan>,
}

impl<F: LogFeed> LogReader<F> {
    pub(crate) fn new(feed: F, since: Since) -> Self {
        let news = feed.news();
        let mut ready = Ready::new();
        let (number, scan) = feed.look(|log| match since {
            Since::Now => (log.last(), None),
            Since::Snapshot => (log.last(), Some(F::Scan::default())),
            Since::Position(position) => {
                let (number, start) = (log.number(&position), log.start());
                // Of another life's events nobody knows how many they were.
                let missed = number.map(|number| start.saturating_sub(number));
                if missed != Some(0) {
                    ready.push_back(Err(Error::lagged(missed)));
                }
                (number.map_or(start, |number| number.max(start)), None)
            }
        });
        let mut reader = Self { feed, news, ready, number, scan };
        if reader.scan.is_none() {
            reader.sync();
        }
        reader
    }

    pub(crate) fn into_stream(self) -> impl Stream<Item = Result<F::Update, Error>> + Send {
        futures_util::stream::unfold(self, |mut reader| async move {
            let item = reader.next().await?;
            Some((item, reader))
        })
    }

    async fn next(&mut self) -> Option<Result<F::Update, Error>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(item);
            }
            // Before the read: what is written in between makes `changed` return at once.
            self.news.borrow_and_update();
            let stopped = self.feed.stop().is_cancelled();
            if self.scan.is_none() {
                self.read();
            } else if stopped {
                return None;
            } else {
                self.list();
            }
            if !self.ready.is_empty() {
                // A long log is handed out in pages: others have a turn in between.
                tokio::task::consume_budget().await;
            } else if self.scan.is_none() {
                if stopped {
                    return None;
                }
                tokio::select! {
                    () = self.feed.stop().cancelled() => {}
                    // The sender lives as long as the feed, so this cannot fail.
                    _ = self.news.changed() => {}
                }
            }
        }
    }

    /// Adds one more part to the snapshot.
    fn list(&mut self) {
        let Some(scan) = &mut self.scan else { return };
        match self.feed.scan(scan, self.number, &mut self.ready) {
            Some(number) => self.number = number,
            None => {
                self.scan = None;
                self.sync();
            }
        }
    }

    fn read(&mut self) {
        let (number, ready) = (&mut self.number, &mut self.ready);
        self.feed.look(|log| match log.read(*number, u64::MAX, PAGE) {
            Ok(events) => {
                for (next, record) in events {
                    *number = next;
                    ready.push_back(Ok(F::change(record, log.position(next))));
                }
            }
            Err(Gone { missed }) => {
                *number = log.start();
                ready.push_back(Err(Error::lagged(Some(missed))));
            }
        });
    }

    fn sync(&mut self) {
        let position = self.feed.look(|log| log.position(self.number));
        self.ready.push_back(Ok(F::synced(position)));
    }
}

/// How many events are copied out of the log under its lock.
const PAGE: usize = 256;
