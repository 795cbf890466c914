//! What the committing thread has at hand of what it wrote lately.
//!
//! With it the next sequence needs no look into the tables, nor does the row of a member. This
//! module is pure.

use std::collections::HashMap;
use std::hash::BuildHasher as _;
use std::mem;

use fjall::Slice;

use super::records::{Extent, Row};
use crate::MemberId;

/// Bounded maps of what lies in the tables.
///
/// A value that is here is the same there; one that is not here may be there.
#[derive(Debug)]
pub(super) struct Recent {
    /// By what the keys of a box begin with.
    extents: Generations<Extent>,
    /// By the key of the row.
    rows: Generations<Row>,
    /// By what the keys of a history begin with: to whom it was sent last, all of whom have a row.
    audiences: Generations<Audience>,
    seeds: [foldhash::quality::RandomState; 2],
}

/// A digest of distinct members, in whatever order.
///
/// Its seeds are made at random for each [`Recent`], so nobody can find two sets that digest
/// alike.
pub(super) type Audience = [u64; 2];

impl Recent {
    /// Creates empty maps of at most twice `half_max` keys each.
    pub(super) fn new(half_max: usize) -> Self {
        Self {
            extents: Generations::new(half_max),
            rows: Generations::new(half_max),
            audiences: Generations::new(half_max),
            seeds: Default::default(),
        }
    }

    /// Returns the extent of a box, if it is known.
    pub(super) fn get(&self, key: &[u8]) -> Option<Extent> {
        self.extents.get(key)
    }

    /// Notes the extent of a box.
    pub(super) fn insert(&mut self, key: Slice, extent: Extent) {
        self.extents.insert(key, extent);
    }

    /// Returns a row, if it is known.
    pub(super) fn row(&self, key: &[u8]) -> Option<Row> {
        self.rows.get(key)
    }

    /// Notes a row, or that there is none any more.
    pub(super) fn note_row(&mut self, key: Slice, row: Option<Row>) {
        match row {
            Some(row) => self.rows.insert(key, row),
            None => self.rows.remove(&key),
        }
    }

    /// Returns which members of a history have a row and have not left, if that is known of any.
    pub(super) fn audience(&self, history: &[u8]) -> Option<Audience> {
        self.audiences.get(history)
    }

    /// Notes that these members of a history have a row and have not left, or that it is not known
    /// of any.
    pub(super) fn note_audience(&mut self, history: Slice, audience: Option<Audience>) {
        match audience {
            Some(audience) => self.audiences.insert(history, audience),
            None => self.audiences.remove(&history),
        }
    }

    /// Digests distinct members.
    pub(super) fn digest<'m>(&self, members: impl IntoIterator<Item = &'m MemberId>) -> Audience {
        let mut digest = Audience::default();
        for member in members {
            for (sum, seed) in digest.iter_mut().zip(&self.seeds) {
                // The sum of them does not tell their order.
                *sum = sum.wrapping_add(seed.hash_one(member));
            }
        }
        digest
    }
}

/// A bounded map in two generations.
///
/// When the young one is full it becomes the old one, and the old one is forgotten. What is written
/// again stays, and no order of use is kept.
#[derive(Debug)]
struct Generations<V> {
    young: HashMap<Slice, V, foldhash::fast::RandomState>,
    old: HashMap<Slice, V, foldhash::fast::RandomState>,
    half_max: usize,
}

impl<V: Copy> Generations<V> {
    fn new(half_max: usize) -> Self {
        Self { young: HashMap::default(), old: HashMap::default(), half_max }
    }

    fn insert(&mut self, key: Slice, value: V) {
        // A box is used by writing to it, which comes by here with its new end. So a busy box is
        // copied into the young half whenever the halves change, although `get` moves nothing.
        if self.young.len() >= self.half_max && !self.young.contains_key(&key) {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(key, value);
    }

    fn remove(&mut self, key: &[u8]) {
        self.young.remove(key);
        self.old.remove(key);
    }

    fn get(&self, key: &[u8]) -> Option<V> {
        self.young.get(key).or_else(|| self.old.get(key)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seq;

    fn extent(number: u64) -> Extent {
        Extent { top: Seq::new(number).unwrap(), last_ms: number, ..Extent::default() }
    }

    #[test]
    fn the_latest_extent_counts_and_the_size_is_bounded() {
        let mut recent = Recent::new(10);
        for number in 1..=1_000 {
            recent.insert(b"busy".into(), extent(number));
            recent.insert(number.to_be_bytes().into(), extent(number));
            assert_eq!(recent.get(b"busy"), Some(extent(number)));
            assert_eq!(recent.get(&number.to_be_bytes()), Some(extent(number)));
            assert!(recent.extents.young.len() + recent.extents.old.len() <= 20);
        }
        assert_eq!(recent.get(&1_u64.to_be_bytes()), None);
    }

    #[test]
    fn a_row_that_was_removed_is_not_remembered_from_before() {
        let (mut recent, row) = (Recent::new(1), Row::default());
        recent.note_row(b"a".into(), Some(row));
        recent.note_row(b"b".into(), Some(row));
        assert_eq!((recent.row(b"a"), recent.row(b"b")), (Some(row), Some(row)));
        recent.note_row(b"a".into(), None);
        recent.note_row(b"b".into(), None);
        assert_eq!((recent.row(b"a"), recent.row(b"b")), (None, None));
    }

    #[test]
    fn members_digest_alike_in_any_order_and_others_do_not() {
        let recent = Recent::new(1);
        let digest = |ids: &[&str]| {
            let members: Vec<_> = ids.iter().map(|id| MemberId::new(*id).unwrap()).collect();
            recent.digest(&members)
        };
        assert_eq!(digest(&["a", "b"]), digest(&["a", "b"]));
        assert_eq!(digest(&["a", "b"]), digest(&["b", "a"]));
        for other in [&["a"][..], &["a", "c"], &["ab"], &["a", "b", "c"], &[]] {
            assert_ne!(digest(&["a", "b"]), digest(other), "{other:?}");
        }
    }
}
