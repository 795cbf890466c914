//! A part of the ids that are remembered.

use super::entry::Entry;
use crate::beings::{Index, Key, List, Millis, Slab, Slot};
use crate::name::Id;

/// Finds entries, and forgets the one that was refreshed first when there are too many.
#[derive(Debug)]
pub(super) struct Part {
    index: Index,
    entries: Slab<Entry>,
    length: usize,
    length_max: usize,
}

impl Part {
    pub(super) fn new(length_max: usize) -> Self {
        Self { index: Index::default(), entries: Slab::new(1), length: 0, length_max }
    }

    pub(super) fn find(&mut self, key: Key<'_, Id>) -> Option<&mut Entry> {
        let slot = self.slot(key)?;
        Some(self.entries.at_mut(slot))
    }

    #[inline]
    pub(super) fn is_fresh(&self, key: Key<'_, Id>, now: Millis) -> bool {
        self.slot(key).is_some_and(|slot| self.entries.at(slot).own.is_fresh(now))
    }

    /// Calls `others` for those of `keys` that are not fresh.
    ///
    /// In two passes, as [`Beings`](crate::beings::Beings) gives heartbeats: the first brings the entries near.
    pub(super) fn stale<'a>(
        &self,
        keys: impl Iterator<Item = (u32, Key<'a, Id>)>,
        found: &mut Vec<(u32, &'a Id, Option<Slot>)>,
        now: Millis,
        mut others: impl FnMut(u32),
    ) {
        found.clear();
        found.extend(keys.map(|(number, key)| (number, key.name, self.index.find(key.tag(), |_| true))));
        let near = found.iter().filter_map(|(_, _, slot)| self.entries.get((*slot)?));
        std::hint::black_box(near.fold(0, |sum, entry| sum ^ entry.until ^ entry.id.as_bytes().len() as u64));
        for (number, id, slot) in found.iter() {
            match slot.map(|slot| self.entries.at(slot)) {
                Some(entry) if entry.own.is_fresh(now) && entry.id == **id => {}
                _ => others(*number),
            }
        }
    }

    /// Finds or adds an entry, which is remembered until `until` at least if there is room.
    pub(super) fn find_or_insert(
        &mut self,
        key: Key<'_, Id>,
        now: Millis,
        until: Millis,
        tag_of: impl Fn(&Id) -> u32,
    ) -> &mut Entry {
        let slot = match self.slot(key) {
            Some(slot) => {
                self.entries.unlink(slot);
                slot
            }
            None => {
                self.make_room(now, tag_of);
                let slot = self.entries.insert(Entry::new(key.name.clone()));
                self.index.insert(key.tag(), slot);
                self.length += 1;
                slot
            }
        };
        self.entries.push_back(OLDEST_FIRST, slot);
        let entry = self.entries.at_mut(slot);
        entry.until = until;
        entry
    }

    pub(super) fn forget(&mut self, key: Key<'_, Id>) {
        if let Some(slot) = self.slot(key) {
            self.remove(slot, key.tag());
        }
    }

    pub(super) fn clear(&mut self) {
        *self = Self::new(self.length_max);
    }

    /// Removes a few entries whose time is over, more than one is added at a time, and one more if it must be.
    fn make_room(&mut self, now: Millis, tag_of: impl Fn(&Id) -> u32) {
        for _ in 0..FORGOTTEN_PER_NEW {
            let Some(slot) = self.entries.first(OLDEST_FIRST) else { return };
            let entry = self.entries.at(slot);
            if self.length < self.length_max && entry.until > now {
                return;
            }
            let tag = tag_of(&entry.id);
            self.remove(slot, tag);
        }
    }

    fn remove(&mut self, slot: Slot, tag: u32) {
        self.entries.remove(slot);
        self.index.remove(tag, slot);
        self.length -= 1;
    }

    #[inline]
    fn slot(&self, key: Key<'_, Id>) -> Option<Slot> {
        self.index.find(key.tag(), |slot| self.entries.at(slot).id == *key.name)
    }
}

const OLDEST_FIRST: List = 0;
const FORGOTTEN_PER_NEW: usize = 3;

#[cfg(test)]
mod tests {
    use foldhash::quality::RandomState;

    use super::*;

    fn add(part: &mut Part, keys: &RandomState, id: usize, now: Millis, until: Millis) {
        let id = Id::new(&id.to_string()).unwrap();
        part.find_or_insert(Key::new(&id, keys), now, until, |id| Key::new(id, keys).tag());
    }

    #[test]
    fn those_that_beat_no_more_make_room() {
        let (mut part, keys) = (Part::new(1_000), RandomState::default());
        (0..100).for_each(|id| add(&mut part, &keys, id, 0, 50));
        // One of them goes on.
        add(&mut part, &keys, 0, 40, 90);
        (100..160).for_each(|id| add(&mut part, &keys, id, 60, 110));
        assert_eq!(part.length, 61);
        assert!(part.find(Key::new(&Id::new("0").unwrap(), &keys)).is_some());
    }

    #[test]
    fn full_part_forgets_the_first() {
        let (mut part, keys) = (Part::new(3), RandomState::default());
        (0..5).for_each(|id| add(&mut part, &keys, id, 0, 50));
        let known = |part: &mut Part, id: &str| part.find(Key::new(&Id::new(id).unwrap(), &keys)).is_some();
        assert_eq!(
            ["0", "1", "2", "3", "4"].map(|id| known(&mut part, id)),
            [false, false, true, true, true]
        );
        assert_eq!((part.length, part.entries.end()), (3, 3));
    }
}
