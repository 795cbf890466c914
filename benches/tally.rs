//! Counts down to the last of what is expected.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use tokio::sync::Notify;

/// How much is yet to come. Only one task counts at a time.
#[derive(Debug, Default)]
pub struct Tally {
    left: AtomicUsize,
    all: Notify,
}

impl Tally {
    /// So many are to come.
    pub fn expect(&self, count: usize) {
        self.left.store(count, Relaxed);
    }

    /// One has come. A store is enough: handlers of one connection are called one after another.
    #[inline]
    pub fn count(&self) {
        let left = self.left.load(Relaxed).wrapping_sub(1);
        self.left.store(left, Relaxed);
        if left == 0 {
            self.all.notify_one();
        }
    }

    /// Waits for the last.
    pub async fn all(&self) {
        self.all.notified().await;
    }
}
