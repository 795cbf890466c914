//! A part of the ids that are remembered.

use super::refresh_entry::{Owed, RefreshEntry, RefreshTiming};
use crate::name::Id;
use crate::tracker::{HashedName, Index, Millis, Slab, SlabSlot, Wheel};

/// Finds entries, and knows when to look at which.
#[derive(Debug)]
pub(super) struct RefreshStripe {
    index: Index,
    entries: Slab<RefreshEntry>,
    /// Its tick is a millisecond.
    wheel: Wheel,
    length: usize,
    length_max: usize,
}

impl RefreshStripe {
    pub(super) fn new(length_max: usize) -> Self {
        let entries = Slab::new(Wheel::LISTS);
        Self { index: Index::default(), entries, wheel: Wheel::default(), length: 0, length_max }
    }

    pub(super) fn find(&mut self, key: HashedName<'_, Id>) -> Option<&mut RefreshEntry> {
        let slot = self.slot(key)?;
        Some(self.entries.at_mut(slot))
    }

    /// Answers a heartbeat, if that may be done here.
    #[inline]
    pub(super) fn answer(&mut self, key: HashedName<'_, Id>, now: Millis) -> bool {
        self.find(key).is_some_and(|entry| entry.own.answer(now))
    }

    /// Answers the heartbeats of `keys`, and calls `others` for those that it may not answer.
    ///
    /// In two passes, as [`Tracker`](crate::tracker::Tracker) gives heartbeats: the first brings
    /// the entries near.
    pub(super) fn answer_many<'a>(
        &mut self,
        keys: impl Iterator<Item = (u32, HashedName<'a, Id>)>,
        found: &mut Vec<(u32, &'a Id, Option<SlabSlot>)>,
        now: Millis,
        mut others: impl FnMut(u32),
    ) {
        found.clear();
        found.extend(keys.map(|(number, key)| (number, key.name, self.index.find(key.tag(), |_| true))));
        let near = found.iter().filter_map(|(_, _, slot)| self.entries.get((*slot)?));
        std::hint::black_box(
            near.fold(0, |sum, entry| sum ^ entry.answered() ^ entry.id.as_bytes().len() as u64),
        );
        for (number, id, slot) in found.iter() {
            let entry = slot.map(|slot| self.entries.at_mut(slot)).filter(|entry| entry.id == **id);
            if !entry.is_some_and(|entry| entry.own.answer(now)) {
                others(*number);
            }
        }
    }

    /// Finds or adds an entry, if there is room; a new one is looked at when `look_at` has come.
    pub(super) fn find_or_insert(
        &mut self,
        key: HashedName<'_, Id>,
        look_at: Millis,
    ) -> Option<&mut RefreshEntry> {
        let slot = match self.slot(key) {
            Some(slot) => slot,
            None if self.length >= self.length_max => return None,
            None => {
                let slot = self.entries.insert(RefreshEntry::new(key.name.clone()));
                self.index.insert(key.tag(), slot);
                self.wheel.plan(&mut self.entries, slot, look_at);
                self.length += 1;
                slot
            }
        };
        Some(self.entries.at_mut(slot))
    }

    /// Adds what is owed by now, forgets who beats no more, and says whether that was all.
    pub(super) fn look(
        &mut self,
        now: Millis,
        rhythm: RefreshTiming,
        owed: &mut Vec<Owed>,
        tag_of: impl Fn(&Id) -> u32,
    ) -> bool {
        for _ in 0..LOOKS_MAX {
            let Some(slot) = self.wheel.next(&mut self.entries, now) else { return true };
            let entry = self.entries.at(slot);
            if let Some(next) = entry.look(now, rhythm, owed) {
                self.wheel.plan(&mut self.entries, slot, next);
            } else {
                // Nothing of this id is fresh, under way or owed, so there is nothing to remember.
                let tag = tag_of(&entry.id);
                self.remove(slot, tag);
            }
        }
        false
    }

    pub(super) fn forget(&mut self, key: HashedName<'_, Id>) {
        if let Some(slot) = self.slot(key) {
            self.remove(slot, key.tag());
        }
    }

    /// Answers for nobody any more; what is owed stays owed.
    pub(super) fn doubt(&mut self) {
        self.entries.iter_mut().for_each(RefreshEntry::doubt);
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.length_max);
    }

    fn remove(&mut self, slot: SlabSlot, tag: u32) {
        self.wheel.cancel(&mut self.entries, slot);
        self.entries.remove(slot);
        self.index.remove(tag, slot);
        self.length -= 1;
    }

    #[inline]
    fn slot(&self, key: HashedName<'_, Id>) -> Option<SlabSlot> {
        self.index.find(key.tag(), |slot| self.entries.at(slot).id == *key.name)
    }
}

/// How many entries are looked at before the part is unlocked.
const LOOKS_MAX: usize = 512;

#[cfg(test)]
mod tests {
    use foldhash::quality::RandomState;

    use super::super::refresh_entry::Freshness;
    use super::*;

    const RHYTHM: RefreshTiming = RefreshTiming { ttl: 100, retry: 5 };

    fn add(part: &mut RefreshStripe, keys: &RandomState, id: usize, now: Millis, until: Millis) -> bool {
        let id = Id::new(&id.to_string()).unwrap();
        let entry = part.find_or_insert(HashedName::new(&id, keys), now + RHYTHM.retry);
        entry.map(|entry| entry.own.mark = Freshness::Fresh(until)).is_some()
    }

    fn look(part: &mut RefreshStripe, keys: &RandomState, now: Millis) -> Vec<String> {
        let mut owed = Vec::new();
        while !part.look(now, RHYTHM, &mut owed, |id| HashedName::new(id, keys).tag()) {}
        owed.iter().map(|owed| owed.id.to_string()).collect()
    }

    #[test]
    fn who_beat_again_is_owed_and_who_did_not_is_forgotten() {
        let (mut part, keys) = (RefreshStripe::new(1_000), RandomState::default());
        (0..100).for_each(|id| assert!(add(&mut part, &keys, id, 0, 50)));
        let seven = Id::new("7").unwrap();
        assert!(part.answer(HashedName::new(&seven, &keys), 30));
        assert_eq!((look(&mut part, &keys, 49), part.length), (vec![], 100));
        assert_eq!((look(&mut part, &keys, 50), part.length), (vec!["7".to_owned()], 1));
        // Nobody passes it on: it comes again, until it is too late.
        assert_eq!((look(&mut part, &keys, 54).len(), look(&mut part, &keys, 55).len()), (0, 1));
        assert_eq!((look(&mut part, &keys, 130).len(), part.length), (0, 0));
    }

    #[test]
    fn full_part_takes_nobody_until_somebody_is_forgotten() {
        let (mut part, keys) = (RefreshStripe::new(3), RandomState::default());
        let taken: Vec<_> = (0..5).map(|id| add(&mut part, &keys, id, 0, 50)).collect();
        assert_eq!(taken, [true, true, true, false, false]);
        look(&mut part, &keys, 50);
        assert!(add(&mut part, &keys, 4, 50, 90));
        assert_eq!((part.length, part.entries.end()), (1, 3));
    }
}
