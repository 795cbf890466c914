//! Places of a box that are missing one behind the other.
//!
//! This module is pure.

use crate::Seq;

/// Missing places: all from the first to the last.
///
/// One may be as long as numbers go, so nobody lists the places of a whole one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Gap {
    pub(super) first: Seq,
    pub(super) last: Seq,
}

impl Gap {
    /// Returns the places from `first` to the one before `end`; none if there is no place.
    pub(super) fn between(first: Seq, end: Seq) -> Option<Self> {
        let last = Seq::new(end.get().checked_sub(1)?).ok()?;
        (first <= last).then_some(Self { first, last })
    }

    /// Returns how many places it has.
    pub(super) fn places(self) -> u64 {
        self.last.get() - self.first.get() + 1
    }

    /// Returns the first places of it, at most so many.
    pub(super) fn cut(self, most: u64) -> Option<Self> {
        let end = Seq::new(self.first.get().saturating_add(most)).unwrap_or(Seq::MAX);
        Self::between(self.first, end.min(self.last.next()))
    }

    /// Returns the places that both have; none if there is no such place.
    pub(super) fn shared_with(self, other: Self) -> Option<Self> {
        let (first, last) = (self.first.max(other.first), self.last.min(other.last));
        (first <= last).then_some(Self { first, last })
    }

    /// Returns each of the places.
    pub(super) fn each(self) -> impl Iterator<Item = Seq> {
        (self.first.get()..=self.last.get()).filter_map(|number| Seq::new(number).ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    fn gap(first: u64, last: u64) -> Gap {
        Gap { first: seq(first), last: seq(last) }
    }

    #[test]
    fn a_gap_lies_before_what_is_there() {
        assert_eq!(Gap::between(seq(4), seq(7)), Some(gap(4, 6)));
        assert_eq!((Gap::between(seq(7), seq(7)), Gap::between(seq(1), seq(0))), (None, None));
        assert_eq!(gap(4, 6).each().collect::<Vec<_>>(), [4, 5, 6].map(seq));
        assert_eq!(gap(4, 6).places(), 3);
    }

    #[test]
    fn a_gap_is_cut_to_its_first_places() {
        assert_eq!(gap(4, 6).cut(2), Some(gap(4, 5)));
        assert_eq!(gap(4, 6).cut(9), Some(gap(4, 6)));
        assert_eq!(gap(4, 6).cut(0), None);
        assert_eq!(gap(1, Seq::MAX.get() - 1).cut(u64::MAX), Some(gap(1, Seq::MAX.get() - 1)));
    }

    #[test]
    fn two_gaps_share_what_both_have() {
        assert_eq!(gap(4, 8).shared_with(gap(6, 9)), Some(gap(6, 8)));
        assert_eq!(gap(4, 8).shared_with(gap(9, 9)), None);
    }
}
