//! What is kept no longer: by the number of entries, and by their age.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};

use super::keep::keep_of;
use super::registry;
use crate::distributed::box_id::{BoxId, Side};
use crate::distributed::changes::entries_without_records;
use crate::distributed::changes::freeing::free;
use crate::distributed::documents::{EntryDoc, Head};
use crate::distributed::shared::Shared;
use crate::distributed::tops::{self, Top};
use crate::distributed::{ack, read};
use crate::{Keep, Result, Retention, Seq};

/// How many entries are looked at with one command.
const ENTRIES: u16 = 500;

/// How many boxes are kept at once.
const AT_ONCE: usize = 8;

/// Keeps a box that has a new entry at `top` as the retention says; `floor` is one that it had.
///
/// Call it before the one who made the entry is answered. What could not be done is done with the
/// next entry, or by the keeper.
pub(in crate::distributed) async fn grown(shared: &Shared, boxed: &BoxId, top: Seq, floor: Seq) {
    let keep = keep_of(shared, boxed);
    if keep == Keep::everything() {
        return;
    }
    if let Err(error) = keep_grown(shared, boxed, top, floor, keep).await {
        tracing::debug!("the box {boxed} keeps more than it has to, for now: {error:#}");
    }
}

/// Does the same for boxes of which each comes with its new end, also more than once.
///
/// Where everything is kept it does not even look at them.
pub(in crate::distributed) async fn all_grown(shared: &Shared, ends: impl IntoIterator<Item = (BoxId, Seq)>) {
    if shared.config.retention == Retention::new() {
        return;
    }
    let keeping = stream::iter(highest(ends)).for_each_concurrent(AT_ONCE, move |(boxed, top)| async move {
        grown(shared, &boxed, top, Seq::ZERO).await;
    });
    keeping.await;
}

/// Returns each box once, with the highest of its ends.
fn highest(ends: impl IntoIterator<Item = (BoxId, Seq)>) -> HashMap<BoxId, Seq> {
    let mut highest = HashMap::new();
    for (boxed, end) in ends {
        let known = highest.entry(boxed).or_insert(end);
        *known = end.max(*known);
    }
    highest
}

async fn keep_grown(shared: &Shared, boxed: &BoxId, top: Seq, floor: Seq, keep: Keep) -> Result<()> {
    if let Some(age) = keep.age_max() {
        registry::aging(shared, boxed, age).await?;
    }
    let known = floor.max(shared.upkeep.floor(boxed));
    if floor_by_number(keep, known, top).is_none() {
        return Ok(());
    }
    let Head { floor, .. } = read::head(shared, boxed).await?;
    shared.upkeep.note_floor(boxed, floor);
    match floor_by_number(keep, floor, top) {
        Some(floor) => free_to(shared, boxed, floor).await,
        None => Ok(()),
    }
}

/// Returns the floor that a box has to have because of the number of its entries, if it is higher.
fn floor_by_number(keep: Keep, floor: Seq, top: Seq) -> Option<Seq> {
    let (most, kept) = (keep.entries_limit()?, keep.entries_min()?);
    let entries = top.get().saturating_sub(floor.get());
    if entries <= most {
        return None;
    }
    Seq::new(top.get() - kept).ok()
}

/// Returns whether a box with this end has more entries than it keeps.
pub(super) fn has_too_many(keep: Keep, top: Top) -> bool {
    floor_by_number(keep, top.floor, top.seq).is_some()
}

/// Frees a box of the entries that are too many, also if it gets nothing more.
pub(super) async fn by_number(shared: &Shared, boxed: &BoxId, keep: Keep) -> Result<()> {
    if keep.entries_min().is_none() {
        return Ok(());
    }
    for top in tops::read_all(&shared.database, &[boxed]).await? {
        if let Some(floor) = floor_by_number(keep, top.floor, top.seq) {
            free_to(shared, boxed, floor).await?;
        }
    }
    Ok(())
}

