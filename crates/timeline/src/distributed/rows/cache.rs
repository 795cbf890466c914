//! The rows that are known to be there, so that sends do not write them again.
//!
//! Who leaves or is forgotten by way of this node is taken out at once. Other nodes say so when it
//! is by way of them, a moment later. As that may get lost, what is known here is believed for a
//! few minutes only.

use std::collections::HashSet;
use std::time::Duration;

use parking_lot::Mutex;
use quick_cache::sync::Cache;
use tokio::time::Instant;

use super::super::entry_id::EntryId;
use crate::MemberId;

/// How many rows are known at most.
const ROWS_MAX: usize = 200_000;

/// How long a row is believed to be there, and its member to be in the conversation.
const BELIEVED_FOR: Duration = Duration::from_secs(300);

/// The rows that this node knows, of members who are in their conversations.
pub(in crate::distributed) struct RowsCache {
    rows: Cache<EntryId, Known>,
    /// Locked while rows are added or taken out, so that none is added behind its departure.
    departures: Mutex<u64>,
}

#[derive(Clone)]
struct Known {
    member: MemberId,
    until: Instant,
}

/// How many departures there were before rows were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Departures(u64);

impl RowsCache {
    pub(in crate::distributed) fn new() -> Self {
        Self { rows: Cache::new(ROWS_MAX), departures: Mutex::new(0) }
    }

    /// Returns whether a row is there, and its member in the conversation.
    pub(super) fn has(&self, row: &EntryId, now: Instant) -> bool {
        self.rows.get(row).is_some_and(|known| now < known.until)
    }

    /// Returns what [`note`](Self::note) needs; call it before the rows are written.
    pub(super) fn departures(&self) -> Departures {
        Departures(*self.departures.lock())
    }

    /// Notes rows that were written, unless anybody has left or was forgotten meanwhile.
    ///
    /// Whether the one who left has one of these rows does not matter: the next send writes them
    /// again.
    pub(super) fn note(
        &self,
        before: Departures,
        rows: impl IntoIterator<Item = (EntryId, MemberId)>,
        now: Instant,
    ) {
        let departures = self.departures.lock();
        if *departures != before.0 {
            return;
        }
        for (row, member) in rows {
            self.rows.insert(row, Known { member, until: now + BELIEVED_FOR });
        }
    }

    /// Takes out the rows of members who left a group, or may have.
    ///
    /// Call it when that is stored, and before the caller is answered.
    pub(in crate::distributed) fn left<'a>(&self, rows: impl IntoIterator<Item = &'a EntryId>) {
        let mut departures = self.departures.lock();
        *departures += 1;
        for row in rows {
            self.rows.remove(row);
        }
    }

    /// Takes out all rows of members.
    ///
    /// Call it when they were removed from the store, and before the caller is answered.
    pub(in crate::distributed) fn forget<'a>(&self, members: impl IntoIterator<Item = &'a MemberId>) {
        let members: HashSet<_> = members.into_iter().collect();
        let mut departures = self.departures.lock();
        *departures += 1;
        self.rows.retain(|_, known| !members.contains(&known.member));
    }

    /// Takes out all rows, as the store is another one.
    pub(in crate::distributed) fn clear(&self) {
        *self.departures.lock() += 1;
        self.rows.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str) -> MemberId {
        MemberId::new(id).unwrap()
    }

    fn row(number: u8) -> EntryId {
        EntryId::Ours([number; 16])
    }

    fn noted(now: Instant) -> RowsCache {
        let cache = RowsCache::new();
        let rows = [(row(1), member("a")), (row(2), member("b")), (row(3), member("a"))];
        cache.note(cache.departures(), rows, now);
        cache
    }

    #[test]
    fn a_row_is_known_for_five_minutes() {
        let now = Instant::now();
        let cache = noted(now);
        assert!(cache.has(&row(1), now) && !cache.has(&row(4), now));
        let later = |seconds| now + Duration::from_secs(seconds);
        assert!(cache.has(&row(1), later(299)) && !cache.has(&row(1), later(300)));
    }

    #[test]
    fn who_leaves_or_is_forgotten_is_known_no_longer() {
        let now = Instant::now();
        let cache = noted(now);
        cache.left(&[row(2)]);
        assert_eq!([1, 2, 3].map(|number| cache.has(&row(number), now)), [true, false, true]);
        cache.forget([&member("a")]);
        assert_eq!([1, 2, 3].map(|number| cache.has(&row(number), now)), [false; 3]);
        let cache = noted(now);
        cache.clear();
        assert_eq!([1, 2, 3].map(|number| cache.has(&row(number), now)), [false; 3]);
    }

    #[test]
    fn a_row_is_not_noted_behind_a_departure() {
        let now = Instant::now();
        let cache = RowsCache::new();
        let before = cache.departures();
        cache.left(&[row(1)]);
        cache.note(before, [(row(1), member("a"))], now);
        assert!(!cache.has(&row(1), now));
        cache.note(cache.departures(), [(row(1), member("a"))], now);
        assert!(cache.has(&row(1), now));
    }
}
