//! Since when everybody could write. It is pure.

use std::time::Duration;

use crate::slots::{Period, TimeSlot};

/// The time in which the server answered without a pause, by its own clock.
///
/// Whoever is alive sets its bit in the first quarter of a slot, and tries again when that fails.
/// So a pause of less than half a slot keeps nobody from it; a longer one may have kept everybody,
/// and a missing bit then says nothing.
#[derive(Debug)]
pub(super) struct Health {
    period: Period,
    /// When it began. Nothing is known against the time before the first answer.
    since: Duration,
    /// When the server answered first.
    first: Option<Duration>,
    /// When the server answered last; `None` before it did.
    last: Option<Duration>,
    /// Since the last answer something went wrong.
    is_disturbed: bool,
}

impl Health {
    pub(super) fn new(period: Period) -> Self {
        Self { period, since: Duration::ZERO, first: None, last: None, is_disturbed: false }
    }

    /// Takes note of an answer: of when the server was asked and when it had answered, of whether
    /// what was written before has been committed, and of whether its clock was set.
    pub(super) fn note(&mut self, asked: Duration, answered: Duration, commits: bool, stepped: bool) {
        let pause = self.last.map_or(Duration::ZERO, |last| answered.saturating_sub(last));
        // An answer that is late stands for a server that was late.
        let trip = answered.saturating_sub(asked);
        let is_healthy = commits && !stepped && !self.is_disturbed && pause.max(trip) < self.longest_pause();
        if !is_healthy {
            self.since = answered;
        }
        self.is_disturbed = false;
        if stepped {
            // What was seen by another clock lies at another time.
            self.first = None;
        }
        self.first = self.first.or(Some(answered));
        self.last = Some(answered);
    }

    /// Takes note that something could not be done.
    pub(super) fn disturb(&mut self) {
        self.is_disturbed = true;
    }

    /// Says whether a slot was healthy from its beginning to its end.
    pub(super) fn covers(&self, slot: TimeSlot) -> bool {
        let end = self.period.next(slot).begin();
        let heard = self.last.is_none_or(|last| last + self.longest_pause() > end);
        heard && !self.is_disturbed && self.since <= slot.begin()
    }

    /// Says whether a slot was healthy from its beginning to its end, and was seen to be.
    pub(super) fn has_seen(&self, slot: TimeSlot) -> bool {
        self.covers(slot) && self.first.is_some_and(|first| first <= slot.begin())
    }

    fn longest_pause(&self) -> Duration {
        self.period.length() / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health_over(answers: impl IntoIterator<Item = u64>) -> Health {
        let mut health = Health::new(Period::new(4));
        for second in answers {
            let at = Duration::from_secs(second);
            health.note(at, at, true, false);
        }
        health
    }

    #[test]
    fn a_slot_in_which_the_server_answered_all_along_is_healthy() {
        let health = health_over(8..=16);
        assert!(health.covers(TimeSlot::new(8)) && health.covers(TimeSlot::new(12)));
        assert!(health.covers(TimeSlot::new(4)), "nothing is known against it");
        assert!(health.has_seen(TimeSlot::new(8)) && !health.has_seen(TimeSlot::new(4)));
        assert!(!health.covers(TimeSlot::new(16)), "it is not over");
    }

    #[test]
    fn a_pause_of_half_a_slot_spoils_the_slots_that_it_touches() {
        let health = health_over([8, 9, 10, 13, 14, 15, 16, 17, 18, 19, 20]);
        assert!(!health.covers(TimeSlot::new(8)) && !health.covers(TimeSlot::new(12)));
        assert!(health.covers(TimeSlot::new(16)));
    }

    #[test]
    fn writes_that_are_not_committed_and_failures_spoil_a_slot() {
        let at = Duration::from_secs;
        let mut health = health_over(8..=13);
        health.note(at(14), at(14), false, false);
        assert!(!health.covers(TimeSlot::new(8)) && !health.covers(TimeSlot::new(12)));
        let mut health = health_over(8..=16);
        health.disturb();
        assert!(!health.covers(TimeSlot::new(12)));
        health.note(at(17), at(17), true, false);
        assert!(!health.covers(TimeSlot::new(12)), "it failed between 16 and 17");
    }

    #[test]
    fn a_clock_that_was_set_spoils_what_lies_between() {
        let at = Duration::from_secs;
        let mut health = health_over(8..=16);
        health.note(at(24), at(24), true, true);
        assert!(!health.covers(TimeSlot::new(16)) && !health.covers(TimeSlot::new(20)));
    }

    /// No slot was seen to be healthy before the clock was where it had been.
    #[test]
    fn a_slot_is_seen_to_be_healthy_after_the_clock_was_set_back() {
        let at = Duration::from_secs;
        let mut health = health_over(80..=96);
        health.note(at(10), at(10), true, true);
        (11..=16).for_each(|second| health.note(at(second), at(second), true, false));
        assert!(health.has_seen(TimeSlot::new(12)));
        assert!(!health.has_seen(TimeSlot::new(8)), "it was set within that one");
    }
}
