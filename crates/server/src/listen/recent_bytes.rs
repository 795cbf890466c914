//! How many bytes came of late.

use std::time::Duration;

use tokio::time::Instant;

/// Bytes count in the window of time in which they came, and in the one after it.
const WINDOW: Duration = Duration::from_millis(500);

/// Counts what comes in windows of time, of which it remembers this one and the one before: bytes
/// that came fast at first do not make up for slow ones now.
#[derive(Debug)]
pub(super) struct RecentBytes {
    began: Instant,
    bytes: u64,
    /// The bytes of the window before; `None` in the first window.
    before: Option<u64>,
}

impl RecentBytes {
    pub(super) fn new(now: Instant) -> Self {
        Self { began: now, bytes: 0, before: None }
    }

    pub(super) fn add(&mut self, bytes: usize, now: Instant) {
        self.turn(now);
        self.bytes += bytes as u64;
    }

    pub(super) fn per_second(&mut self, now: Instant) -> u64 {
        self.turn(now);
        let before = self.before.map_or(Duration::ZERO, |_| WINDOW);
        let time = now.saturating_duration_since(self.began) + before;
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
        (self.bytes + self.before.unwrap_or(0)).saturating_mul(1_000) / milliseconds
    }

    /// Begins another window when this one is over.
    fn turn(&mut self, now: Instant) {
        let age = now.saturating_duration_since(self.began);
        if age >= WINDOW * 2 {
            *self = Self { began: now, bytes: 0, before: Some(0) };
        } else if age >= WINDOW {
            *self = Self { began: self.began + WINDOW, bytes: 0, before: Some(self.bytes) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_long_ago_does_not_count() {
        let start = Instant::now();
        let at = |milliseconds: u64| start + Duration::from_millis(milliseconds);
        let mut recent = RecentBytes::new(start);
        recent.add(1_000_000, at(100));
        assert_eq!(recent.per_second(at(250)), 4_000_000);
        assert_eq!(recent.per_second(at(500)), 2_000_000);
        assert_eq!(recent.per_second(at(999)), 1_001_001);
        recent.add(10, at(1_000));
        assert_eq!(recent.per_second(at(1_250)), 13);
        // After a rest nothing is left of it.
        assert_eq!(recent.per_second(at(60_000)), 0);
        recent.add(500, at(60_100));
        assert_eq!(recent.per_second(at(60_500)), 1_000);
    }
}
