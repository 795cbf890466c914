//! Where the entries of a time begin in a history.
//!
//! Times never fall there, so a few finds of some sequences each find the first entry of a time or
//! later. Entries that are missing are no obstacle.

use mongodb::bson::{Bson, doc};

use super::super::box_id::BoxId;
use super::super::shared::Shared;
use super::finds::{self, Source};
use super::lookups;
use crate::{PageRequest, Result, Seq};

/// How many sequences one find looks at.
const POINTS: u64 = 64;

/// Where the first entry of a time or later is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Search {
    at_ms: u64,
    /// The floor, or an entry that is earlier.
    low: Seq,
    /// An entry of that time or later, or the sequence behind the last entry.
    high: Seq,
}

/// Returns the request with the sequence that its time stands for, if it has one.
///
/// All that this takes is read on the primary: the finds of one search may meet two secondaries.
pub(super) async fn begun(shared: &Shared, history: &BoxId, request: PageRequest) -> Result<PageRequest> {
    let Some(at_ms) = request.at_ms else { return Ok(request) };
    let (head, newest) = lookups::ends(shared, history, Source::Primary).await?;
    let mut search = Search { at_ms, low: head.floor, high: newest.max(head.floor).next() };
    let end = search.high;
    while let Some(points) = search.points() {
        let found = times_at(shared, history, points).await?;
        if !search.narrow(&found) {
            break;
        }
    }
    let last_read = if !request.backward {
        finds::before(search.high)
    } else if search.high == end {
        // Without an entry of that time or later all are before it, as 0 says.
        Seq::ZERO
    } else {
        search.high
    };
    Ok(PageRequest { last_read, ..request })
}

impl Search {
    /// Returns the sequences to look at; none when the place is found.
    fn points(&self) -> Option<Vec<Seq>> {
        let between = self.high.get().saturating_sub(self.low.get()).saturating_sub(1);
        let points = between.min(POINTS);
        // Evenly spaced; if there are no more, each of them.
        let point = |number: u64| {
            let offset = u128::from(between) * u128::from(number) / u128::from(points + 1);
            Seq::new(self.low.get() + 1 + u64::try_from(offset).ok()?).ok()
        };
        let points: Vec<_> = (1..=points).filter_map(point).collect();
        (!points.is_empty()).then_some(points)
    }

    /// Goes on between the entries that were found, ascending, and returns whether it came nearer.
    fn narrow(&mut self, found: &[(Seq, u64)]) -> bool {
        let earlier = found.partition_point(|(_, at_ms)| *at_ms < self.at_ms);
        let (earlier, later) = found.split_at(earlier);
        let before = *self;
        self.low = earlier.last().map_or(self.low, |(seq, _)| *seq);
        self.high = later.first().map_or(self.high, |(seq, _)| *seq);
        *self != before
    }
}

/// Returns the times of the entries at these sequences, as far as they are there.
async fn times_at(shared: &Shared, history: &BoxId, points: Vec<Seq>) -> Result<Vec<(Seq, u64)>> {
    let history = history.clone();
    let read = shared.database.call(move |collections| async move {
        let seqs: Vec<_> = points.iter().map(|seq| Bson::Int64(seq.to_i64())).collect();
        let filter = doc! { "id": history.as_str(), "seq": { "$in": seqs } };
        let find = Source::Primary.entries(history.side(), &collections).find(filter).sort(doc! { "seq": 1 });
        let mut cursor = find.projection(doc! { "seq": 1, "at": 1 }).await?;
        let mut found = Vec::with_capacity(points.len());
        while cursor.advance().await? {
            let document = cursor.current();
            found.push((finds::seq_of(document), finds::at_of(document)));
        }
        Ok(found)
    });
    read.await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    /// Looks for a time among entries, and returns its first entry with the number of finds.
    fn search(at_ms: u64, floor: u64, entries: &[(u64, u64)]) -> (u64, usize) {
        let high = entries.last().map_or(floor, |(number, _)| *number) + 1;
        let mut search = Search { at_ms, low: seq(floor), high: seq(high) };
        let mut finds = 0;
        while let Some(points) = search.points() {
            assert!(
                points.is_sorted() && points.iter().all(|point| *point > search.low && *point < search.high)
            );
            finds += 1;
            let there = |point: Seq| {
                let at = entries.binary_search_by_key(&point.get(), |(number, _)| *number).ok()?;
                Some((point, entries[at].1))
            };
            let found: Vec<_> = points.into_iter().filter_map(there).collect();
            if !search.narrow(&found) {
                break;
            }
        }
        (search.high.get(), finds)
    }

    #[test]
    fn the_first_entry_of_a_time_or_later_is_found() {
        let entries = [(3, 10), (4, 20), (5, 20), (6, 30)];
        for (at_ms, first) in [(0, 3), (10, 3), (11, 4), (20, 4), (21, 6), (30, 6), (31, 7)] {
            assert_eq!(search(at_ms, 2, &entries).0, first, "{at_ms}");
        }
        assert_eq!(search(5, 2, &[]), (3, 0));
    }

    #[test]
    fn a_long_history_needs_few_finds() {
        let entries: Vec<_> = (1..=1_000_000).map(|number| (number, number / 3 * 3)).collect();
        for at_ms in [1, 2, 500_000, 777_777, 999_999] {
            let (first, finds) = search(at_ms, 0, &entries);
            assert_eq!(first, at_ms.div_ceil(3) * 3, "{at_ms}");
            assert!(finds <= 5, "{finds}");
        }
    }

    #[test]
    fn what_is_missing_is_no_obstacle() {
        let entries: Vec<_> = (1..=100_000).filter(|number| number % 7 > 2).map(|n| (n, n)).collect();
        for at_ms in [3, 40_000, 70_001, 99_999] {
            let first = entries.iter().find(|(_, there)| *there >= at_ms).unwrap().0;
            let found = search(at_ms, 0, &entries).0;
            let is_near = entries.iter().all(|(number, there)| *number >= found || *there < at_ms);
            assert!(found >= first && is_near, "{at_ms}: {found} instead of {first}");
        }
    }
}
