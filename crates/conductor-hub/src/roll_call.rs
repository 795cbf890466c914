//! A hub without a free place asks who is silent whether they are there.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// Counts the roll calls. Each connection hears of the latest when its task is woken.
#[derive(Debug, Default)]
pub(crate) struct RollCall {
    number: AtomicU32,
    last: Mutex<Option<Instant>>,
}

impl RollCall {
    /// Returns how many there were.
    pub(crate) fn number(&self) -> u32 {
        self.number.load(Ordering::Acquire)
    }

    /// Begins another one, unless the last is not as old as `pause`; returns whether it did.
    pub(crate) fn begin(&self, now: Instant, pause: Duration) -> bool {
        let mut last = self.last.lock();
        if last.is_some_and(|last| now < last + pause) {
            return false;
        }
        *last = Some(now);
        self.number.fetch_add(1, Ordering::Release);
        true
    }
}
