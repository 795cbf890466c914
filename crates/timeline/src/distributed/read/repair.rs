//! What is done about holes: nothing during the grace, then a tombstone.
//!
//! Whoever meets a hole first sees to its box: a task waits until the grace is over, closes what is
//! still missing, and wakes who waits for the inbox. Each node does so for itself, on its own
//! clock; the index lets one of them write, or the writer that came after all.
//!
//! One command closes [`PLACES_MAX`] places. The task goes on with the next ones, as all of a gap
//! is due at once, up to [`ATTENDED_MAX`]. No writers have so many under way: the rest is left to
//! the readers who come there, of whom each closes as much as a page has.

use std::sync::Arc;
use std::time::Duration;

use mongodb::bson::doc;
use tokio::time::{Instant, sleep_until};

use super::super::box_id::{BoxId, Side};
use super::super::clock;
use super::super::documents::{CLAIM, EntryDoc, HOLE, Head, time};
use super::super::kept::kept;
use super::super::send::insert::{Inserted, insert_entries};
use super::super::shared::Shared;
use super::finds::{self, Source};
use super::gap::Gap;
use super::lookups;
use crate::{Error, Result, Seq};

/// How long a claim holds a place: its maker has ended long before, or died.
const CLAIM_AGE: Duration = Duration::from_secs(10);

/// How long the wait is after holes could not be closed.
const RETRY: Duration = Duration::from_secs(1);

/// How many places one command closes.
const PLACES_MAX: u64 = 1_000;

/// How far apart the places are that one command closes.
const SPAN_MAX: u64 = 4_000;

/// How many places of a box are closed at a time without a reader who comes there.
const ATTENDED_MAX: u64 = 10_000;

/// What a read does that has met holes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    /// Something has changed: it reads again.
    Closed,
    /// The page ends at the first of them.
    Young,
}

/// Notes holes that a read of the primary has met, and closes those whose grace is over.
pub(super) async fn met(shared: &Arc<Shared>, boxed: &BoxId, missing: &[Gap]) -> Result<Met> {
    let Some(lowest) = missing.first() else { return Ok(Met::Closed) };
    let now = Instant::now();
    let seen = shared.holes.note(boxed, missing, now);
    if seen.is_first {
        let (what, boxed) = ("closes places that nobody wrote", boxed.clone());
        let attends = kept(Arc::clone(shared), what, move |shared| attend(shared, boxed.clone()));
        shared.tasks.spawn(attends);
    }
    if seen.is_new {
        // What was freed and removed while the page was read is no hole.
        let floor = lookups::head(shared, boxed).await?.floor;
        if floor >= lowest.first {
            shared.holes.forget_up_to(boxed, floor);
            return Ok(Met::Closed);
        }
    }
    if seen.due.is_empty() {
        return Ok(Met::Young);
    }
    close(shared, boxed, &seen.due).await?;
    Ok(Met::Closed)
}

/// Waits, unless the store ends meanwhile.
async fn wait(shared: &Shared, until: Instant) -> Result<()> {
    tokio::select! {
        () = sleep_until(until) => Ok(()),
        () = shared.stop.cancelled() => Err(Error::closed()),
    }
}

/// Closes the holes of a box as their times come, until it has none.
async fn attend(shared: Arc<Shared>, boxed: BoxId) {
    let (mut not_before, mut closed) = (Instant::now(), 0);
    while let Some(due_at) = shared.holes.next_due(&boxed) {
        let now = Instant::now();
        if due_at > now {
            closed = 0;
        }
        if due_at.max(not_before) > now && wait(&shared, due_at.max(not_before)).await.is_err() {
            return;
        }
        let due = shared.holes.due(&boxed, Instant::now());
        match close(&shared, &boxed, &due).await {
            Ok(places) => closed += places,
            Err(error) => {
                tracing::debug!("{} gaps of one {} stay open for now: {error:#}", due.len(), boxed.side());
                not_before = Instant::now() + RETRY;
            }
        }
        if closed >= ATTENDED_MAX {
            shared.holes.leave(&boxed, Instant::now());
        }
    }
}

