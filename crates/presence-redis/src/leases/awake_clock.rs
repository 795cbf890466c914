//! Time that this process was awake for.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

/// Counts while this process runs. What it slept through, stopped or starved, it does not count: so
/// a silence of Redis can be told from one of our own.
#[derive(Debug, Default)]
pub(super) struct AwakeClock(AtomicU32);

impl AwakeClock {
    /// Beats for as long as it is polled.
    pub(super) async fn beat(&self) {
        let mut beats = interval(EVERY);
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            beats.tick().await;
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How long it has been awake.
    pub(super) fn awake(&self) -> Duration {
        EVERY * self.0.load(Ordering::Relaxed)
    }
}

const EVERY: Duration = Duration::from_millis(50);
