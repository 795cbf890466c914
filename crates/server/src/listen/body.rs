//! One body of a request on its way to us: how far it is, and what of the room for bodies it has.

use std::task::{Context, Waker};
use std::time::Duration;

use metrics::Gauge;
use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

/// A body of which nothing came for so long stands still.
pub(super) const STILL: Duration = Duration::from_millis(250);

/// A body that moves is slow below so many bytes a second.
const SLOW: u64 = 64 * 1024;

/// How far a body is. Lives until its request is answered, and keeps its room until then.
#[derive(Debug)]
pub(super) struct BodyProgress {
    state: Mutex<Locked>,
    started: Instant,
    /// The bytes of all bodies.
    bytes: Gauge,
}

#[derive(Debug)]
struct Locked {
    held: Option<OwnedSemaphorePermit>,
    bytes: u64,
    moved: Instant,
    /// All of it is here, or nobody wants it.
    finished: bool,
    /// The server itself keeps it waiting.
    ours: bool,
    ended: Option<BodyEnd>,
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

/// How slow a body is; the least of several is the one to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pace {
    bytes_per_second: u64,
    moved: Instant,
}

impl BodyProgress {
    pub(super) fn new(bytes: Gauge) -> Self {
        let now = Instant::now();
        let state = Locked {
            held: None,
            bytes: 0,
            moved: now,
            finished: false,
            ours: false,
            ended: None,
            waker: None,
        };
        Self { state: Mutex::new(state), started: now, bytes }
    }

    /// How slow it is; `None` if it is here, or comes as it should.
    pub(super) fn pace(&self, now: Instant) -> Option<Pace> {
        let state = self.state.lock();
        let age = now.saturating_duration_since(self.started);
        if state.finished || state.ours || state.ended.is_some() || age < STILL {
            return None;
        }
        let still = now.saturating_duration_since(state.moved) >= STILL;
        let milliseconds = u64::try_from(age.as_millis()).unwrap_or(u64::MAX).max(1);
        let bytes_per_second = if still { 0 } else { state.bytes.saturating_mul(1_000) / milliseconds };
        (bytes_per_second < SLOW).then_some(Pace { bytes_per_second, moved: state.moved })
    }

    /// The bytes that it has and would give back.
    pub(super) fn held(&self) -> usize {
        self.state.lock().held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }

    /// Ends it: whoever reads it is told, and gives its room back with the answer.
    pub(super) fn end(&self, why: BodyEnd) {
        let waker = {
            let mut state = self.state.lock();
            state.ended.get_or_insert(why);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn ended(&self) -> Option<BodyEnd> {
        self.state.lock().ended
    }

    /// Notes that a piece came and found room.
    pub(super) fn came(&self, permit: OwnedSemaphorePermit) {
        self.bytes.increment(float(permit.num_permits()));
        let mut state = self.state.lock();
        state.bytes += permit.num_permits() as u64;
        match &mut state.held {
            Some(held) => held.merge(permit),
            None => state.held = Some(permit),
        }
        state.moved = Instant::now();
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
