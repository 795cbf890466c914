//! The time slots that count.
//!
//! ```text
//!      held          before       current      next
//!   ───────────┬───────────────┬────────────┬─────────►  time
//!   bits of    │ whoever has a bit here     │ bits of those whose
//!   slots past │ is alive                   │ clock is ahead
//! ```
//!
//! Whoever is alive has a bit in the slot before the current one, or in the current one. Past slots
//! are forgotten when the next one begins, and thereby those are dead who had no bit since. That is
//! right only where everybody could write: after a slot in which the database was away, what was
//! known is held until a whole slot has gone well.

use std::collections::BTreeMap;
use std::mem::take;
use std::ops::RangeInclusive;

use super::bits::SlotBits;
use super::time_slot::{Period, TimeSlot};

/// How many slots before the current one are read at most.
const READ_MAX: i64 = 8;

/// What is known of the time slots that count.
#[derive(Debug)]
pub(crate) struct Window {
    period: Period,
    /// The slot in which the last read was made.
    current: Option<TimeSlot>,
    slots: BTreeMap<TimeSlot, SlotBits>,
    /// The bits of past slots that still count.
    held: SlotBits,
}

impl Window {
    pub(crate) fn new(period: Period) -> Self {
        Self { period, current: None, slots: BTreeMap::new(), held: SlotBits::default() }
    }

    /// Says whether bits of a slot count if they are heard of in it. After a long silence, or when
    /// the clock was set, they do not before the next read.
    pub(crate) fn hears(&self, slot: TimeSlot) -> bool {
        self.current.is_none_or(|current| self.counting(current).contains(&slot))
    }

    /// Adds bits that were heard of, which cannot be taken back any more; those of other times do
    /// not count.
    pub(crate) fn hear(&mut self, slot: TimeSlot, bits: &SlotBits) {
        if self.hears(slot) {
            self.read(slot, bits);
        }
    }

    /// Adds bits of a slot that was [to be read](Self::to_read): it counts, also where time went
    /// backwards since the last read.
    pub(crate) fn read(&mut self, slot: TimeSlot, bits: &SlotBits) {
        self.slots.entry(slot).or_default().merge(bits);
    }

    /// Returns the slots that a read in some slot has to look at: those that count, and after a
    /// time in which not everybody could write all since the last read.
    pub(crate) fn to_read(&self, slot: TimeSlot, all_wrote: bool) -> Vec<TimeSlot> {
        let last = self.current.filter(|_| !all_wrote).unwrap_or(slot);
        let first = self.period.before(last.min(slot)).max(self.period.later(slot, -READ_MAX));
        let slots = (0..=READ_MAX + 1).map(|by| self.period.later(first, by));
        slots.take_while(|at| *at <= self.period.next(slot)).collect()
    }

    /// Moves on to the slot in which a read was made, whose bits have been added.
    ///
    /// `all_wrote` says whether everybody could write in the slot before: only then a missing bit
    /// means something. Nor does it after time went backwards.
    pub(crate) fn advance(&mut self, slot: TimeSlot, all_wrote: bool) {
        let forgets = self.forgets(slot, all_wrote);
        let counting = self.counting(slot);
        let mut past = SlotBits::default();
        self.slots = take(&mut self.slots)
            .into_iter()
            .filter(|(slot, bits)| {
                let counts = counting.contains(slot);
                if !counts {
                    past.merge(bits);
                }
                counts
            })
            .collect();
        if forgets {
            self.held = SlotBits::default();
        } else {
            self.held.merge(&past);
        }
        self.current = Some(slot);
    }

    /// Returns what [`bits`](Self::bits) will be after [`advance`](Self::advance).
    pub(crate) fn bits_after(&self, slot: TimeSlot, all_wrote: bool) -> SlotBits {
        if !self.forgets(slot, all_wrote) {
            return self.bits();
        }
        let counting = self.counting(slot);
        let mut bits = SlotBits::default();
        let counted = self.slots.iter().filter(|(slot, _)| counting.contains(*slot));
        counted.for_each(|(_, slot)| bits.merge(slot));
        bits
    }

    /// Returns who has a bit in what counts, and who was killed in it.
    pub(crate) fn bits(&self) -> SlotBits {
        let mut bits = self.held.clone();
        self.slots.values().for_each(|slot| bits.merge(slot));
        bits
    }

    /// Says whether bits of past slots still count.
    pub(crate) fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// Says whether a read in some slot ends what past slots say.
    fn forgets(&self, slot: TimeSlot, all_wrote: bool) -> bool {
        self.current.is_none_or(|current| all_wrote && current <= slot)
    }

    /// Returns the slots that count in some slot.
    fn counting(&self, slot: TimeSlot) -> RangeInclusive<TimeSlot> {
        // One more than the next, which may have begun since the last read.
        self.period.before(slot)..=self.period.later(slot, 2)
    }
}