/// Returns the first of these gaps, as many places as one command closes.
fn batch(due: &[Gap]) -> Vec<Gap> {
    let (mut batch, mut room) = (Vec::new(), PLACES_MAX);
    let end = due.first().map_or(0, |lowest| lowest.first.get().saturating_add(SPAN_MAX));
    for gap in due {
        let Some(part) = gap.cut(room.min(end.saturating_sub(gap.first.get()))) else { break };
        room -= part.places();
        batch.push(part);
    }
    batch
}

/// Closes holes whose grace is over, as far as nobody has written there meanwhile, and wakes the
/// readers of the inbox.
///
/// It closes the first of them, as many as fit into one command, and returns how many places that
/// are.
async fn close(shared: &Shared, boxed: &BoxId, due: &[Gap]) -> Result<u64> {
    let due = batch(due);
    let (Some(lowest), Some(highest)) = (due.first(), due.last()) else { return Ok(0) };
    let around = around(shared, boxed, lowest.first, highest.last).await?;
    let tombstones: Vec<_> =
        around.holes(&due).into_iter().map(|(seq, at_ms)| EntryDoc::hole(boxed, seq, at_ms)).collect();
    let seqs: Vec<_> = tombstones.iter().map(|tombstone| tombstone.seq).collect();
    let inserted = insert_entries(&shared.database, boxed.side(), tombstones).await;
    let (mut written, mut taken) = (0, Vec::new());
    for (seq, inserted) in seqs.into_iter().zip(inserted) {
        match inserted {
            Inserted::Written | Inserted::IsThere => written += 1,
            Inserted::Taken => taken.push(seq),
            Inserted::Refused(error) | Inserted::Unknown(error) => return Err(error),
        }
    }
    if boxed.side() == Side::History && written > 0 {
        raise_times(shared, boxed, &taken, highest.last).await?;
    }
    due.iter().for_each(|gap| shared.holes.forget(boxed, *gap));
    if written > 0 {
        metrics::counter!("timeline_holes_closed_total").increment(written);
        tracing::debug!("closed {written} places of the {boxed}, as no writer came");
        shared.episodes.places_closed(written);
    }
    if let Some(member) = boxed.to_member() {
        shared.watchers.notify(&member);
    }
    Ok(due.iter().map(|gap| gap.places()).sum())
}

/// What is there around holes.
#[derive(Debug, Default)]
struct Around {
    floor: Seq,
    /// The sequences of the entries and their times, ascending.
    entries: Vec<(Seq, u64)>,
}

async fn around(shared: &Shared, boxed: &BoxId, first: Seq, last: Seq) -> Result<Around> {
    let boxed = boxed.clone();
    let read = shared.database.call(move |collections| async move {
        let entries = Source::Primary.entries(boxed.side(), &collections);
        let filter = finds::head_and_from(&boxed, finds::before(first));
        let fields = doc! { "id": 1, "seq": 1, "at": 1, "floor": 1 };
        // The head, one entry below the holes, all that may be between them, and one above.
        let limit = i64::try_from(last.get() - first.get()).unwrap_or(i64::MAX).saturating_add(4);
        let find = entries.find(filter).sort(doc! { "seq": 1 }).projection(fields);
        let (mut cursor, mut around) = (find.limit(limit).await?, Around::default());
        while cursor.advance().await? {
            let document = cursor.current();
            let seq = finds::seq_of(document);
            if seq > Seq::ZERO {
                around.entries.push((seq, finds::at_of(document)));
                continue;
            }
            around.floor = match Head::read(document, &boxed) {
                Ok(head) => head.floor,
                Err(error) => return Ok(Err(error)),
            };
        }
        Ok(Ok(around))
    });
    read.await?
}

