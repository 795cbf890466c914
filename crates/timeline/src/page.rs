//! Which entries a reader asks for, and the check that none is skipped.
//!
//! This module is pure.

use crate::{Entry, Error, ErrorKind, Result, Seq, Tag};

/// How many entries a reader gets when it does not say.
pub const COUNT_DEFAULT: usize = 100;

/// The most entries that one page has.
pub const COUNT_MAX: usize = 1_000;

/// The most [bytes](Entry::bytes) of entries that one page has: 1 MiB.
///
/// A single entry may be larger. A page that ends early is not an error, because readers go on
/// until they reach `latest_seq` anyway.
pub const PAGE_BYTES_MAX: usize = 1024 * 1024;

/// How far a reader has read an inbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Position {
    /// The sequence of the last entry that it has; 0 for none.
    pub sequence: Seq,
    /// The tag of that entry, if the reader knows it.
    ///
    /// With it, a store that was restored from a backup is noticed.
    pub tag: Option<Tag>,
}

impl Position {
    /// Creates a position.
    #[must_use]
    pub fn new(sequence: Seq, tag: Option<Tag>) -> Self {
        Self { sequence, tag }
    }
}

impl From<Seq> for Position {
    fn from(sequence: Seq) -> Self {
        Self { sequence, tag: None }
    }
}

/// How many entries one read returns at most: 1 to 1,000, 100 by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(usize);

impl Count {
    /// Creates a count: 0 means 100, and more than 1,000 means 1,000.
    ///
    /// A larger one is not an error, because readers go on until they reach `latest_seq` anyway.
    #[must_use]
    pub fn new(count: usize) -> Self {
        if count == 0 { Self::default() } else { Self(count.min(COUNT_MAX)) }
    }

    /// Returns the number of entries.
    #[must_use]
    pub fn get(self) -> usize {
        self.0
    }
}

impl Default for Count {
    fn default() -> Self {
        Self(COUNT_DEFAULT)
    }
}

impl TryFrom<i32> for Count {
    type Error = Error;

    fn try_from(count: i32) -> Result<Self> {
        match usize::try_from(count) {
            Ok(count) => Ok(Self::new(count)),
            Err(_) => Err(Error::invalid(format!("{count} is negative; it must be 0 or more"))),
        }
    }
}

/// The part of a history that a reader asks for.
///
/// The entries of a page ascend in both directions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PageRequest {
    /// Where the page starts, exclusive.
    ///
    /// Backwards, 0 means from the newest.
    pub last_read: Seq,
    /// How many entries it has at most.
    pub count: Count,
    /// Whether the page has the entries before `last_read`.
    ///
    /// If not, it has those after it.
    pub backward: bool,
    /// A time that takes the place of `last_read`, if it is given.
    ///
    /// In milliseconds since 1970. Forwards the page begins with the first entry of that time or
    /// later; backwards it ends before that one. Times never fall within a history, also when the
    /// clock is set back.
    pub at_ms: Option<u64>,
}

impl PageRequest {
    /// Returns the page of the oldest entries after `last_read`.
    #[must_use]
    pub fn after(last_read: Seq, count: Count) -> Self {
        Self { last_read, count, backward: false, at_ms: None }
    }

    /// Returns the page of the newest entries before `last_read`.
    ///
    /// If `last_read` is 0, it is the page of the newest of all.
    #[must_use]
    pub fn before(last_read: Seq, count: Count) -> Self {
        Self { last_read, count, backward: true, at_ms: None }
    }

    /// Returns the page of the oldest entries from a time on.
    ///
    /// The time is in milliseconds since 1970.
    #[must_use]
    pub fn since(at_ms: u64, count: Count) -> Self {
        Self { last_read: Seq::ZERO, count, backward: false, at_ms: Some(at_ms) }
    }

    /// Returns the page of the newest entries before a time.
    ///
    /// The time is in milliseconds since 1970.
    #[must_use]
    pub fn until(at_ms: u64, count: Count) -> Self {
        Self { last_read: Seq::ZERO, count, backward: true, at_ms: Some(at_ms) }
    }

