//! The reading of the server's clock that counts.

use std::time::Duration;

use mongo_link::ServerTime;
use tokio::time::Instant;

/// After this long a reading is renewed by any other, as clocks drift.
const LASTS: Duration = Duration::from_secs(60);

/// The best of the last readings of the server's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading(ServerTime);

impl Reading {
    pub(super) fn of(time: ServerTime) -> Self {
        Self(time)
    }

    /// Returns the server's time at some time of this process.
    pub(super) fn at(&self, instant: Instant) -> Duration {
        self.0.at(instant)
    }

    /// Returns when it is that time at the server, by the monotonic clock of this process.
    pub(super) fn instant_of(&self, time: Duration) -> Instant {
        self.0.instant_of(time)
    }

    /// Takes another reading if it is better, and says whether it contradicts this one by more than
    /// `tolerance`: the clock was set, or another server answers whose clock is another one.
    pub(super) fn renew(&mut self, other: ServerTime, tolerance: Duration) -> bool {
        let read_at = other.read_at();
        let difference = self.at(read_at).abs_diff(other.at(read_at));
        let stepped = difference > self.0.uncertainty() + other.uncertainty() + tolerance;
        let is_old = read_at.saturating_duration_since(self.0.read_at()) > LASTS;
        if stepped || is_old || other.uncertainty() < self.0.uncertainty() {
            self.0 = other;
        }
        stepped
    }
}

/// How far two clocks drift apart in the time that a reading lasts.
pub(super) const DRIFT: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use bson::{DateTime, doc};

    use super::*;

    fn time(begin: Instant, sent_ms: u64, trip_ms: u64, time_ms: i64) -> ServerTime {
        let sent = begin + Duration::from_millis(sent_ms);
        let answered = sent + Duration::from_millis(trip_ms);
        let hello = doc! { "localTime": DateTime::from_millis(time_ms) };
        ServerTime::of_hello(&hello, sent, answered).unwrap()
    }

    #[test]
    fn the_round_trip_is_taken_out() {
        let begin = Instant::now();
        let reading = Reading::of(time(begin, 0, 100, 5_000));
        assert_eq!(reading.at(begin + Duration::from_millis(50)), Duration::from_secs(5));
        assert_eq!(reading.at(begin), Duration::from_millis(4_950));
    }

    #[test]
    fn a_slow_answer_does_not_move_the_clock_and_a_clock_that_was_set_does() {
        let begin = Instant::now();
        let mut reading = Reading::of(time(begin, 0, 2, 5_000));
        // The answer took its 400 ms on the way back: the middle is wrong by nearly 200 ms.
        assert!(!reading.renew(time(begin, 1_000, 400, 6_001), DRIFT));
        assert_eq!(reading.at(begin + Duration::from_secs(1)), Duration::from_millis(5_999));
        assert!(reading.renew(time(begin, 2_000, 2, 3_000), DRIFT));
        assert_eq!(reading.at(begin + Duration::from_millis(2_001)), Duration::from_secs(3));
    }
}
