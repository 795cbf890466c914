//! One body of a request on its way to us: how far it is, and what room it has.

use std::task::{Context, Waker};
use std::time::Duration;

use metrics::Gauge;
use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::pace::Pace;
use super::recent_bytes::RecentBytes;

/// A body of which nothing came for so long stands still.
pub(super) const STILL: Duration = Duration::from_millis(250);

/// How far a body is. Lives until its request is answered, and keeps its room until then.
#[derive(Debug)]
pub(super) struct BodyProgress {
    state: Mutex<Locked>,
    started: Instant,
    /// The bytes of all bodies.
    bytes: Gauge,
    /// Ends its connection.
    close: CancellationToken,
}

#[derive(Debug)]
struct Locked {
    held: Option<OwnedSemaphorePermit>,
    recent: RecentBytes,
    moved: Instant,
    /// All of it is here, or nobody wants it.
    finished: bool,
    /// The server itself keeps it waiting.
    ours: bool,
    ended: Option<(BodyEnd, Instant)>,
    waker: Option<Waker>,
}

/// Why a body ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyEnd {
    /// It was the slowest one, and others waited for its room.
    TooSlow,
    /// There was no room for it.
    NoRoom,
}

impl BodyProgress {
    pub(super) fn new(bytes: Gauge, close: CancellationToken) -> Self {
        let now = Instant::now();
        let state = Locked {
            held: None,
            recent: RecentBytes::new(now),
            moved: now,
            finished: false,
            ours: false,
            ended: None,
            waker: None,
        };
        Self { state: Mutex::new(state), started: now, bytes, close }
    }

    /// How slow it is; `None` if it is here, or comes as it should. One that was ended is slow,
    /// too, when whoever reads it has not taken note of that for a while.
    pub(super) fn pace(&self, now: Instant) -> Option<Pace> {
        // Who is not slow: one that is here whole, one that was ended a moment ago and whose reader
        // is about to say so, one that waits for us, and one that is too young to be judged.
        let mut state = self.state.lock();
        let since = |instant| now.saturating_duration_since(instant);
        if state.finished {
            return None;
        }
        let still = match state.ended {
            Some((_, ended)) if since(ended) < STILL => return None,
            Some(_) => true,
            None if state.ours || since(self.started) < STILL => return None,
            None => since(state.moved) >= STILL,
        };
        let bytes_per_second = if still { 0 } else { state.recent.per_second(now) };
        Pace::of(bytes_per_second, state.moved)
    }

    /// Whether it was ended a moment ago, so that its room comes back by itself.
    pub(super) fn is_ending(&self, now: Instant) -> bool {
        self.state.lock().ended.is_some_and(|(_, ended)| now.saturating_duration_since(ended) < STILL)
    }

    /// The bytes that it has and would give back.
    pub(super) fn held(&self) -> usize {
        self.state.lock().held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }

    /// Ends it: whoever reads it is told, and gives its room back with the answer.
    pub(super) fn end(&self, why: BodyEnd) {
        // The waker runs code of others, so it is called after the lock is let go. The first reason
        // stays, as that is the one the client is told.
        let waker = {
            let mut state = self.state.lock();
            state.ended.get_or_insert_with(|| (why, Instant::now()));
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn ended(&self) -> Option<BodyEnd> {
        self.state.lock().ended.map(|(why, _)| why)
    }

    /// Ends its whole connection, for one that was ended and is still there: nobody reads it, and
    /// so nobody was told.
    pub(super) fn close(&self) {
        self.close.cancel();
    }

    /// Notes that a piece came and found room.
    pub(super) fn came(&self, permit: OwnedSemaphorePermit) {
        self.bytes.increment(float(permit.num_permits()));
        let now = Instant::now();
        let mut state = self.state.lock();
        state.recent.add(permit.num_permits(), now);
        match &mut state.held {
            Some(held) => held.merge(permit),
            None => state.held = Some(permit),
        }
        state.moved = now;
        state.ours = false;
    }

    /// All of it is here, or nobody wants it.
    pub(super) fn finish(&self) {
        self.state.lock().finished = true;
    }

    /// A piece waits for room: it is us who keep it waiting.
    pub(super) fn hold(&self) {
        self.state.lock().ours = true;
    }

    pub(super) fn wait(&self, context: &Context<'_>) {
        self.state.lock().waker = Some(context.waker().clone());
    }
}

impl Drop for BodyProgress {
    fn drop(&mut self) {
        self.bytes.decrement(float(self.held()));
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a double; beyond 8 PiB the last bytes do not matter"
)]
fn float(bytes: usize) -> f64 {
    bytes as f64
}
