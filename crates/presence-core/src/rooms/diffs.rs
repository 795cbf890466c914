//! Many joins and leaves in one item.

use std::collections::VecDeque;
use std::fmt;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use super::diff::Diff;
use super::event::RoomUpdate;
use super::pending::PendingDiff;
use crate::error::{Error, ErrorKind};
use crate::events::Events;
use crate::tracker::within;

/// When a batch of changes is complete.
///
/// [`Rooms::diffs`](super::Rooms::diffs) checks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batching {
    pub(crate) interval: Duration,
    pub(crate) limit: usize,
}

impl Batching {
    const INTERVAL_BOUNDS: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(60 * 60);
    const LIMIT_BOUNDS: RangeInclusive<usize> = 1..=1_000_000;

    /// Sets how long after its first change a batch is sent.
    ///
    /// 1 ms to 1 h; default 250 ms, which people take for at once. More, for fewer and larger
    /// batches of a busy room.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Sets how many members a batch tells of at most; with so many it is sent.
    ///
    /// 1 to 1,000,000; default 500. As many as fit into one message to a client.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    pub(super) fn validate(&self) -> Result<(), Error> {
        let kind = ErrorKind::InvalidInput;
        within(kind, "interval", &self.interval, &Self::INTERVAL_BOUNDS)?;
        within(kind, "limit", &self.limit, &Self::LIMIT_BOUNDS)
    }
}

impl Default for Batching {
    fn default() -> Self {
        Self { interval: Duration::from_millis(250), limit: 500 }
    }
}

/// A stream of [`Diff`]s, as [`Rooms::diffs`](super::Rooms::diffs) returns it.
///
/// From [`Since::Snapshot`](crate::Since::Snapshot) all members come as joined first, in as many
/// diffs as the limit makes of them, one at least. Errors are those of [`Events`], each after the
/// diff of what came before it: after [`Lagged`](ErrorKind::Lagged) a picture of the room is to be
/// made again from a snapshot.
pub struct Diffs(Pin<Box<dyn Stream<Item = Result<Diff, Error>> + Send>>);

impl Diffs {
    /// Waits for the next diff; `None` after the last.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped nothing is lost.
    ///
    /// # Errors
    ///
    /// Those of [`Events::next`].
    pub async fn next(&mut self) -> Option<Result<Diff, Error>> {
        std::future::poll_fn(|context| self.0.as_mut().poll_next(context)).await
    }
}

pub(super) fn diffs(events: Events<RoomUpdate>, snapshot: bool, batching: Batching) -> Diffs {
    let differ = Differ {
        events,
        batching,
        snapshot,
        pending: PendingDiff::default(),
        due: None,
        ready: VecDeque::new(),
    };
    let stream = futures_util::stream::unfold(differ, |mut differ| async move {
        let item = differ.next().await?;
        Some((item, differ))
    });
    Diffs(Box::pin(stream.fuse()))
}

struct Differ {
    events: Events<RoomUpdate>,
    batching: Batching,
    /// Whether the snapshot is yet to be completed.
    snapshot: bool,
    pending: PendingDiff,
    /// When the pending batch is to be sent; set by its first change.
    due: Option<Instant>,
    ready: VecDeque<Result<Diff, Error>>,
}

impl Differ {
    async fn next(&mut self) -> Option<Result<Diff, Error>> {
        loop {
            if let Some(item) = self.ready.pop_front() {
                return Some(item);
            }
            // At the due time `next` is dropped, which loses nothing.
            let update = match self.due {
                None => Ok(self.events.next().await),
                Some(due) => timeout_at(due, self.events.next()).await,
            };
            match update {
                Ok(Some(Ok(update))) => self.take(update),
                Ok(Some(Err(error))) => {
                    self.send();
                    self.ready.push_back(Err(error));
                }
                Ok(None) => {
                    self.send();
                    return self.ready.pop_front();
                }
                Err(_) => self.send(),
            }
        }
    }

    fn take(&mut self, update: RoomUpdate) {
        match update {
            RoomUpdate::Present(member) => self.pending.present(member),
            RoomUpdate::Absent(id) => self.pending.absent(&id),
            RoomUpdate::Synced(position) if std::mem::take(&mut self.snapshot) => {
                self.ready.extend(self.pending.snapshot(self.batching.limit, &position).map(Ok));
            }
            RoomUpdate::Synced(_) => {}
            RoomUpdate::Change(event) => {
                self.pending.change(event);
                self.due.get_or_insert_with(|| Instant::now() + self.batching.interval);
                if self.pending.len() >= self.batching.limit {
                    self.send();
                }
            }
        }
    }

    /// Sends the pending changes, if any are left. What is listed of a snapshot stays until it is
    /// complete.
    fn send(&mut self) {
        self.due = None;
        if !self.snapshot {
            self.ready.extend(self.pending.diff().map(Ok));
        }
    }
}

impl Stream for Diffs {
    type Item = Result<Diff, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl fmt::Debug for Diffs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Diffs").finish_non_exhaustive()
    }
}