/// Frees a box of what is as old as it may be, and returns when the next entry is.
pub(super) async fn by_age(
    shared: &Shared,
    boxed: &BoxId,
    age: Duration,
    now_ms: u64,
) -> Result<Option<u64>> {
    let age_ms = u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
    let Head { floor, .. } = read::head(shared, boxed).await?;
    let mut last = floor;
    let next = loop {
        let entries = entries_without_records(shared, boxed, last, ENTRIES).await?;
        let (old, due) = by_age_of(&entries, age_ms, now_ms);
        last = old.unwrap_or(last);
        if due.is_some() || entries.len() < usize::from(ENTRIES) {
            break due;
        }
    };
    if last > floor {
        free_to(shared, boxed, last).await?;
    }
    Ok(next)
}

/// Returns the last of the oldest entries that are too old, and when the first of the others is.
///
/// In an inbox older ones may follow: they stay as long as what was ahead of the clock.
fn by_age_of(entries: &[EntryDoc], age_ms: u64, now_ms: u64) -> (Option<Seq>, Option<u64>) {
    let due = |entry: &EntryDoc| entry.entry.at_ms.saturating_add(age_ms);
    let is_old = |entry: &&EntryDoc| due(entry) <= now_ms && !entry.is_claim;
    let old = entries.iter().take_while(is_old).count();
    (entries[..old].last().map(|last| last.seq), entries.get(old).map(due))
}

/// Frees a box up to a floor.
async fn free_to(shared: &Shared, boxed: &BoxId, floor: Seq) -> Result<()> {
    if boxed.side() == Side::History {
        // The order matters: who sees that the history has lost a text finds it in no inbox. A node
        // that dies in between has taken some texts from inboxes early.
        free(shared, boxed, floor).await?;
    }
    ack::raise_floor(shared, boxed.side(), boxed, floor).await?;
    registry::freed(shared, boxed, floor).await;
    if let Some(member) = boxed.to_member() {
        shared.teller.freed(&member);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Conversation, GroupName};

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    /// An entry of each of these times, from the sequence 4 on.
    fn entries(times: &[u64]) -> Vec<EntryDoc> {
        let history = BoxId::history(&Conversation::group(GroupName::new("g").unwrap()));
        let of_time = |(number, at_ms): (u64, &u64)| EntryDoc::hole(&history, seq(number), *at_ms);
        (4..).zip(times).map(of_time).collect()
    }

    #[test]
    fn a_box_that_has_grown_more_than_once_is_kept_once() {
        let boxed = |name: &str| BoxId::history(&Conversation::group(GroupName::new(name).unwrap()));
        let ends = vec![(boxed("a"), seq(7)), (boxed("b"), seq(1)), (boxed("a"), seq(5))];
        let highest = highest(ends);
        assert_eq!((highest.len(), highest[&boxed("a")], highest[&boxed("b")]), (2, seq(7), seq(1)));
    }

    #[test]
    fn the_oldest_go_once_there_are_too_many_and_not_before() {
        let keep = Keep::everything().entries(10);
        let floor = |floor, top| floor_by_number(keep, seq(floor), seq(top)).map(Seq::get);
        assert_eq!(floor(0, 11), None, "a tenth more may stay");
        assert_eq!(floor(0, 12), Some(2));
        assert_eq!(floor(2, 13), None);
        assert_eq!(floor(90, 200), Some(190));
        assert_eq!(floor(9, 3), None);
        assert_eq!(floor_by_number(Keep::everything(), seq(0), seq(99)), None);
    }

    #[test]
    fn an_entry_goes_when_it_is_as_old_as_it_may_be() {
        let of = |now_ms| by_age_of(&entries(&[10, 20, 20, 30]), 1_000, now_ms);
        assert_eq!(of(1_009), (None, Some(1_010)));
        assert_eq!(of(1_010), (Some(seq(4)), Some(1_020)));
        assert_eq!(of(1_020), (Some(seq(6)), Some(1_030)));
        assert_eq!(of(9_999), (Some(seq(7)), None));
        assert_eq!(by_age_of(&[], 1_000, 9_999), (None, None));
    }

    #[test]
    fn what_lies_behind_an_entry_that_was_ahead_of_the_clock_waits_for_it() {
        let behind = by_age_of(&entries(&[10, 500, 20]), 1_000, 1_100);
        assert_eq!(behind, (Some(seq(4)), Some(1_500)));
    }
}
