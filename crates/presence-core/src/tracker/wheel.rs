//! When to look at which entry: a hierarchical timer wheel.
//!
//! It learns of a later deadline when it next looks at the entry.
//!
//! ```text
//! level 0   64 slots of 1 tick        the next 64 ticks
//! level 1   64 slots of 64 ticks      ... 4,096
//! level 5   64 slots of 64^5 ticks    ... 64^6 ticks, 21 years at 10 ms
//! ```
//!
//! An entry is put where its deadline is when it comes online. A heartbeat moves the deadline and
//! leaves the entry alone: when its slot comes up the deadline is read again, and the entry goes
//! where it belongs by then. So an entry is handled at most once per level and time to live,
//! however often it beats.

use super::slab::{Linked, List, Slab, SlabSlot};

/// A count of the wheel's steps.
pub(crate) type Tick = u64;

/// The wheel of one slab; its slots are the slab's lists from 0 on.
#[derive(Debug, Default)]
pub(crate) struct Wheel {
    /// Every tick up to here has come up, except for what is left in `due`.
    elapsed: Tick,
    /// The levels whose slot of `elapsed` is yet to be emptied.
    due: u8,
    /// How many entries are on the wheel.
    length: usize,
}

impl Wheel {
    /// How many lists of the slab belong to the wheel.
    pub(crate) const LISTS: List = 6 * SLOTS;

    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Plans an entry, which must be on no list, for `tick` or the next one to come.
    pub(crate) fn plan<T: Linked>(&mut self, slab: &mut Slab<T>, slot: SlabSlot, tick: Tick) {
        let tick = tick.clamp(self.elapsed + 1, self.elapsed + FARTHEST);
        // The highest bit in which the tick differs from `elapsed` lies in the highest level on
        // which their slots differ.
        let level = (63 - (tick ^ self.elapsed).leading_zeros()) / BITS;
        slab.push_back(list(level.min(LEVELS - 1), tick), slot);
        self.length += 1;
    }

    /// Forgets an entry that may be planned; it must be on no list that is not the wheel's.
    pub(crate) fn cancel<T: Linked>(&mut self, slab: &mut Slab<T>, slot: SlabSlot) {
        if slab.unlink(slot).is_some() {
            self.length -= 1;
        }
    }

    /// Takes off an entry whose slot came up until `now`; `None` once there is no more.
    ///
    /// The caller plans it again if its deadline is later than `now`.
    pub(crate) fn next<T: Linked>(&mut self, slab: &mut Slab<T>, now: Tick) -> Option<SlabSlot> {
        loop {
            // The order matters: higher levels come first, as an entry that they hand down may
            // belong to this very tick.
            while self.due != 0 {
                let level = self.due.ilog2();
                if let Some(slot) = slab.pop_front(list(level, self.elapsed)) {
                    self.length -= 1;
                    return Some(slot);
                }
                self.due &= !(1 << level);
            }
            // An empty wheel is not turned tick by tick: after a long rest that would take long.
            if self.length == 0 {
                self.elapsed = self.elapsed.max(now);
            }
            if self.elapsed >= now {
                return None;
            }
            self.elapsed += 1;
            // A slot of one level comes up when all levels below it have gone round once.
            let rounds = (self.elapsed.trailing_zeros() / BITS).min(LEVELS - 1);
            self.due = (1 << (rounds + 1)) - 1;
        }
    }
}

fn list(level: u32, tick: Tick) -> List {
    let slot = (tick >> (level * BITS)) % Tick::from(SLOTS);
    List::try_from(u64::from(level * u32::from(SLOTS)) + slot).expect("less than LISTS")
}

const BITS: u32 = 6;
const SLOTS: List = 1 << BITS;
const LEVELS: u32 = (Wheel::LISTS / SLOTS) as u32;
/// One slot short of the round of the top level, so that nothing lands in the slot that is coming
/// up.
const FARTHEST: Tick = (1 << (BITS * LEVELS)) - (1 << (BITS * (LEVELS - 1)));

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::slab::Links;
    use super::*;

    struct Timer {
        deadline: Tick,
        links: Links,
    }

    impl Linked for Timer {
        fn links_mut(&mut self) -> &mut Links {
            &mut self.links
        }
    }

    /// Runs to `now` as the backend does: what is not due yet is planned again.
    fn run(wheel: &mut Wheel, slab: &mut Slab<Timer>, now: Tick) -> Vec<Tick> {
        let mut fired = Vec::new();
        while let Some(slot) = wheel.next(slab, now) {
            let deadline = slab.at(slot).deadline;
            if deadline > now {
                wheel.plan(slab, slot, deadline);
            } else {
                fired.push(deadline);
                slab.remove(slot);
            }
        }
        fired
    }

    proptest! {
        #[test]
        fn each_deadline_comes_up_at_its_tick(
            timers in prop::collection::vec((1_u64..300_000, 0_u64..20_000), 1..100),
            steps in prop::collection::vec(1_u64..6_000, 1..100),
        ) {
            let (mut wheel, mut slab) = (Wheel::default(), Slab::new(Wheel::LISTS));
            let mut open = Vec::new();
            for (tick, moved) in timers {
                let slot = slab.insert(Timer { deadline: tick, links: Links::LOOSE });
                wheel.plan(&mut slab, slot, tick);
                // A heartbeat: the wheel is not told.
                slab.at_mut(slot).deadline += moved;
                open.push(tick + moved);
            }
            let mut now = 0;
            for step in steps {
                now += step;
                let mut fired = run(&mut wheel, &mut slab, now);
                fired.sort_unstable();
                let mut expected: Vec<_> = open.extract_if(.., |tick| *tick <= now).collect();
                expected.sort_unstable();
                prop_assert_eq!(fired, expected);
                prop_assert_eq!(wheel.is_empty(), open.is_empty());
            }
        }
    }

    #[test]
    fn deadline_past_the_horizon_is_kept() {
        let (mut wheel, mut slab) = (Wheel::default(), Slab::new(Wheel::LISTS));
        let slot = slab.insert(Timer { deadline: u64::MAX, links: Links::LOOSE });
        wheel.plan(&mut slab, slot, u64::MAX);
        assert_eq!(run(&mut wheel, &mut slab, 1_000_000), []);
        assert!(!wheel.is_empty());
        wheel.cancel(&mut slab, slot);
        wheel.cancel(&mut slab, slot);
        assert!(wheel.is_empty());
    }

    #[test]
    fn tick_that_has_passed_comes_up_next() {
        let (mut wheel, mut slab) = (Wheel::default(), Slab::new(Wheel::LISTS));
        assert_eq!(run(&mut wheel, &mut slab, 1_000), []);
        let slot = slab.insert(Timer { deadline: 3, links: Links::LOOSE });
        wheel.plan(&mut slab, slot, 3);
        assert_eq!(run(&mut wheel, &mut slab, 1_000), []);
        assert_eq!(run(&mut wheel, &mut slab, 1_001), [3]);
    }
}
