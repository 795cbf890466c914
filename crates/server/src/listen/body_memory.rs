//! The bytes of request bodies in flight, over both ports.
//!
//! The slowest body goes first when others wait for room.
//!
//! A body takes room piece by piece as it comes, and keeps it until its request is answered. A
//! piece that finds none waits for up to a second, and stops the connection's reading meanwhile;
//! then its request is refused, and gives back what it had.
//!
//! ```text
//! comes ──► slow while others wait: whoever reads it is told ──► its room is given back
//!                                              └─ nobody reads it ──► its connection is closed
//! ```

use std::sync::{Arc, Weak};
use std::time::Duration;

use metrics::{Counter, Gauge};
use parking_lot::Mutex;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::body::{BodyEnd, BodyProgress, STILL};

/// How long a piece waits for room, and after which time a refused client should ask again.
const PATIENCE: Duration = Duration::from_secs(1);
/// The bytes of bodies in flight, unless single ones may be so large that few of them would fit.
const BYTES_MAX: usize = 32 * 1024 * 1024;
/// At least so many of the largest bodies fit.
const LARGEST_MIN: usize = 4;

/// The room for bodies; clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct BodyMemory {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    room: Arc<Semaphore>,
    arrivals: Mutex<Arrivals>,
    bytes: Gauge,
    refused: Counter,
    cut: Counter,
}

/// The bodies under way, and some that are over. The latter are removed whenever the list has
/// become twice as long.
#[derive(Debug, Default)]
struct Arrivals {
    all: Vec<Weak<BodyProgress>>,
    tidy_at: usize,
}

/// There is no room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Full;

impl BodyMemory {
    /// Room for bodies of up to `body_bytes` each.
    pub(crate) fn new(body_bytes: usize) -> Self {
        metrics::describe_gauge!(
            "tidings_body_bytes_in_flight",
            "Bytes of request bodies whose requests have not been answered yet"
        );
        metrics::describe_counter!(
            "tidings_bodies_refused_total",
            "Request bodies refused because too many were in flight"
        );
        metrics::describe_counter!(
            "tidings_bodies_cut_total",
            "Request bodies given up because they came slowly while others waited for room"
        );
        let bytes = BYTES_MAX.max(body_bytes.saturating_mul(LARGEST_MIN)).min(Semaphore::MAX_PERMITS);
        let shared = Shared {
            room: Arc::new(Semaphore::new(bytes)),
            arrivals: Mutex::default(),
            bytes: metrics::gauge!("tidings_body_bytes_in_flight"),
            refused: metrics::counter!("tidings_bodies_refused_total"),
            cut: metrics::counter!("tidings_bodies_cut_total"),
        };
        Self { shared: Arc::new(shared) }
    }

    /// A body begins to arrive, over a connection that `close` ends.
    pub(super) fn begin(&self, close: CancellationToken) -> Arc<BodyProgress> {
        let arrival = Arc::new(BodyProgress::new(self.shared.bytes.clone(), close));
        let mut arrivals = self.shared.arrivals.lock();
        // Tidying when the list has doubled costs each body a constant time, however many there
        // are.
        if arrivals.all.len() >= arrivals.tidy_at {
            arrivals.all.retain(|arrival| arrival.strong_count() > 0);
            arrivals.tidy_at = (arrivals.all.len() * 2).max(64);
        }
        arrivals.all.push(Arc::downgrade(&arrival));
        drop(arrivals);
        arrival
    }

    /// Takes room for a piece, waiting for up to a second; meanwhile the slowest bodies are ended.
    pub(super) async fn take(&self, bytes: usize) -> Result<OwnedSemaphorePermit, Full> {
        let Ok(Ok(permit)) = timeout(PATIENCE, self.wait_for(bytes)).await else {
            self.shared.refused.increment(1);
            return Err(Full);
        };
        Ok(permit)
    }

