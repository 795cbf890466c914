//! What leaves a history: the texts of its copies.

use std::iter::once;
use std::time::Duration;

use mongodb::bson::doc;
use tokio::time::{Instant, sleep};

use super::settle::settle;
use super::{copies, stored};
use crate::distributed::box_id::{BoxId, Side};
use crate::distributed::documents::EntryDoc;
use crate::distributed::send::Operation;
use crate::distributed::send::insert::close_holes;
use crate::distributed::shared::Shared;
use crate::distributed::{ack, read};
use crate::{EntryKind, Error, ErrorKind, Result, Seq};

/// How many entries are freed at a time: at first, and at most.
const ENTRIES_FIRST: u16 = 100;
const ENTRIES_MAX: u16 = 1_000;

/// How long one step takes, as near as a number of entries can bring it.
///
/// A step has a read, an update for each 2,000 copies, and a note of how far it is. With 100
/// entries of two members each it is mostly the confirmations that take the time, ten thousand
/// times for a million of them. With a group of thousands the updates do.
const STEP: Duration = Duration::from_millis(200);

/// The most places that may be missing between two entries because they are written still.
///
/// A larger gap is none of writers: the Go service left it, or somebody with a shell.
const GAP_MAX: u64 = 10_000;

/// How long the waits for missing entries are.
const PAUSE: Duration = Duration::from_millis(25);

/// Takes the texts of a history from inboxes, up to a place: its floor, or one that is to be that.
///
/// Every place up to there has an entry then, so that a send which was late takes a later one; each
/// change that was begun is finished, and each copy is without its text. `pruned` of the head says
/// up to where that is done, and where another node goes on.
pub(in crate::distributed) async fn free(shared: &Shared, history: &BoxId, to: Seq) -> Result<()> {
    let until = Instant::now() + shared.config.grace;
    let mut pruned = read::head(shared, history).await?.pruned;
    let mut most = ENTRIES_FIRST;
    while pruned < to {
        let begun = Instant::now();
        let (entries, last) = without_gaps(shared, history, pruned, to, most, until).await?;
        for changing in entries.iter().filter(|entry| entry.change.is_some()) {
            settle(shared, history, changing.seq).await?;
        }
        let messages = entries.into_iter().filter(has_texts).map(Operation::stored);
        copies::expire(shared, &messages.collect::<Result<Vec<_>>>()?).await?;
        ack::raise(shared, history, &doc! { "pruned": last.to_i64() }).await?;
        pruned = last;
        most = next_step(most, begun.elapsed());
    }
    Ok(())
}

/// Returns how many entries the next step has, after one of so many that took so long.
fn next_step(entries: u16, took: Duration) -> u16 {
    if took > 2 * STEP {
        (entries / 2).max(1)
    } else if took < STEP / 2 {
        entries.saturating_mul(2).min(ENTRIES_MAX)
    } else {
        entries
    }
}

/// Returns whether there are copies with the text of an entry, as far as the store knows.
fn has_texts(entry: &EntryDoc) -> bool {
    entry.entry.kind == EntryKind::Message && entry.record.is_some()
}

/// Returns the next entries behind a place, without their texts, and how far they reach.
///
/// Missing ones are waited for until the grace is over, and then their places are closed. What is
/// missing still may be written later, and its copies would keep their text: that is an error.
async fn without_gaps(
    shared: &Shared,
    history: &BoxId,
    after: Seq,
    to: Seq,
    most: u16,
    until: Instant,
) -> Result<(Vec<EntryDoc>, Seq)> {
    let mut is_closed = false;
    loop {
        let (entries, is_cut) = stored::entries_without_texts(shared, history, after, to, most).await?;
        let last = entries.last().filter(|_| is_cut).map_or(to, |last| last.seq);
        let missing = gaps(after, last, entries.iter().map(|entry| (entry.seq, entry.entry.at_ms)));
        if missing.is_empty() {
            return Ok((entries, last));
        }
        if is_closed {
            let text = format!(
                "{} places of the history {history} could not be closed, so its texts stay for now; \
                 try again",
                missing.len()
            );
            return Err(Error::new(ErrorKind::Unavailable, text));
        }
        if Instant::now() < until {
            sleep(PAUSE).await;
            continue;
        }
        let holes = missing.into_iter().map(|(seq, at_ms)| EntryDoc::hole(history, seq, at_ms));
        close_holes(&shared.database, Side::History, holes.collect()).await;
        is_closed = true;
    }
}

/// Returns the places behind `after` and up to `last` that have no entry, with the times that their
/// tombstones get.
///
/// That is the time of the entry below, or above if there is none: times never fall in a history.
fn gaps(after: Seq, last: Seq, there: impl Iterator<Item = (Seq, u64)>) -> Vec<(Seq, u64)> {
    let (mut missing, mut next, mut below_ms) = (Vec::new(), after.next(), None);
    for (seq, at_ms) in there.chain(once((last.next(), 0))) {
        if seq.get().saturating_sub(next.get()) <= GAP_MAX {
            let places = (next.get()..seq.get()).filter_map(|number| Seq::new(number).ok());
            missing.extend(places.map(|place| (place, below_ms.unwrap_or(at_ms))));
        }
        (next, below_ms) = (seq.next(), Some(at_ms));
    }
    missing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    fn missing(after: u64, last: u64, there: &[u64]) -> Vec<u64> {
        let there = there.iter().map(|number| (seq(*number), 7));
        gaps(seq(after), seq(last), there).into_iter().map(|(place, _)| place.get()).collect()
    }

    #[test]
    fn gaps_lie_before_between_and_behind_entries() {
        assert!(missing(0, 3, &[1, 2, 3]).is_empty() && missing(7, 7, &[]).is_empty());
        assert_eq!(missing(0, 3, &[]), [1, 2, 3]);
        assert_eq!(missing(4, 12, &[6, 7, 10]), [5, 8, 9, 11, 12]);
        assert!(missing(0, Seq::MAX.get(), &[Seq::MAX.get()]).is_empty(), "no writer has so many");
        assert_eq!(missing(0, 20_003, &[1, 20_001, 20_003]), [20_002]);
    }

    #[test]
    fn steps_grow_and_shrink_with_the_time_that_they_take() {
        let (fast, good, slow) = (STEP / 4, STEP, STEP * 3);
        assert_eq!([next_step(100, fast), next_step(100, good), next_step(100, slow)], [200, 100, 50]);
        assert_eq!((next_step(ENTRIES_MAX, fast), next_step(1, slow)), (ENTRIES_MAX, 1));
    }

    #[test]
    fn a_tombstone_has_the_time_of_the_entry_beside_it() {
        let there = [(seq(6), 60), (seq(9), 90)];
        let times: Vec<_> = gaps(seq(4), seq(10), there.into_iter()).into_iter().map(|(_, at)| at).collect();
        assert_eq!(times, [60, 60, 60, 90]);
    }
}
