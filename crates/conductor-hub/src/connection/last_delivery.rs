//! When something was last delivered to a channel.

use std::sync::atomic::{AtomicU64, Ordering};

/// A delivery is one of a burst if it begins so soon behind the one before, in microseconds.
///
/// The tasks of its members are then awake, or about to be, and write several messages together.
const BURST_GAP_US: u64 = 2_000;

/// When the last delivery to a channel began, in the time of `OutboxMemory::micros`; 0 before the
/// first.
#[derive(Debug, Default)]
pub(super) struct LastDelivery(AtomicU64);

impl LastDelivery {
    /// Notes that a delivery begins; tells whether it is alone, and not one of a burst.
    pub(super) fn begin(&self, now: u64) -> bool {
        // Of two that begin at once one comes second, and finds the other. Nothing else depends on
        // the order.
        let last = self.0.swap(now, Ordering::Relaxed);
        last == 0 || now.saturating_sub(last) >= BURST_GAP_US
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_begins_long_behind_the_last_is_alone() {
        let last = LastDelivery::default();
        assert!(last.begin(1), "nothing was before");
        assert!(!last.begin(BURST_GAP_US), "that is too soon");
        assert!(last.begin(BURST_GAP_US * 2), "the gap counts from the last, whoever was in a burst");
        assert!(!last.begin(BURST_GAP_US), "a clock that was read earlier is no gap");
    }
}
