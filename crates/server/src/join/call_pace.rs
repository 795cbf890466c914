//! How many calls a connection makes.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

/// A connection may make this much of its calls at once, after it has made none.
const BURST: Duration = Duration::from_secs(10);

/// The pace of the calls of one connection.
///
/// It is a cell rate: each call takes a share of a second, and what was taken may lie ahead of the
/// clock by the burst at most.
#[derive(Debug, Default)]
pub(super) struct CallPace(Mutex<Option<Instant>>);

impl CallPace {
    /// Counts a call of a client that may make so many in a second, any number if that is 0.
    ///
    /// An error says when there is room for it.
    pub(super) fn take(&self, per_second: u32, now: Instant) -> Result<(), Duration> {
        if per_second == 0 {
            return Ok(());
        }
        let mut taken = self.0.lock();
        let next = taken.map_or(now, |taken| taken.max(now)) + Duration::from_secs(1) / per_second;
        let ahead = next.saturating_duration_since(now);
        if ahead > BURST {
            return Err(ahead - BURST);
        }
        *taken = Some(next);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_seconds_of_calls_come_at_once_and_the_next_with_its_time() {
        let (pace, now) = (CallPace::default(), Instant::now());
        for _ in 0..20 {
            pace.take(2, now).unwrap();
        }
        assert_eq!(pace.take(2, now), Err(Duration::from_millis(500)));
        let later = now + Duration::from_millis(500);
        assert_eq!(pace.take(2, later), Ok(()));
        assert_eq!(pace.take(2, later), Err(Duration::from_millis(500)));
    }

    #[test]
    fn no_limit_counts_nothing() {
        let (pace, now) = (CallPace::default(), Instant::now());
        assert!((0..1_000).all(|_| pace.take(0, now).is_ok()));
        assert_eq!(pace.take(1, now), Ok(()));
    }
}
