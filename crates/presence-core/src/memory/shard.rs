//! A part of the ids: finds them, keeps their deadlines, decides their transitions.

use std::hash::BuildHasher;

use foldhash::quality::RandomState;
use hashbrown::HashTable;

use super::clock::Millis;
use super::config::{Config, Timing};
use super::entry::Entry;
use super::slab::{List, Slab, Slot};
use super::wheel::{Tick, Wheel};
use crate::event::Cause;
use crate::name::{Device, Id};

/// Every method that changes the status of an id says so, and its caller writes the event before anybody else
/// gets at the shard.
#[derive(Debug)]
pub(super) struct Shard {
    index: HashTable<Place>,
    /// The same in every shard.
    hasher: RandomState,
    entries: Slab<Entry>,
    wheel: Wheel,
    timing: Timing,
    online: usize,
    remembered: usize,
    remembered_max: usize,
}

/// Where an entry is. The tag tells nearly all other ids apart before their entry, far away in memory, is touched.
#[derive(Debug)]
struct Place {
    tag: u32,
    slot: Slot,
}

/// An id and its hash, which the shard was chosen by.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key<'a> {
    pub(super) id: &'a Id,
    pub(super) hash: u64,
}

impl<'a> Key<'a> {
    pub(super) fn new(id: &'a Id, hasher: &RandomState) -> Self {
        Self { id, hash: hasher.hash_one(id.as_bytes()) }
    }

    /// The part of the hash that the index keeps; the shard was chosen by another.
    #[expect(clippy::cast_possible_truncation, reason = "a tag is the lower half of the hash")]
    fn tag(self) -> u32 {
        self.hash as u32
    }
}