impl Around {
    /// Returns those that are holes still, and the times that their tombstones get.
    ///
    /// A time is that of the entry below, or of the one above if there is none: the times of a
    /// history never fall.
    fn holes(&self, due: &[Gap]) -> Vec<(Seq, u64)> {
        let is_hole = |seq: &Seq| *seq > self.floor;
        let tombstone = |seq: Seq| {
            let at = self.entries.binary_search_by_key(&seq, |(there, _)| *there).err()?;
            // Where nothing was written behind it, there is no hole, but an end.
            let (_, above) = self.entries.get(at)?;
            let below = at.checked_sub(1).and_then(|below| self.entries.get(below));
            Some((seq, below.map_or(*above, |(_, below)| *below)))
        };
        due.iter().flat_map(|gap| gap.each()).filter(is_hole).filter_map(tombstone).collect()
    }
}

/// Raises the times of tombstones above entries whose writers came in the last moment.
async fn raise_times(shared: &Shared, history: &BoxId, taken: &[Seq], last: Seq) -> Result<()> {
    for seq in taken {
        let Some(entry) = lookups::entry(shared, Side::History, history, *seq).await? else { continue };
        let mut above = finds::between(history, *seq, last);
        above.insert("kind", HOLE);
        let raise = doc! { "$max": { "at": time(entry.entry.at_ms) } };
        let raised = shared
            .database
            .call(move |collections| async move { collections.histories.update_many(above, raise).await });
        raised.await?;
    }
    Ok(())
}

/// Removes a claim that is too old, and returns whether it did.
///
/// The clock of the server says how old it is; that of this node, whether it is asked.
pub(super) async fn has_removed_claim(
    shared: &Shared,
    history: &BoxId,
    (seq, at_ms): (Seq, u64),
) -> Result<bool> {
    let age_ms = u64::try_from(CLAIM_AGE.as_millis()).unwrap_or(u64::MAX);
    if clock::unix_ms() < at_ms.saturating_add(age_ms) {
        return Ok(false);
    }
    let now_ms = doc! { "$toLong": "$$NOW" };
    let filter = doc! {
        "id": history.as_str(),
        "seq": seq.to_i64(),
        "kind": CLAIM,
        "$expr": { "$gt": [{ "$subtract": [now_ms, "$at"] }, time(age_ms)] },
    };
    let removed = shared
        .database
        .call(move |collections| async move { collections.histories.delete_one(filter).await });
    Ok(removed.await?.deleted_count > 0)
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

    fn holes(floor: u64, entries: &[(u64, u64)], due: &[u64]) -> Vec<(u64, u64)> {
        let entries = entries.iter().map(|(number, at_ms)| (seq(*number), *at_ms)).collect();
        let around = Around { floor: seq(floor), entries };
        let due: Vec<_> = due.iter().map(|number| gap(*number, *number)).collect();
        around.holes(&due).into_iter().map(|(seq, at_ms)| (seq.get(), at_ms)).collect()
    }

    #[test]
    fn a_hole_has_the_time_of_the_entry_below_it() {
        assert_eq!(holes(0, &[(4, 10), (7, 20), (9, 30)], &[5, 6, 8]), [(5, 10), (6, 10), (8, 20)]);
        assert_eq!(holes(4, &[(7, 20)], &[5, 6]), [(5, 20), (6, 20)], "all below is gone");
    }

    #[test]
    fn what_was_written_or_freed_meanwhile_is_no_hole() {
        assert_eq!(holes(0, &[(4, 10), (5, 15), (7, 20)], &[5, 6]), [(6, 15)]);
        assert_eq!(holes(5, &[(7, 20)], &[5, 6]), [(6, 20)]);
        assert_eq!(holes(7, &[], &[5, 6]), vec![]);
        assert_eq!(holes(0, &[(4, 10)], &[5, 6]), vec![], "the box ends below them");
    }

    #[test]
    fn one_command_closes_so_many_places_that_are_not_far_apart() {
        assert_eq!(batch(&[gap(5, 1 << 40)]), [gap(5, 1_004)]);
        assert_eq!(batch(&[gap(5, 6), gap(9, 2_000)]), [gap(5, 6), gap(9, 1_006)]);
        assert_eq!(batch(&[gap(5, 6), gap(9, 9), gap(5_000, 5_000)]), [gap(5, 6), gap(9, 9)]);
        assert_eq!(batch(&[]), []);
    }
}