    /// Returns the first and the last sequence of this page, if it has any.
    ///
    /// The box has the entries after `floor` up to `latest`. Whoever asks has put the sequence into
    /// `last_read` that the time stands for.
    #[must_use]
    pub fn bounds(self, floor: Seq, latest: Seq) -> Option<(Seq, Seq)> {
        let count = self.count.get() as u64;
        let (first, last) = if self.backward {
            // `last_read` is exclusive, and a page begins above the floor however many are asked
            // for.
            let last = match self.last_read.get() {
                0 => latest.get(),
                bound => latest.get().min(bound - 1),
            };
            (last.saturating_sub(count).max(floor.get()) + 1, last)
        } else {
            let first = self.last_read.max(floor).next().get();
            (first, latest.get().min(first.saturating_add(count - 1)))
        };
        if first > last || last == 0 {
            return None;
        }
        Some((Seq::new(first).ok()?, Seq::new(last).ok()?))
    }
}

/// Checks that `entries` are exactly those from `first` to `last`.
///
/// # Errors
///
/// [`Corrupt`](crate::ErrorKind::Corrupt) when one is missing: a reader that went on after a gap
/// would never see it.
pub fn check_contiguous(entries: &[Entry], first: Seq, last: Seq) -> Result<()> {
    let mut expected = first;
    for entry in entries {
        if entry.sequence != expected {
            return Err(gap(expected));
        }
        expected = expected.next();
    }
    // The loop finds a hole before the last entry; the length finds what is missing at the end.
    if entries.len() as u64 == last.get() + 1 - first.get() { Ok(()) } else { Err(gap(expected)) }
}

fn gap(missing: Seq) -> Error {
    let text = format!("the store is damaged: the entry with sequence {missing} is missing");
    Error::new(ErrorKind::Corrupt, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Message;

    fn bounds(page: PageRequest, latest: u64) -> Option<(u64, u64)> {
        above(page, 0, latest)
    }

    fn above(page: PageRequest, floor: u64, latest: u64) -> Option<(u64, u64)> {
        page.bounds(seq(floor), seq(latest)).map(|(first, last)| (first.get(), last.get()))
    }

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    #[test]
    fn forward_pages_start_after_last_read() {
        let page = |last_read| PageRequest::after(seq(last_read), Count::new(3));
        assert_eq!(bounds(page(0), 10), Some((1, 3)));
        assert_eq!(bounds(page(8), 10), Some((9, 10)));
        assert_eq!(bounds(page(10), 10), None);
        assert_eq!(bounds(page(99), 10), None);
        assert_eq!(bounds(page(0), 0), None);
        assert_eq!(bounds(page(Seq::MAX.get()), 10), None);
    }

    #[test]
    fn backward_pages_end_before_last_read_or_at_the_newest() {
        let page = |last_read| PageRequest::before(seq(last_read), Count::new(3));
        assert_eq!(bounds(page(0), 10), Some((8, 10)));
        assert_eq!(bounds(page(8), 10), Some((5, 7)));
        assert_eq!(bounds(page(3), 10), Some((1, 2)));
        assert_eq!(bounds(page(1), 10), None);
        assert_eq!(bounds(page(99), 10), Some((8, 10)));
        assert_eq!(bounds(page(0), 0), None);
    }

    #[test]
    fn pages_begin_above_the_floor() {
        let after = |last_read| PageRequest::after(seq(last_read), Count::new(3));
        assert_eq!(above(after(0), 4, 10), Some((5, 7)));
        assert_eq!(above(after(5), 4, 10), Some((6, 8)));
        assert_eq!(above(after(0), 10, 10), None);
        let before = |last_read| PageRequest::before(seq(last_read), Count::new(3));
        assert_eq!(above(before(7), 4, 10), Some((5, 6)));
        assert_eq!(above(before(5), 4, 10), None);
        assert_eq!(above(before(0), 10, 10), None);
    }

    #[test]
    fn counts_default_to_100_and_stop_at_1000() {
        assert_eq!(Count::new(0).get(), 100);
        assert_eq!(Count::new(1_001).get(), 1_000);
        assert_eq!(Count::try_from(7).unwrap().get(), 7);
        assert_eq!(Count::try_from(-1).unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    #[test]
    fn a_missing_entry_is_noticed_at_the_start_in_the_middle_and_at_the_end() {
        let entries = |numbers: &[u64]| -> Vec<Entry> {
            numbers.iter().map(|&number| Entry::new(seq(number), Message::from_stored("{}"))).collect()
        };
        assert!(check_contiguous(&entries(&[4, 5, 6]), seq(4), seq(6)).is_ok());
        for holed in [&[5, 6][..], &[4, 6], &[4, 5], &[]] {
            let error = check_contiguous(&entries(holed), seq(4), seq(6)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
        }
    }
}
