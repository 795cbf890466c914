//! What may be removed. It is pure.

use std::ops::RangeInclusive;

use crate::slots::{Period, Sequence, SlotBits, TimeSlot, Words};

/// Which slots stay, beside the current one and those to come.
const KEPT: i64 = 3;

/// How many slots back a watcher reads at most after an outage, and two more for a clock that is
/// behind.
const READ: i64 = 10;

/// Returns the first slot that stays: no slot before it counts for any process, even if its clock
/// is a slot behind.
pub(crate) fn first_kept(period: Period, current: TimeSlot) -> TimeSlot {
    period.later(current, -KEPT)
}

/// Returns the first slot that a watcher may still read, however long nobody could write.
pub(crate) fn first_read(period: Period, current: TimeSlot) -> TimeSlot {
    period.later(current, -READ)
}

/// Returns the first slot that lies so far ahead that nobody's clock is there.
pub(crate) fn first_ahead(period: Period, current: TimeSlot) -> TimeSlot {
    period.later(current, 2)
}

/// Returns the slots that stay, from the first of them to the one that comes next.
pub(crate) fn staying(period: Period, first: TimeSlot, current: TimeSlot) -> Vec<TimeSlot> {
    let slots = (0..=READ + 1).map(|by| period.later(first, by));
    slots.take_while(|slot| *slot <= period.next(current)).collect()
}

/// Returns up to which being those may be removed that a later one of their key supersedes.
///
/// It is the last one that pinged in a slot that is long over, by the first slot that stays: those
/// numbered before it have had the time to ping, and have a bit in `kept`, the slots that stay, if
/// they live.
pub(crate) fn up_to(period: Period, first: TimeSlot, kept: &[(TimeSlot, SlotBits)]) -> Option<Sequence> {
    let is_over = |slot: &TimeSlot| *slot <= period.next(first);
    let over = kept.iter().filter(|(slot, _)| is_over(slot));
    over.filter_map(|(_, bits)| bits.named().last()).max()
}

/// Returns those of the superseded who have no bit in any slot that stays.
pub(crate) fn removable(superseded: &[Sequence], kept: &[(TimeSlot, SlotBits)]) -> Vec<Sequence> {
    let mut named = Words::default();
    kept.iter().for_each(|(_, bits)| named.merge(&bits.named()));
    superseded.iter().filter(|sequence| !named.contains(**sequence)).copied().collect()
}

/// Returns the runs of numbers without a gap, of numbers in order.
pub(crate) fn ranges(sequences: &[Sequence]) -> impl Iterator<Item = RangeInclusive<Sequence>> + '_ {
    let runs = sequences.chunk_by(|one, next| one.number() + 1 == next.number());
    runs.filter_map(|run| Some(*run.first()?..=*run.last()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slots::Window;

    fn sequences(numbers: &[i64]) -> Vec<Sequence> {
        numbers.iter().filter_map(|number| Sequence::new(*number)).collect()
    }

    fn alive(slot: i64, numbers: &[i64]) -> (TimeSlot, SlotBits) {
        let bits = SlotBits { alive: sequences(numbers).into_iter().collect(), dead: Words::default() };
        (TimeSlot::new(slot), bits)
    }

    #[test]
    fn runs_without_a_gap_are_one_range() {
        let found: Vec<_> = ranges(&sequences(&[1, 2, 3, 7, 9, 10]))
            .map(|run| (run.start().number(), run.end().number()))
            .collect();
        assert_eq!(found, [(1, 3), (7, 7), (9, 10)]);
        assert_eq!(ranges(&[]).count(), 0);
    }

    /// J1: nothing was ever removed. What lives must not be.
    #[test]
    fn a_superseded_being_that_still_pings_stays() {
        let kept = [alive(30, &[4]), alive(40, &[4, 8])];
        assert_eq!(removable(&sequences(&[3, 4, 6]), &kept), sequences(&[3, 6]));
    }

    #[test]
    fn no_slot_goes_that_a_watcher_reads_after_an_outage() {
        let period = Period::new(10);
        let mut window = Window::new(period);
        window.advance(TimeSlot::new(100), true);
        let now = TimeSlot::new(1_000);
        let read = window.to_read(now, false).into_iter().min().unwrap();
        assert!(first_read(period, now) < read && read < first_kept(period, now));
    }

    #[test]
    fn a_being_that_may_not_have_pinged_yet_stays() {
        let period = Period::new(10);
        let kept = [alive(30, &[4]), alive(40, &[9]), alive(50, &[12])];
        // 9 and 12 were there in slots that are over since less than a slot.
        let first_at = |now: i64| first_kept(period, TimeSlot::new(now));
        assert_eq!(up_to(period, first_at(50), &kept), Sequence::new(4));
        assert_eq!(up_to(period, first_at(60), &kept), Sequence::new(9));
        assert_eq!(first_at(60), TimeSlot::new(30));
        assert_eq!(up_to(period, first_at(60), &[]), None);
    }

    #[test]
    fn all_slots_that_stay_are_looked_at() {
        let (period, now) = (Period::new(10), TimeSlot::new(200));
        let numbers =
            |first| -> Vec<i64> { staying(period, first, now).into_iter().map(TimeSlot::number).collect() };
        assert_eq!(numbers(first_kept(period, now)), [170, 180, 190, 200, 210]);
        assert_eq!(numbers(first_read(period, now)), (100..=210).step_by(10).collect::<Vec<i64>>());
        assert_eq!(first_ahead(period, now), TimeSlot::new(220), "the first that does not stay");
    }
}
