//! The list of those who wait for inboxes.
//!
//! This module is pure.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hash::{BuildHasher as _, RandomState};
use std::mem;
use std::task::Waker;

use hashbrown::HashTable;

use super::RisenCursors;
use crate::MemberId;

/// Readers of inboxes, each at a place that is its own until it is removed.
///
/// ```text
/// inboxes  hash of a ──► 2      the reader of each inbox that came last, and from there on those
///          hash of b ──► 1      that came before it
///
/// places   0        1      2         3
///          a, END   b, END a, next 0 free
/// ```
///
/// The table of a map has many empty places, at worst more than are taken. So that these are small,
/// it has numbers, and the readers stand side by side.
#[derive(Default)]
pub(super) struct Readers {
    inboxes: HashTable<u32>,
    hasher: RandomState,
    // The last one is never free.
    places: Vec<Option<WaitingReader>>,
    // The free places, and such as are not there any more. The lowest one is taken first, so that
    // the end gets free when readers leave and others come.
    free: BinaryHeap<Reverse<u32>>,
    len: usize,
}

/// A reader of one inbox.
pub(super) struct WaitingReader {
    pub(super) member: MemberId,
    pub(super) waker: Option<Waker>,
    // The cursors that rose since the reader last took them. An idle one has none, and pays for no
    // more than the place where they would be.
    pub(super) cursors: Option<Box<RisenCursors>>,
    // The place of another reader of the inbox, or `END`.
    next: u32,
    // Whether a change came since the reader was last told of one.
    pub(super) has_changed: bool,
    // Whether it takes the cursors that rise; nobody frees those of one that does not.
    pub(super) takes_cursors: bool,
}

/// What the last reader of an inbox has in place of a next one.
const END: u32 = u32::MAX;

impl Readers {
    /// Adds a reader, and returns its place.
    ///
    /// Those of one inbox share the text of its id.
    pub(super) fn insert(&mut self, member: &MemberId) -> u32 {
        let place = self.free_place();
        let Self { inboxes, hasher, places, .. } = self;
        let hash = hasher.hash_one(member);
        let (mut member, mut next) = (member.clone(), END);
        if let Some(last) = inboxes.find_mut(hash, |last| is_of(places, *last, &member)) {
            next = mem::replace(last, place);
            member = at(places, next).map_or(member, |reader| reader.member.clone());
        } else {
            let hash_of =
                |place: &u32| at(places, *place).map_or(0, |reader| hasher.hash_one(&reader.member));
            inboxes.insert_unique(hash, place, hash_of);
        }
        if let Some(free) = places.get_mut(place as usize) {
            *free = Some(WaitingReader {
                member,
                waker: None,
                cursors: None,
                next,
                has_changed: false,
                takes_cursors: true,
            });
        }
        self.len += 1;
        place
    }

    /// Takes a reader out.
    pub(super) fn remove(&mut self, place: u32) -> Option<WaitingReader> {
        let removed = self.places.get_mut(place as usize)?.take()?;
        self.len -= 1;
        self.unlink(&removed, place);
        self.free.push(Reverse(place));
        self.give_back();
        Some(removed)
    }

    /// Returns the reader at a place.
    pub(super) fn get_mut(&mut self, place: u32) -> Option<&mut WaitingReader> {
        self.places.get_mut(place as usize)?.as_mut()
    }

    /// Returns whose inbox it is that the reader at a place reads.
    pub(super) fn member(&self, place: u32) -> Option<&MemberId> {
        at(&self.places, place).map(|reader| &reader.member)
    }

    /// Returns the inboxes that have readers, each once.
    pub(super) fn members(&self) -> Vec<MemberId> {
        let readers = self.inboxes.iter().filter_map(|last| at(&self.places, *last));
        readers.map(|reader| reader.member.clone()).collect()
    }

    /// Returns whether an inbox has readers.
    pub(super) fn contains(&self, member: &MemberId) -> bool {
        let hash = self.hasher.hash_one(member);
        self.inboxes.find(hash, |last| is_of(&self.places, *last, member)).is_some()
    }

    /// Does something with each reader of an inbox.
    pub(super) fn each(&mut self, member: &MemberId, mut act: impl FnMut(&mut WaitingReader)) {
        let (places, hash) = (&self.places, self.hasher.hash_one(member));
        let last = self.inboxes.find(hash, |last| is_of(places, *last, member));
        let mut place = last.map_or(END, |last| *last);
        while let Some(reader) = self.get_mut(place) {
            act(reader);
            place = reader.next;
        }
    }

    /// Does something with each reader.
    pub(super) fn all(&mut self, act: impl FnMut(&mut WaitingReader)) {
        self.places.iter_mut().flatten().for_each(act);
    }

    /// Returns how many readers there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Returns how many readers and inboxes there is room for.
    #[cfg(test)]
    pub(super) fn capacities(&self) -> [usize; 3] {
        [self.places.capacity(), self.inboxes.capacity(), self.free.capacity()]
    }

    fn free_place(&mut self) -> u32 {
        while let Some(Reverse(place)) = self.free.pop() {
            if (place as usize) < self.places.len() {
                return place;
            }
        }
        self.places.push(None);
        u32::try_from(self.places.len() - 1).expect("the memory ends before four thousand million readers")
    }

    /// Takes a reader that has left out of those of its inbox.
    fn unlink(&mut self, removed: &WaitingReader, place: u32) {
        let Self { inboxes, hasher, places, .. } = self;
        let hash = hasher.hash_one(&removed.member);
        let Ok(mut last) = inboxes.find_entry(hash, |last| *last == place) else {
            // Another one came later. Few read one inbox, so it is looked for from there.
            let last = inboxes.find(hash, |last| is_of(places, *last, &removed.member));
            let mut later = last.map_or(END, |last| *last);
            while let Some(Some(reader)) = places.get_mut(later as usize) {
                if reader.next == place {
                    reader.next = removed.next;
                    return;
                }
                later = reader.next;
            }
            return;
        };
        if removed.next == END {
            last.remove();
        } else {
            *last.get_mut() = removed.next;
        }
    }

    /// Gives back room for many after they have left, and not with each one.
    fn give_back(&mut self) {
        let Self { inboxes, hasher, places, free, .. } = self;
        while let Some(None) = places.last() {
            places.pop();
        }
        let places_len = places.len();
        if places_len * 4 < places.capacity() {
            places.shrink_to(places_len * 2);
        }
        if free.len() > places_len {
            free.retain(|Reverse(place)| (*place as usize) < places_len);
            free.shrink_to(places_len);
        }
        if inboxes.len() * 4 < inboxes.capacity() {
            let hash_of =
                |place: &u32| at(places, *place).map_or(0, |reader| hasher.hash_one(&reader.member));
            inboxes.shrink_to(inboxes.len() * 2, hash_of);
        }
    }
}

fn at(places: &[Option<WaitingReader>], place: u32) -> Option<&WaitingReader> {
    places.get(place as usize)?.as_ref()
}

fn is_of(places: &[Option<WaitingReader>], place: u32, member: &MemberId) -> bool {
    at(places, place).is_some_and(|reader| reader.member == *member)
}
