//! How many members a room has, without a look at who.

use std::fmt;
use std::ops::RangeInclusive;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use futures_util::StreamExt;
use tokio::time::{Interval, MissedTickBehavior};

use super::backend::RoomBackend;
use crate::error::{Error, ErrorKind};
use crate::name::Room;
use crate::tracker::within;

/// A stream of counts, as [`Rooms::counts`](super::Rooms::counts) returns it.
///
/// A count that cannot be read is an error once, until one can. The stream ends when the backend is
/// shut down or dropped.
pub struct Counts(Pin<Box<dyn Stream<Item = Result<u64, Error>> + Send>>);

impl Counts {
    /// Waits for the next count that differs from the last; `None` after the last.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped nothing is lost.
    ///
    /// # Errors
    ///
    /// What a call that counts says, such as [`Unavailable`](ErrorKind::Unavailable).
    pub async fn next(&mut self) -> Option<Result<u64, Error>> {
        std::future::poll_fn(|context| self.0.as_mut().poll_next(context)).await
    }
}

pub(super) fn counts(
    backend: &Arc<dyn RoomBackend>,
    room: Room,
    interval: Duration,
) -> Result<Counts, Error> {
    within(ErrorKind::InvalidInput, "interval", &interval, &INTERVAL_BOUNDS)?;
    let mut interval = tokio::time::interval(interval);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let poll = Poller { backend: Arc::downgrade(backend), room, interval, last: None };
    let stream = futures_util::stream::unfold(poll, |mut poll| async move {
        let item = poll.next().await?;
        Some((item, poll))
    });
    Ok(Counts(Box::pin(stream.fuse())))
}

struct Poller {
    /// Weak, as a stream keeps no backend alive.
    backend: Weak<dyn RoomBackend>,
    room: Room,
    interval: Interval,
    /// What was given last; `Err` is the kind of an error.
    last: Option<Result<u64, ErrorKind>>,
}

impl Poller {
    async fn next(&mut self) -> Option<Result<u64, Error>> {
        loop {
            self.interval.tick().await;
            let count = self.backend.upgrade()?.count(&self.room).await;
            let kind = count.as_ref().map_err(Error::kind).copied();
            if kind == Err(ErrorKind::Closed) {
                return None;
            }
            // Two errors of one kind are one outage, and told once.
            if self.last.replace(kind) != Some(kind) {
                return Some(count);
            }
        }
    }
}

impl Stream for Counts {
    type Item = Result<u64, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Counts").finish_non_exhaustive()
    }
}

const INTERVAL_BOUNDS: RangeInclusive<Duration> = Duration::from_millis(1)..=Duration::from_secs(60 * 60);
