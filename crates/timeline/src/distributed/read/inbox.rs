//! Pages of inboxes.

use std::sync::Arc;

use tokio::time::Instant;

use super::super::box_id::BoxId;
use super::super::shared::Shared;
use super::edited;
use super::finds::Source;
use super::forward::{self, End, Forward};
use super::lookups;
use super::repair::{self, Met};
use crate::{Count, Entry, InboxPage, MemberId, Position, Result, Seq};

/// How often a page is read again because of holes that were closed meanwhile.
const ROUNDS: usize = 4;

/// Returns the entries of an inbox after a position.
///
/// It does what [`Store::inbox`](crate::Store::inbox) says.
pub(in crate::distributed) async fn inbox(
    shared: &Arc<Shared>,
    member: &MemberId,
    last_read: Position,
    count: Count,
) -> Result<InboxPage> {
    let boxed = BoxId::inbox(member);
    let mut read = forward::read(shared, &boxed, last_read.sequence, count.get(), Source::Primary).await?;
    for _ in 1..ROUNDS {
        if read.missing.is_empty() || repair::met(shared, &boxed, &read.missing).await? != Met::Closed {
            break;
        }
        read = forward::read(shared, &boxed, last_read.sequence, count.get(), Source::Primary).await?;
    }
    let floor = read.head.floor;
    let generation = shared.generation().unwrap_or_default();
    if !gave_out(&read, last_read) {
        let newest = lookups::newest(shared, &boxed).await?;
        let latest = newest.max(read.head.top).max(floor);
        return Ok(InboxPage { reset: true, floor, generation, ..InboxPage::new(latest, Vec::new()) });
    }
    let latest = latest(shared, &boxed, &read, last_read.sequence).await?;
    let mut entries: Vec<Entry> = read.entries.into_iter().map(|document| document.entry).collect();
    edited::fill(shared, &boxed, entries.iter_mut().collect(), Source::Primary).await?;
    edited::cut(&mut entries);
    Ok(InboxPage { floor, generation, ..InboxPage::new(latest, entries) })
}

/// Returns whether a reader can have its position from this inbox.
fn gave_out(read: &Forward, position: Position) -> bool {
    let Position { sequence, tag } = position;
    match read.at_position {
        Some(there) => tag.is_none() || there == tag,
        // What is freed has no tag to compare, and below another entry a reader may have been.
        None => {
            let is_known = sequence <= read.head.floor.max(read.head.top);
            is_known || !read.entries.is_empty() || !read.missing.is_empty()
        }
    }
}

/// Returns the last sequence that a reader can reach.
///
/// Behind a full page, and behind a hole, it is the newest that is there: what was acknowledged is
/// never passed over in silence. A reader who goes on at a hole gets nothing until it is closed,
/// which the grace bounds.
async fn latest(shared: &Shared, inbox: &BoxId, read: &Forward, last_read: Seq) -> Result<Seq> {
    let reached = read.reached().max(last_read);
    if let Some(last) = read.entries.last() {
        shared.sequencer.seen(inbox, last.seq, last.entry.at_ms);
    }
    match read.end {
        Some(End::Full) => newest_behind(shared, inbox, reached).await,
        Some(End::Hole) => Ok(reached.max(lookups::newest(shared, inbox).await?)),
        Some(End::Last | End::Claim { .. }) | None => Ok(reached),
    }
}

/// Returns the newest sequence of an inbox that goes on behind a full page.
async fn newest_behind(shared: &Shared, inbox: &BoxId, reached: Seq) -> Result<Seq> {
    let now = Instant::now();
    if let Some(newest) = shared.newest.beyond(inbox, reached, now) {
        return Ok(newest);
    }
    let newest = lookups::newest(shared, inbox).await?;
    shared.newest.note(inbox, newest, now);
    Ok(reached.max(newest))
}

#[cfg(test)]
mod tests {
    use super::super::gap::Gap;
    use super::*;
    use crate::Tag;

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    fn read(at_position: Option<Tag>, floor: u64, top: u64, missing: &[u64]) -> Forward {
        let mut read = Forward::new(seq(5), 10);
        read.at_position = at_position.map(Some);
        (read.head.floor, read.head.top) = (seq(floor), seq(top));
        read.missing =
            missing.iter().filter_map(|first| Gap::between(seq(*first), seq(*first).next())).collect();
        read
    }

    #[test]
    fn only_a_position_with_the_tag_that_is_there_was_given_out() {
        let at = |tag: Option<u64>| Position::new(seq(5), tag.map(Tag::new));
        let there = read(Some(Tag::new(7)), 0, 0, &[]);
        assert!(
            gave_out(&there, at(None)) && gave_out(&there, at(Some(7))) && !gave_out(&there, at(Some(8)))
        );
        let beyond = read(None, 0, 4, &[]);
        assert!(!gave_out(&beyond, at(None)) && !gave_out(&beyond, at(Some(7))));
        for freed in [read(None, 5, 0, &[]), read(None, 2, 5, &[])] {
            assert!(gave_out(&freed, at(None)) && gave_out(&freed, at(Some(7))));
        }
        assert!(gave_out(&read(None, 0, 0, &[5]), at(Some(7))), "a hole below another entry");
    }
}
