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
use crate::{MemberId, Seq};

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

/// What is known of a row.
#[derive(Debug, Clone)]
pub(super) struct KnownRow {
    pub(super) member: MemberId,
    /// The row says this or less.
    pub(super) joined: Seq,
    /// The row says this or more.
    pub(super) read: Seq,
}

#[derive(Clone)]
struct Known {
    row: KnownRow,
    until: Instant,
}

/// How many departures there were before rows were written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Departures(u64);

impl RowsCache {
    pub(in crate::distributed) fn new() -> Self {
        Self { rows: Cache::new(ROWS_MAX), departures: Mutex::new(0) }
    }

    /// Returns whether a row has what a send would write, and its member is in the conversation.
    ///
    /// `joined` is what was there before the send, `read` where the cursor of its sender is to be.
    /// Of the first sends of a moment a later one may be written before: the row has to say less
    /// then.
    pub(super) fn covers(&self, row: &EntryId, joined: Seq, read: Option<Seq>, now: Instant) -> bool {
        self.rows.get(row).is_some_and(|Known { row, until }| {
            now < until && row.joined <= joined && read.is_none_or(|read| read <= row.read)
        })
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
        rows: impl IntoIterator<Item = (EntryId, KnownRow)>,
        now: Instant,
    ) {
        let departures = self.departures.lock();
        if *departures != before.0 {
            return;
        }
        for (key, mut row) in rows {
            if let Some(known) = self.rows.get(&key).filter(|known| now < known.until) {
                row.joined = row.joined.min(known.row.joined);
                row.read = row.read.max(known.row.read);
            }
            self.rows.insert(key, Known { row, until: now + BELIEVED_FOR });
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
        self.rows.retain(|_, known| !members.contains(&known.row.member));
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

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    fn row(number: u8) -> EntryId {
        EntryId::Ours([number; 16])
    }

    /// A row of a member by the send at a place, who has sent it or not.
    fn written(id: &str, place: u64, is_sender: bool) -> KnownRow {
        let read = if is_sender { seq(place) } else { Seq::ZERO };
        KnownRow { member: member(id), joined: seq(place - 1), read }
    }

    fn noted(now: Instant) -> RowsCache {
        let cache = RowsCache::new();
        let rows = [(1, "a"), (2, "b"), (3, "a")].map(|(key, id)| (row(key), written(id, 5, false)));
        cache.note(cache.departures(), rows, now);
        cache
    }

    /// Whether a row is known for a send at this place to its member.
    fn has(cache: &RowsCache, key: u8, now: Instant) -> bool {
        cache.covers(&row(key), seq(4), None, now)
    }

    #[test]
    fn a_row_is_known_for_five_minutes() {
        let now = Instant::now();
        let cache = noted(now);
        assert!(has(&cache, 1, now) && !has(&cache, 4, now));
        let later = |seconds| now + Duration::from_secs(seconds);
        assert!(has(&cache, 1, later(299)) && !has(&cache, 1, later(300)));
    }

    #[test]
    fn a_row_is_written_again_for_a_send_before_the_first_that_is_known() {
        let now = Instant::now();
        let cache = noted(now);
        let is_known = |place: u64| cache.covers(&row(1), seq(place - 1), None, now);
        assert!(is_known(5) && is_known(6) && !is_known(4), "4 would be hidden");
        cache.note(cache.departures(), [(row(1), written("a", 4, false))], now);
        cache.note(cache.departures(), [(row(1), written("a", 7, false))], now);
        assert!(is_known(4) && !is_known(3));
    }

    #[test]
    fn a_cursor_of_a_sender_that_is_as_far_already_is_not_written_again() {
        let now = Instant::now();
        let cache = noted(now);
        let is_known = |place: u64| cache.covers(&row(1), seq(place - 1), Some(seq(place)), now);
        assert!(!is_known(5), "the row is known, and how far its member has read is not");
        cache.note(cache.departures(), [(row(1), written("a", 7, true))], now);
        cache.note(cache.departures(), [(row(1), written("a", 6, false))], now);
        assert!(is_known(7) && is_known(5) && !is_known(8));
    }

    #[test]
    fn who_leaves_or_is_forgotten_is_known_no_longer() {
        let now = Instant::now();
        let cache = noted(now);
        cache.left(&[row(2)]);
        assert_eq!([1, 2, 3].map(|key| has(&cache, key, now)), [true, false, true]);
        cache.forget([&member("a")]);
        assert_eq!([1, 2, 3].map(|key| has(&cache, key, now)), [false; 3]);
        let cache = noted(now);
        cache.clear();
        assert_eq!([1, 2, 3].map(|key| has(&cache, key, now)), [false; 3]);
    }

    #[test]
    fn a_row_is_not_noted_behind_a_departure() {
        let now = Instant::now();
        let cache = RowsCache::new();
        let before = cache.departures();
        cache.left(&[row(1)]);
        cache.note(before, [(row(1), written("a", 5, false))], now);
        assert!(!has(&cache, 1, now));
        cache.note(cache.departures(), [(row(1), written("a", 5, false))], now);
        assert!(has(&cache, 1, now));
    }
}