    async fn wait_for(&self, bytes: usize) -> Result<OwnedSemaphorePermit, AcquireError> {
        let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
        let acquire = Arc::clone(&self.shared.room).acquire_many_owned(permits);
        tokio::pin!(acquire);
        // No event tells that a body begins to stand still, so it looks again and again.
        let mut ticks = interval(STILL / 5);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                permit = &mut acquire => return permit,
                _ = ticks.tick() => self.end_slowest(bytes),
            }
        }
    }

    /// Ends the slowest bodies until so many bytes come back, with those that were ended just now.
    fn end_slowest(&self, bytes: usize) {
        // The bodies that are kept alive here are dropped after the lock is let go.
        let arrivals: Vec<_> = self.shared.arrivals.lock().all.iter().filter_map(Weak::upgrade).collect();
        let now = Instant::now();
        let ending = arrivals.iter().filter(|arrival| arrival.is_ending(now));
        let mut coming: usize = ending.map(|arrival| arrival.held()).sum();
        let slow = arrivals.iter().filter_map(|arrival| Some((arrival.pace(now)?, arrival.held(), arrival)));
        // One that holds nothing gives nothing back.
        let mut slow: Vec<_> = slow.filter(|(_, held, _)| *held > 0).collect();
        slow.sort_by_key(|(pace, ..)| *pace);
        for (_, held, arrival) in slow {
            if coming >= bytes {
                break;
            }
            // It was told before and is still there, so nobody reads it.
            if arrival.ended().is_some() {
                arrival.close();
            } else {
                arrival.end(BodyEnd::TooSlow);
                self.shared.cut.increment(1);
            }
            coming += held;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEBIBYTE: usize = 1024 * 1024;

    /// Room for 32 MiB, of which a body that came at once has all but one.
    async fn full() -> (BodyMemory, Arc<BodyProgress>, CancellationToken) {
        let (bodies, close) = (BodyMemory::new(1024), CancellationToken::new());
        let arrival = bodies.begin(close.clone());
        arrival.came(bodies.take(BYTES_MAX - MEBIBYTE).await.unwrap());
        (bodies, arrival, close)
    }

    async fn drip(bodies: &BodyMemory, arrival: &BodyProgress) {
        for _ in 0..10 {
            tokio::time::advance(STILL / 2).await;
            arrival.came(bodies.take(1).await.unwrap());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_came_in_haste_and_drips_makes_room_for_who_waits() {
        let (bodies, arrival, close) = full().await;
        drip(&bodies, &arrival).await;
        let waiting = bodies.take(2 * MEBIBYTE);
        tokio::pin!(waiting);
        assert!(timeout(STILL / 5, &mut waiting).await.is_err());
        assert_eq!(arrival.ended(), Some(BodyEnd::TooSlow));
        drop(arrival);
        drop(waiting.await.unwrap());
        assert!(!close.is_cancelled());
    }

    #[tokio::test(start_paused = true)]
    async fn who_is_here_or_waits_for_us_stays() {
        let (bodies, arrival, close) = full().await;
        for wait in [BodyProgress::hold, BodyProgress::finish] {
            wait(&arrival);
            assert_eq!(bodies.take(2 * MEBIBYTE).await.unwrap_err(), Full);
            assert_eq!((arrival.ended(), close.is_cancelled()), (None, false));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_body_that_nobody_reads_goes_with_its_connection() {
        let (bodies, arrival, close) = full().await;
        // Told that it was ended, its reader does nothing about it.
        let waiting = bodies.take(2 * MEBIBYTE);
        tokio::pin!(waiting);
        let closed = timeout(PATIENCE, async {
            tokio::select! {
                _ = &mut waiting => panic!("there is room"),
                () = close.cancelled() => {}
            }
        });
        closed.await.expect("the connection is closed");
        assert_eq!(arrival.ended(), Some(BodyEnd::TooSlow));
        drop(arrival);
        drop(waiting.await.unwrap());
    }
}
