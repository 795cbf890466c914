//! Pages of histories.

use std::sync::Arc;

use tokio::time::Instant;

use super::super::box_id::BoxId;
use super::super::documents::{EntryDoc, Head};
use super::super::shared::Shared;
use super::finds::Source;
use super::forward::{self, End};
use super::gap::Gap;
use super::repair::{self, Met, Waits};
use super::{backward, edited, times};
use crate::{Conversation, Entry, Error, ErrorKind, HistoryPage, PageRequest, Result, Seq};

/// How often a page is read again because of holes that were closed meanwhile.
const ROUNDS: usize = 4;

/// How often at most, if the reader lacks what is there.
const ROUNDS_MAX: usize = 16;

/// What was read of a history, in one direction or the other.
struct Read {
    head: Head,
    /// In the direction of the page.
    entries: Vec<EntryDoc>,
    /// Whether there is something behind it, if it has the entries after a sequence.
    has_more: bool,
    missing: Vec<Gap>,
    claim: Option<(Seq, u64)>,
    /// Whether the reader lacks what is there until the holes are closed.
    waits: bool,
}

/// What a call does with what it has read.
enum Next {
    /// It makes a page of it.
    Page,
    /// It reads again, as something has changed.
    Again,
    /// It waits for holes, of which some can be closed then, and reads again.
    Wait(Instant),
}

/// Returns a page of a history, as [`Store::history`](crate::Store::history) does.
pub(in crate::distributed) async fn history(
    shared: &Arc<Shared>,
    conversation: &Conversation,
    request: PageRequest,
) -> Result<HistoryPage> {
    let history = BoxId::history(conversation);
    let (mut source, mut waits) = (Source::of_histories(&shared.config), Waits::of_call(shared));
    // It waits for the holes of its first look. Behind those that come later is nothing that was
    // acknowledged before the call.
    let (mut awaited, mut rounds) = (None, 0);
    loop {
        let asked = times::begun(shared, &history, request, source).await?;
        let read = read(shared, &history, asked, source).await?;
        let is_past = awaited.is_some_and(|last| read.missing.first().is_none_or(|gap| gap.first > last));
        let next = if is_past { Next::Page } else { next(shared, &history, &read, source).await? };
        if source == Source::Primary {
            awaited = awaited.or_else(|| read.missing.last().map(|gap| gap.last));
        }
        let goes_on = match next {
            Next::Page => false,
            Next::Again => {
                rounds += 1;
                rounds < ROUNDS || read.waits
            }
            Next::Wait(due) => waits.wait(shared, due).await?,
        };
        if goes_on && rounds < ROUNDS_MAX {
            if !read.missing.is_empty() {
                // A secondary may be behind; only the primary knows what a hole is.
                source = Source::Primary;
            }
            continue;
        }
        // The newest that can be reached are better than nothing for as long as a hole stays open.
        let is_newest = asked.backward && asked.last_read == Seq::ZERO;
        if read.waits && !is_past && !is_newest {
            let text = "an entry of the history is being written or repaired; try again";
            return Err(Error::new(ErrorKind::Unavailable, text));
        }
        return page(shared, &history, read, asked.backward, source).await;
    }
}

async fn read(shared: &Shared, history: &BoxId, asked: PageRequest, source: Source) -> Result<Read> {
    let (last_read, count) = (asked.last_read, asked.count.get());
    if asked.backward {
        let read = backward::read(shared, history, last_read, count, source).await?;
        let waits = read.waits();
        let backward::Backward { head, entries, missing, claim, .. } = read;
        return Ok(Read { head, entries, has_more: false, missing, claim, waits });
    }
    let forward::Forward { head, entries, missing, end, .. } =
        forward::read(shared, history, last_read, count, source).await?;
    let claim = match end {
        Some(End::Claim { seq, at_ms }) => Some((seq, at_ms)),
        _ => None,
    };
    let waits = end == Some(End::Hole) && entries.is_empty();
    let has_more = matches!(end, Some(End::Full | End::Hole));
    Ok(Read { head, entries, has_more, missing, claim, waits })
}

/// Returns what becomes of what was read; holes whose time has come are closed.
async fn next(shared: &Arc<Shared>, history: &BoxId, read: &Read, source: Source) -> Result<Next> {
    if let Some(claim) = read.claim
        && repair::has_removed_claim(shared, history, claim).await?
    {
        return Ok(Next::Again);
    }
    if read.missing.is_empty() {
        return Ok(Next::Page);
    }
    if source == Source::Secondary {
        return Ok(Next::Again);
    }
    Ok(match repair::met(shared, history, &read.missing).await? {
        Met::Closed => Next::Again,
        Met::Young(due) if read.waits => Next::Wait(due),
        Met::Young(_) => Next::Page,
    })
}

/// Makes a page of what was read, with the texts of edits.
async fn page(
    shared: &Shared,
    history: &BoxId,
    read: Read,
    is_backward: bool,
    source: Source,
) -> Result<HistoryPage> {
    let floor = read.head.floor;
    let mut entries: Vec<Entry> = read.entries.into_iter().map(|document| document.entry).collect();
    if source == Source::Primary
        && let Some(last) = entries.last()
    {
        shared.sequencer.seen(history, last.sequence, last.at_ms);
    }
    edited::fill(shared, history, entries.iter_mut().collect(), source).await?;
    let is_cut = edited::cut(&mut entries);
    if !is_backward {
        return Ok(HistoryPage::new(entries, read.has_more || is_cut, floor));
    }
    entries.reverse();
    let more = entries.first().is_some_and(|first| first.sequence > floor.next());
    Ok(HistoryPage::new(entries, more, floor))
}
