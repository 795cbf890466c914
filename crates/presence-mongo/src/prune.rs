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

/// Returns up to which being those may be removed that a later one of their key supersedes.
///
/// It is the last one that pinged in a slot that is long over: those numbered before it have had
/// the time to ping, and have a bit in `kept`, the slots that stay, if they live.
pub(crate) fn up_to(period: Period, current: TimeSlot, kept: &[(TimeSlot, SlotBits)]) -> Option<Sequence> {
    let is_over = |slot: &TimeSlot| *slot <= period.later(current, -2);
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
        assert_eq!(up_to(period, TimeSlot::new(50), &kept), Sequence::new(4));
        assert_eq!(up_to(period, TimeSlot::new(60), &kept), Sequence::new(9));
        assert_eq!(first_kept(period, TimeSlot::new(60)), TimeSlot::new(30));
        assert_eq!(up_to(period, TimeSlot::new(60), &[]), None);
    }
}
