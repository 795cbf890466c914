//! One part of the names, with their deadlines and transitions.

use foldhash::quality::RandomState;

use super::LATENESS;
use super::clock::Millis;
use super::index::Index;
use super::name::{HashedName, Name};
use super::outcome::{Beat, EndedDevice, OnlineName};
use super::slab::{List, Slab, SlabSlot};
use super::timing::Timing;
use super::tracked_name::TrackedName;
use super::wheel::{Tick, Wheel};
use crate::event::Cause;
use crate::name::Device;

/// Every method that changes whether a name is online says so, and its caller records it before
/// anybody else gets at the shard.
#[derive(Debug)]
pub(super) struct Stripe<N> {
    index: Index,
    /// The same in every shard.
    keys: RandomState,
    entries: Slab<TrackedName<N>>,
    wheel: Wheel,
    timing: Timing,
    online: usize,
    remembered: usize,
    remembered_max: usize,
}

/// Why somebody went offline, and their last sign of life.
pub(super) type Departure = (Cause, Millis);

impl<N: Name> Stripe<N> {
    pub(super) fn new(timing: Timing, remembered_max: usize, keys: RandomState) -> Self {
        Self {
            index: Index::default(),
            keys,
            entries: Slab::new(Wheel::LISTS + 1),
            wheel: Wheel::default(),
            timing,
            online: 0,
            remembered: 0,
            remembered_max,
        }
    }

    /// Says whether no deadline is running.
    pub(super) fn is_idle(&self) -> bool {
        self.wheel.is_empty()
    }

    pub(super) fn online(&self) -> usize {
        self.online
    }

    #[inline]
    pub(super) fn beat(
        &mut self,
        key: HashedName<'_, N>,
        now: Millis,
        record: impl FnOnce(Cause) -> bool,
    ) -> Beat {
        let slot = self.find_or_insert(key);
        let timing = self.timing;
        self.entries.at_mut(slot).beat(now, timing);
        self.come(slot, Cause::Heartbeat, record)
    }

