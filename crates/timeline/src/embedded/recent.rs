//! Where the boxes end that were written to lately.
//!
//! With it the next sequence needs no look into the tables. This module is pure.

use std::collections::HashMap;
use std::mem;

use super::records::Extent;

type Half = HashMap<Vec<u8>, Extent, foldhash::fast::RandomState>;

/// A bounded map from what the keys of a box begin with to where it begins and ends.
///
/// In two generations: when the young one is full it becomes the old one, and the old one is
/// forgotten. What is used stays, and no order of use is kept.
#[derive(Debug)]
pub(super) struct Recent {
    young: Half,
    old: Half,
    half_max: usize,
}

impl Recent {
    /// Creates an empty map of at most twice `half_max` keys.
    pub(super) fn new(half_max: usize) -> Self {
        Self { young: Half::default(), old: Half::default(), half_max }
    }

    /// Returns the extent of a box, if it is known.
    pub(super) fn get(&self, key: &[u8]) -> Option<Extent> {
        self.young.get(key).or_else(|| self.old.get(key)).copied()
    }

    /// Notes the extent of a box.
    pub(super) fn insert(&mut self, key: Vec<u8>, extent: Extent) {
        // A box is used by writing to it, which comes by here with its new end. So a busy box is
        // copied into the young half whenever the halves change, although `get` moves nothing.
        if self.young.len() >= self.half_max && !self.young.contains_key(&key) {
            self.old = mem::take(&mut self.young);
        }
        self.young.insert(key, extent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Seq;

    #[test]
    fn the_latest_extent_counts_and_the_size_is_bounded() {
        let mut recent = Recent::new(10);
        let seq = |number| Extent { floor: Seq::ZERO, top: Seq::new(number).unwrap() };
        for number in 1..=1_000 {
            recent.insert(b"busy".to_vec(), seq(number));
            recent.insert(number.to_be_bytes().to_vec(), seq(number));
            assert_eq!(recent.get(b"busy"), Some(seq(number)));
            assert_eq!(recent.get(&number.to_be_bytes()), Some(seq(number)));
            assert!(recent.young.len() + recent.old.len() <= 20);
        }
        assert_eq!(recent.get(&1_u64.to_be_bytes()), None);
    }
}
