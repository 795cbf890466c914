//! Who is online as far as this process has heard: pure.
//!
//! Redis tells of keys that are written and keys that go, and the one who tells two arrivals from
//! one is the listener: it knows who is online already. What it cannot have heard, before it
//! listened or while it was cut off, it reads from the keys themselves, in a *round*:
//!
//! ```text
//!  begin ── found(id), for every page of a scan ── end ──────── let_go
//!      came(id), went(id), as ever                 those of earlier rounds are in doubt until then
//! ```
//!
//! The scan and the notifications come on two connections and say nothing about each other's order.
//! But a notification that is heard after `begin` is no older than any page, or is followed by
//! those that make it so: what was heard of an id in this round counts, and what was found does
//! not.

use std::collections::{BTreeMap, HashSet};
use std::ops::Bound;

use presence_core::Id;
use xxhash_rust::xxh3::xxh3_64;

/// The ids that are online.
#[derive(Debug, Default)]
pub(super) struct Mirror {
    /// With the number of the round in which each was last seen.
    ids: BTreeMap<HashedId, u32>,
    round: u32,
    /// The ids that went during the round that is under way; `None` between rounds.
    gone: Option<HashSet<Id>>,
    /// Whether a round has ever ended: until then an id that is not here may be online.
    complete: bool,
}

/// Where an id stands in listings: by hash, which fits into a cursor and is the same in every
/// process.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HashedId {
    pub(super) hash: u64,
    pub(super) id: Id,
}

impl HashedId {
    pub(super) fn new(id: Id) -> Self {
        Self { hash: xxh3_64(id.as_bytes()), id }
    }
}

