//! One reading of the server's clock, reckoned on by our monotonic clock.

use std::time::Duration;

use tokio::time::Instant;

use super::probe::Probe;

/// After this long a reading is renewed by any other, as clocks drift.
const LASTS: Duration = Duration::from_secs(60);

/// A reading of the server's clock.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    /// The server's time since the Unix epoch, in the middle of the round trip.
    time: Duration,
    instant: Instant,
    /// Half the round trip, and the millisecond in which the server counts.
    uncertainty: Duration,
}

impl Reading {
    pub(super) fn of(probe: &Probe) -> Self {
        let half = probe.answered.saturating_duration_since(probe.sent) / 2;
        let uncertainty = half + Duration::from_millis(1);
        Self { time: probe.time, instant: probe.sent + half, uncertainty }
    }

    /// Returns the server's time at some time of this process.
    pub(super) fn at(&self, instant: Instant) -> Duration {
        match instant.checked_duration_since(self.instant) {
            Some(later) => self.time.saturating_add(later),
            None => self.time.saturating_sub(self.instant.saturating_duration_since(instant)),
        }
    }

    /// Returns when it is that time at the server, by the monotonic clock of this process.
    pub(super) fn instant_of(&self, time: Duration) -> Instant {
        match time.checked_sub(self.time) {
            Some(later) => self.instant + later,
            None => self.instant.checked_sub(self.time.saturating_sub(time)).unwrap_or(self.instant),
        }
    }

    /// Takes another reading if it is better, and says whether it contradicts this one: the clock
    /// was set, or another server answers whose clock is another one.
    pub(super) fn renew(&mut self, probe: &Probe) -> bool {
        let other = Self::of(probe);
        let difference = self.at(other.instant).abs_diff(other.time);
        let stepped = difference > self.uncertainty + other.uncertainty + DRIFT;
        let is_old = other.instant.saturating_duration_since(self.instant) > LASTS;
        if stepped || is_old || other.uncertainty < self.uncertainty {
            *self = other;
        }
        stepped
    }
}

/// How far two clocks drift apart in the time that a reading lasts.
const DRIFT: Duration = Duration::from_millis(20);

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(begin: Instant, sent_ms: u64, trip_ms: u64, time_ms: u64) -> Probe {
        let sent = begin + Duration::from_millis(sent_ms);
        let answered = sent + Duration::from_millis(trip_ms);
        Probe { sent, answered, time: Duration::from_millis(time_ms), commits: true }
    }

    #[test]
    fn the_round_trip_is_taken_out() {
        let begin = Instant::now();
        let reading = Reading::of(&probe(begin, 0, 100, 5_000));
        assert_eq!(reading.at(begin + Duration::from_millis(50)), Duration::from_secs(5));
        assert_eq!(reading.at(begin), Duration::from_millis(4_950));
    }

    #[test]
    fn a_slow_answer_does_not_move_the_clock_and_a_clock_that_was_set_does() {
        let begin = Instant::now();
        let mut reading = Reading::of(&probe(begin, 0, 2, 5_000));
        // The answer took its 400 ms on the way back: the middle is wrong by nearly 200 ms.
        assert!(!reading.renew(&probe(begin, 1_000, 400, 6_001)));
        assert_eq!(reading.at(begin + Duration::from_secs(1)), Duration::from_millis(5_999));
        assert!(reading.renew(&probe(begin, 2_000, 2, 3_000)));
        assert_eq!(reading.at(begin + Duration::from_millis(2_001)), Duration::from_secs(3));
    }
}