    /// Gives a heartbeat to those of `keys` that are online and settled, and calls `others` for the
    /// rest.
    ///
    /// First it finds all, then it touches all: neither step waits for the one before, so the
    /// processor has several accesses to memory under way at once. With a million names that is
    /// most of the time.
    pub(super) fn beat_settled<'a>(
        &mut self,
        keys: impl Iterator<Item = (u32, HashedName<'a, N>)>,
        found: &mut Vec<(u32, &'a N, Option<SlabSlot>)>,
        now: Millis,
        mut others: impl FnMut(u32),
    ) {
        found.clear();
        found.extend(keys.map(|(number, key)| {
            // The index may give another name with the same tag, which is rare. The loop below
            // compares the names.
            (number, key.name, self.index.find(key.tag(), |_| true))
        }));
        // This only loads the entries. The loads overlap, so that the next loop does not wait for
        // memory at each entry.
        let near = found.iter().filter_map(|(_, _, slot)| self.entries.get((*slot)?));
        std::hint::black_box(near.fold(0, |sum, entry| sum ^ entry.touch()));
        let timing = self.timing;
        for (number, name, slot) in found.iter() {
            match slot.map(|slot| self.entries.at_mut(slot)) {
                // A settled name is online, so its heartbeat is no transition.
                Some(entry) if entry.settled && entry.name == **name => entry.beat(now, timing),
                _ => others(*number),
            }
        }
    }

    pub(super) fn beat_device(
        &mut self,
        key: HashedName<'_, N>,
        device: &Device,
        now: Millis,
        record: impl FnOnce(Cause) -> bool,
    ) -> Beat {
        let slot = self.find_or_insert(key);
        let timing = self.timing;
        self.entries.at_mut(slot).beat_device(device, now, timing);
        self.come(slot, Cause::Heartbeat, record)
    }

    pub(super) fn beat_device_of_online(
        &mut self,
        key: HashedName<'_, N>,
        device: &Device,
        now: Millis,
    ) -> Option<Beat> {
        let slot = self.find(key).filter(|slot| self.entries.at(*slot).online)?;
        let timing = self.timing;
        let entry = self.entries.at_mut(slot);
        entry.beat_device(device, now, timing);
        Some(Beat { arrived: false, settled: entry.settled })
    }

    pub(super) fn hold_device(
        &mut self,
        key: HashedName<'_, N>,
        device: &Device,
        now: Millis,
        record: impl FnOnce(Cause) -> bool,
    ) -> Beat {
        let slot = self.find_or_insert(key);
        self.entries.at_mut(slot).hold_device(device, now);
        // An entry that is planned in the wheel stays there. When it comes up it is found to have
        // no deadline.
        self.come(slot, Cause::Held, record)
    }

    pub(super) fn end_device(
        &mut self,
        key: HashedName<'_, N>,
        device: &Device,
        now: Millis,
    ) -> (EndedDevice, Option<Departure>) {
        let Some(slot) = self.find(key) else { return (EndedDevice::Unknown, None) };
        let timing = self.timing;
        let entry = self.entries.at_mut(slot);
        let ended = entry.end_device(device, now, timing);
        if ended == EndedDevice::Unknown {
            return (ended, None);
        }
        // Unlike a heartbeat this may bring the deadline forward.
        let Some(deadline) = entry.deadline() else { return (ended, None) };
        if entry.is_over(now, timing) {
            return (ended, Some(self.depart(slot, now)));
        }
        self.wheel.cancel(&mut self.entries, slot);
        self.wheel.plan(&mut self.entries, slot, tick_of(deadline));
        (ended, None)
    }

    pub(super) fn end(&mut self, key: HashedName<'_, N>, now: Millis) -> Option<Departure> {
        let slot = self.find(key).filter(|slot| self.entries.at(*slot).online)?;
        let (_, seen) = self.depart(slot, now);
        Some((Cause::Explicit, seen))
    }

    /// Settles a name that is online if `agreed`, and says whether it is online.
    pub(super) fn settle_if(&mut self, key: HashedName<'_, N>, agreed: impl FnOnce() -> bool) -> bool {
        let Some(slot) = self.find(key).filter(|slot| self.entries.at(*slot).online) else { return false };
        if agreed() {
            self.entries.at_mut(slot).settled = true;
        }
        true
    }

    pub(super) fn unsettle(&mut self) {
        self.entries.iter_mut().for_each(|entry| entry.settled = false);
    }

    pub(super) fn is_online(&self, key: HashedName<'_, N>) -> bool {
        self.find(key).is_some_and(|slot| self.entries.at(slot).online)
    }

    pub(super) fn seen(&self, key: HashedName<'_, N>, now: Millis) -> Option<Millis> {
        self.find(key).map(|slot| self.entries.at(slot).seen(now))
    }

    /// Adds those who are online from the slot `from` on until `kept` has `limit`, and returns
    /// where to go on.
    pub(super) fn list(&self, from: u64, limit: usize, kept: &mut Vec<OnlineName<N>>) -> Option<u64> {
        for slot in SlabSlot::try_from(from).ok()?..self.entries.end() {
            if kept.len() >= limit {
                return Some(u64::from(slot));
            }
            if let Some(entry) = self.entries.get(slot)
                && entry.online
            {
                kept.push(OnlineName { name: entry.name.clone(), held: entry.deadline().is_none() });
            }
        }
        None
    }

    /// Ends those whose deadline has passed, and tells `gone` of each.
    ///
    /// Looks at no more than `looks_max` entries, and says whether that was all there was to do.
    pub(super) fn expire(
        &mut self,
        now: Millis,
        looks_max: usize,
        mut gone: impl FnMut(&N, Cause, Millis),
    ) -> bool {
        for _ in 0..looks_max {
            let Some(slot) = self.wheel.next(&mut self.entries, now / TICK) else { return true };
            let entry = self.entries.at(slot);
            match entry.deadline() {
                None => {}
                // A deadline in this very millisecond may not have passed yet, so it is planned
                // again.
                Some(deadline) if deadline >= now => {
                    self.wheel.plan(&mut self.entries, slot, tick_of(deadline));
                }
                Some(_) => {
                    // The name is cloned, as the departure may forget the entry at once.
                    let name = entry.name.clone();
                    let (cause, seen) = self.depart(slot, now);
                    gone(&name, cause, seen);
                }
            }
        }
        false
    }

    fn find(&self, key: HashedName<'_, N>) -> Option<SlabSlot> {
        self.index.find(key.tag(), |slot| self.entries.at(slot).name == *key.name)
    }

    #[inline]
    fn find_or_insert(&mut self, key: HashedName<'_, N>) -> SlabSlot {
        if let Some(slot) = self.find(key) {
            return slot;
        }
        let slot = self.entries.insert(TrackedName::new(key.name.clone()));
        self.index.insert(key.tag(), slot);
        slot
    }

    /// Brings an entry online that has something to keep it there, unless it is already.
    #[inline]
    fn come(&mut self, slot: SlabSlot, cause: Cause, record: impl FnOnce(Cause) -> bool) -> Beat {
        let entry = self.entries.at_mut(slot);
        if entry.online {
            return Beat { arrived: false, settled: entry.settled };
        }
        entry.online = true;
        entry.settled = record(cause);
        let (settled, deadline) = (entry.settled, entry.deadline());
        self.online += 1;
        // The list of those offline is the only one that it can be on: it is planned only below.
        if self.entries.unlink(slot).is_some() {
            self.remembered -= 1;
        }
        if let Some(deadline) = deadline {
            self.wheel.plan(&mut self.entries, slot, tick_of(deadline));
        }
        Beat { arrived: true, settled }
    }

    fn depart(&mut self, slot: SlabSlot, now: Millis) -> Departure {
        self.wheel.cancel(&mut self.entries, slot);
        let entry = self.entries.at_mut(slot);
        // The order matters: the cause follows from the deadline, which going offline takes away.
        let cause = entry.departure_cause();
        let seen = entry.go_offline(now);
        self.online -= 1;
        // An entry is on one list at most: it has left the wheel above.
        self.entries.push_back(REMEMBERED, slot);
        self.remembered += 1;
        if self.remembered > self.remembered_max {
            self.forget();
        }
        (cause, seen)
    }

    /// Forgets who has been offline for longest.
    fn forget(&mut self) {
        let Some(slot) = self.entries.pop_front(REMEMBERED) else { return };
        self.remembered -= 1;
        let entry = self.entries.remove(slot);
        self.index.remove(HashedName::new(&entry.name, &self.keys).tag(), slot);
    }
}

/// The first tick after the millisecond of the deadline.
fn tick_of(deadline: Millis) -> Tick {
    deadline / TICK + 1
}

/// The list of those offline, the first to leave first; the lists before it are the wheel's.
const REMEMBERED: List = Wheel::LISTS;
/// The same as [`LATENESS`].
const TICK: Millis = 10;
const _: () = assert!(LATENESS.as_millis() == TICK as u128, "TICK is LATENESS in milliseconds");