impl Shard {
    pub(super) fn new(timing: Timing, remembered_max: usize, hasher: RandomState) -> Self {
        Self {
            index: HashTable::new(),
            hasher,
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
    pub(super) fn beat(&mut self, key: Key<'_>, now: Millis) -> Option<Cause> {
        let slot = self.find_or_insert(key);
        let timing = self.timing;
        let entry = self.entries.at_mut(slot);
        entry.beat(now, timing);
        if entry.online { None } else { self.arrive(slot, Cause::Heartbeat) }
    }

    /// Gives a heartbeat to those of `keys` that are online, and calls `others` for the rest.
    ///
    /// First it finds all, then it touches all: neither step waits for the one before, so the processor has
    /// several accesses to memory under way at once. With a million ids that is most of the time.
    pub(super) fn beat_online<'a>(
        &mut self,
        keys: impl Iterator<Item = (u32, Key<'a>)>,
        found: &mut Vec<(u32, &'a Id, Option<Slot>)>,
        now: Millis,
        mut others: impl FnMut(u32),
    ) {
        found.clear();
        found.extend(keys.map(|(number, key)| {
            let tag = key.tag();
            let place = self.index.find(hash_of(tag), |place| place.tag == tag);
            (number, key.id, place.map(|place| place.slot))
        }));
        // Nothing but loads, which hides most of what the next loop would wait for.
        let near = found.iter().filter_map(|(_, _, slot)| self.entries.get((*slot)?));
        std::hint::black_box(near.fold(0, |sum, entry| sum ^ entry.touch()));
        let timing = self.timing;
        for (number, id, slot) in found.iter() {
            match slot.map(|slot| self.entries.at_mut(slot)) {
                // Another id with the same tag is as good as none.
                Some(entry) if entry.online && entry.id == **id => entry.beat(now, timing),
                _ => others(*number),
            }
        }
    }

    pub(super) fn beat_device(&mut self, key: Key<'_>, device: &Device, now: Millis) -> Option<Cause> {
        let slot = self.find_or_insert(key);
        let timing = self.timing;
        let entry = self.entries.at_mut(slot);
        entry.beat_device(device, now, timing);
        if entry.online { None } else { self.arrive(slot, Cause::Heartbeat) }
    }

    pub(super) fn hold_device(&mut self, key: Key<'_>, device: &Device, now: Millis) -> Option<Cause> {
        let slot = self.find_or_insert(key);
        let entry = self.entries.at_mut(slot);
        entry.hold_device(device, now);
        // What is planned stays planned: once it comes up it is found to have no deadline.
        if entry.online { None } else { self.arrive(slot, Cause::Held) }
    }

    pub(super) fn end_device(&mut self, key: Key<'_>, device: &Device, now: Millis) -> Option<Cause> {
        let slot = self.find(key)?;
        let timing = self.timing;
        let entry = self.entries.at_mut(slot);
        if !entry.end_device(device, now, timing) {
            return None;
        }
        // Unlike a heartbeat this may bring the deadline forward.
        let deadline = entry.deadline()?;
        if deadline <= now {
            return Some(self.depart(slot, now));
        }
        self.wheel.cancel(&mut self.entries, slot);
        self.wheel.plan(&mut self.entries, slot, tick_of(deadline));
        None
    }

    pub(super) fn end(&mut self, key: Key<'_>, now: Millis) -> Option<Cause> {
        let slot = self.find(key)?;
        if !self.entries.at(slot).online {
            return None;
        }
        self.depart(slot, now);
        Some(Cause::Explicit)
    }

    pub(super) fn is_online(&self, key: Key<'_>) -> bool {
        self.find(key).is_some_and(|slot| self.entries.at(slot).online)
    }

    pub(super) fn seen(&self, key: Key<'_>, now: Millis) -> Option<Millis> {
        self.find(key).map(|slot| self.entries.at(slot).seen(now))
    }

    /// Adds the ids that are online from the place `from` on until `ids` has `limit`, and returns where to go on.
    pub(super) fn list(&self, from: u64, limit: usize, ids: &mut Vec<Id>) -> Option<u64> {
        for slot in Slot::try_from(from).ok()?..self.entries.end() {
            if ids.len() >= limit {
                return Some(u64::from(slot));
            }
            if let Some(entry) = self.entries.get(slot)
                && entry.online
            {
                ids.push(entry.id.clone());
            }
        }
        None
    }

    /// Adds the ids whose deadline has passed, which are offline from here on, and why.
    ///
    /// Looks at no more than `looks_max` entries, and says whether that was all there was to do.
    pub(super) fn expire(&mut self, now: Millis, looks_max: usize, gone: &mut Vec<(Id, Cause)>) -> bool {
        for _ in 0..looks_max {
            let Some(slot) = self.wheel.next(&mut self.entries, now / TICK) else { return true };
            let entry = self.entries.at(slot);
            match entry.deadline() {
                None => {}
                Some(deadline) if deadline > now => {
                    self.wheel.plan(&mut self.entries, slot, tick_of(deadline));
                }
                Some(_) => {
                    let id = entry.id.clone();
                    gone.push((id, self.depart(slot, now)));
                }
            }
        }
        false
    }

    fn find(&self, key: Key<'_>) -> Option<Slot> {
        let tag = key.tag();
        let found = self
            .index
            .find(hash_of(tag), |place| place.tag == tag && self.entries.at(place.slot).id == *key.id);
        found.map(|place| place.slot)
    }

    #[inline]
    fn find_or_insert(&mut self, key: Key<'_>) -> Slot {
        if let Some(slot) = self.find(key) {
            return slot;
        }
        let slot = self.entries.insert(Entry::new(key.id.clone()));
        let place = Place { tag: key.tag(), slot };
        self.index.insert_unique(hash_of(place.tag), place, |place| hash_of(place.tag));
        slot
    }

    fn arrive(&mut self, slot: Slot, cause: Cause) -> Option<Cause> {
        if self.entries.unlink(slot).is_some() {
            self.remembered -= 1;
        }
        let entry = self.entries.at_mut(slot);
        entry.online = true;
        self.online += 1;
        if let Some(deadline) = entry.deadline() {
            self.wheel.plan(&mut self.entries, slot, tick_of(deadline));
        }
        Some(cause)
    }

    fn depart(&mut self, slot: Slot, now: Millis) -> Cause {
        self.wheel.cancel(&mut self.entries, slot);
        let entry = self.entries.at_mut(slot);
        let cause = entry.fate();
        entry.go_offline(now);
        self.online -= 1;
        self.entries.push_back(REMEMBERED, slot);
        self.remembered += 1;
        if self.remembered > self.remembered_max {
            self.forget();
        }
        cause
    }

    /// Forgets the id that has been offline for longest.
    fn forget(&mut self) {
        let Some(slot) = self.entries.pop_front(REMEMBERED) else { return };
        self.remembered -= 1;
        let entry = self.entries.remove(slot);
        let tag = Key::new(&entry.id, &self.hasher).tag();
        if let Ok(place) = self.index.find_entry(hash_of(tag), |place| place.slot == slot) {
            place.remove();
        }
    }
}

/// Spreads a tag over the bits that the index uses, so that it can grow without a look at the entries.
fn hash_of(tag: u32) -> u64 {
    u64::from(tag).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn tick_of(deadline: Millis) -> Tick {
    deadline.div_ceil(TICK)
}

/// The list of offline ids, the first to leave first; the lists before it are the wheel's.
const REMEMBERED: List = Wheel::LISTS;
/// The same as [`Config::LATENESS`].
const TICK: Millis = 10;
const _: () = assert!(Config::LATENESS.as_millis() == TICK as u128, "two names for one number");