impl Mirror {
    /// Says whether an id is online.
    pub(super) fn has(&self, id: &Id) -> bool {
        self.ids.contains_key(&HashedId::new(id.clone()))
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    /// Notes that a key was written, and says whether its id came online by it.
    pub(super) fn came(&mut self, id: Id) -> bool {
        if let Some(gone) = &mut self.gone {
            gone.remove(&id);
        }
        self.ids.insert(HashedId::new(id), self.round).is_none()
    }

    /// Notes that a key went, and says whether its id was online.
    pub(super) fn went(&mut self, id: Id) -> bool {
        let hashed = HashedId::new(id);
        let known = self.ids.remove(&hashed).is_some();
        let first = self.gone.as_mut().is_none_or(|gone| gone.insert(hashed.id));
        // Before the first round has ended an id may be online without being here.
        known || (!self.complete && first)
    }

    /// Begins a round, or begins it anew.
    pub(super) fn begin(&mut self) {
        self.round += 1;
        self.gone = Some(HashSet::new());
    }

    /// Notes that a key is there, and says whether its id came online unheard.
    ///
    /// In the first round of all nobody does: those found were online before.
    pub(super) fn found(&mut self, id: Id) -> bool {
        match &self.gone {
            Some(gone) if !gone.contains(&id) => {
                self.ids.insert(HashedId::new(id), self.round).is_none() && self.complete
            }
            _ => false,
        }
    }

    /// Ends the round.
    pub(super) fn end(&mut self) {
        self.gone = None;
        self.complete = true;
    }

    /// Lets those go that are in doubt, of at most `limit` ids behind `after`, and returns them and
    /// where to go on.
    ///
    /// Between rounds those are in doubt that were not seen in the last one.
    pub(super) fn let_go(&mut self, after: Option<&HashedId>, limit: usize) -> (Vec<Id>, Option<HashedId>) {
        let looked_at = self.ids.range(behind(after)).take(limit);
        let (mut gone, mut last) = (Vec::new(), None);
        for (hashed, seen) in looked_at {
            if *seen != self.round {
                gone.push(hashed.clone());
            }
            last = Some(hashed);
        }
        let last = last.cloned();
        for hashed in &gone {
            self.ids.remove(hashed);
        }
        (gone.into_iter().map(|hashed| hashed.id).collect(), last)
    }

    /// Returns those online behind `after`, at most `limit`.
    pub(super) fn list(&self, after: Option<&HashedId>, limit: usize) -> Vec<HashedId> {
        self.ids.range(behind(after)).take(limit).map(|(hashed, _)| hashed.clone()).collect()
    }

    /// Returns those online whose hash is greater than `after`, at most `limit`.
    pub(super) fn list_by_hash(&self, after: Option<u64>, limit: usize) -> Vec<HashedId> {
        let start = after.map_or(Some(0), |after| after.checked_add(1));
        let Some(hash) = start else { return Vec::new() };
        self.ids.range(least(hash)..).take(limit).map(|(hashed, _)| hashed.clone()).collect()
    }

    /// Returns those online from `hash` on that are not in doubt, at most `limit`.
    pub(super) fn sample(&self, hash: u64, limit: usize) -> Vec<HashedId> {
        let certain = self.ids.range(least(hash)..).take(limit).filter(|(_, seen)| **seen == self.round);
        certain.map(|(hashed, _)| hashed.clone()).collect()
    }
}

fn behind(after: Option<&HashedId>) -> (Bound<&HashedId>, Bound<&HashedId>) {
    (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded)
}

/// The place before all others of a hash.
fn least(hash: u64) -> HashedId {
    HashedId {
        hash,
        id: Id::new(" ").expect("a space is no control character, and no other text is before it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> Id {
        Id::new(text).unwrap()
    }

    fn ids(hashed: &[HashedId]) -> Vec<&str> {
        let mut ids: Vec<_> = hashed.iter().map(|hashed| hashed.id.as_str()).collect();
        ids.sort_unstable();
        ids
    }

    /// A mirror that has read `there` in its first round.
    fn mirror(there: &[&str]) -> Mirror {
        let mut mirror = Mirror::default();
        mirror.begin();
        for text in there {
            assert!(!mirror.found(id(text)), "they were online before");
        }
        mirror.end();
        mirror
    }

    #[test]
    fn second_arrival_and_second_departure_are_none() {
        let mut mirror = mirror(&["a"]);
        assert!(!mirror.came(id("a")));
        assert!(mirror.came(id("b")) && !mirror.came(id("b")));
        assert!(mirror.went(id("a")) && !mirror.went(id("a")));
        assert!(!mirror.went(id("nobody")));
        assert_eq!(ids(&mirror.list(None, 9)), ["b"]);
    }

    #[test]
    fn before_the_first_round_has_ended_who_goes_was_online() {
        let mut mirror = Mirror::default();
        mirror.begin();
        assert!(mirror.went(id("a")) && !mirror.went(id("a")));
        assert!(!mirror.found(id("a")), "found before it went, and read after that");
        assert!(mirror.came(id("a")));
        mirror.end();
        assert!(!mirror.went(id("b")));
    }

    #[test]
    fn what_was_heard_in_a_round_counts_more_than_what_was_found() {
        let mut mirror = mirror(&["a", "b"]);
        mirror.begin();
        assert!(mirror.went(id("a")));
        assert!(!mirror.found(id("a")));
        assert!(mirror.went(id("b")) && mirror.came(id("b")));
        assert!(!mirror.found(id("b")));
        assert!(mirror.found(id("c")), "it came while nobody listened");
        mirror.end();
        assert_eq!(ids(&mirror.list(None, 9)), ["b", "c"]);
    }

    #[test]
    fn who_was_not_found_goes_unless_it_comes_back() {
        let mut mirror = mirror(&["a", "b", "c", "d"]);
        mirror.begin();
        assert!(!mirror.found(id("a")));
        mirror.end();
        assert_eq!(mirror.len(), 4);
        assert!(!mirror.came(id("b")));
        assert!(mirror.went(id("c")));
        assert_eq!(ids(&mirror.sample(0, 9)), ["a", "b"]);
        let (mut gone, mut after) = (Vec::new(), None);
        loop {
            let (more, last) = mirror.let_go(after.as_ref(), 1);
            gone.extend(more);
            if last.is_none() {
                break;
            }
            after = last;
        }
        assert_eq!(gone, [id("d")]);
        assert_eq!(ids(&mirror.list(None, 9)), ["a", "b"]);
    }

    #[test]
    fn pages_follow_each_other_by_place_and_by_hash() {
        let names: Vec<_> = (0..100).map(|number| number.to_string()).collect();
        let mirror = mirror(&names.iter().map(String::as_str).collect::<Vec<_>>());
        let (mut by_place, mut by_hash) = (Vec::new(), Vec::new());
        loop {
            let page = mirror.list(by_place.last(), 7);
            assert_eq!(page, mirror.list_by_hash(by_hash.last().map(|hashed: &HashedId| hashed.hash), 7));
            if page.is_empty() {
                break;
            }
            by_place.extend(page.clone());
            by_hash.extend(page);
        }
        assert_eq!(by_place.len(), 100);
        assert_eq!(mirror.list_by_hash(Some(u64::MAX), 7), []);
    }
}
