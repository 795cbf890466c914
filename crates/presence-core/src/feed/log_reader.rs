//! Reads a log of this process: where one stream stands in it.

use futures_core::Stream;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::log_feed::{LogFeed, Scanned};
use super::outages::Reading;
use super::stream::{Feed, Ready, Turn, stream};
use crate::error::Error;
use crate::event::Since;

/// A reader of a log, which takes a snapshot first if asked to.
#[derive(Debug)]
pub struct LogReader<F: LogFeed> {
    feed: F,
    /// The number of the last event that is given, ready, or part of the snapshot.
    number: u64,
    /// The snapshot, until it is complete.
    scan: Option<F::Scan>,
}

impl<F: LogFeed> LogReader<F> {
    /// Makes the stream of a log.
    pub fn stream(feed: F, since: Since) -> impl Stream<Item = Result<F::Update, Error>> + Send + 'static {
        let mut ready = Ready::new();
        let (number, scan) = feed.look(|log| match since {
            Since::Now => (log.last(), None),
            Since::Snapshot => (log.last(), Some(F::Scan::default())),
            Since::Position(position) => {
                let (number, start) = (log.number(&position), log.start());
                // If the position is of another epoch, nobody knows how many events lie between.
                let missed = number.map(|number| start.saturating_sub(number));
                if missed != Some(0) {
                    ready.push_back(Err(Error::lagged(missed)));
                }
                (number.map_or(start, |number| number.max(start)), None)
            }
        });
        let reader = Self { feed, number, scan };
        if reader.scan.is_none() {
            reader.sync(&mut ready);
        }
        stream(reader, ready)
    }

    fn read(&mut self, ready: &mut Ready<F::Update>) {
        let (feed, number) = (&self.feed, &mut self.number);
        feed.look(|log| match log.read(*number, u64::MAX, PAGE) {
            Ok(events) => {
                for (next, record) in events {
                    *number = next;
                    ready.extend(feed.item(record, log.position(next)));
                }
            }
            Err(gone) => {
                // The stream goes on where the log begins by now; what lies before is told as
                // missed.
                *number = log.start();
                ready.push_back(Err(gone.error()));
            }
        });
    }

    fn sync(&self, ready: &mut Ready<F::Update>) {
        let position = self.feed.look(|log| log.position(self.number));
        ready.push_back(Ok(F::synced(position)));
    }
}

impl<F: LogFeed> Feed for LogReader<F> {
    type Update = F::Update;

    fn news(&self) -> watch::Receiver<Reading> {
        self.feed.news()
    }

    fn ended(&self) -> &CancellationToken {
        self.feed.ended()
    }

    fn is_listing(&self) -> bool {
        self.scan.is_some()
    }

    // Nothing here waits: a page of the log, or a part of the snapshot, is copied under its lock.
    async fn turn(&mut self, ready: &mut Ready<F::Update>) -> Turn {
        let Some(scan) = &mut self.scan else {
            self.read(ready);
            return Turn::Idle;
        };
        match self.feed.scan(scan, self.number, ready) {
            Scanned::Part(number) => {
                self.number = number;
                Turn::More
            }
            Scanned::Waits(number) => {
                self.number = number;
                Turn::Idle
            }
            Scanned::Complete(number) => {
                (self.number, self.scan) = (number, None);
                self.sync(ready);
                Turn::Idle
            }
        }
    }
}

/// How many events are copied out of the log under its lock.
const PAGE: usize = 256;
