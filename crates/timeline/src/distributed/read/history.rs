//! Pages of histories.

use std::sync::Arc;

use super::super::box_id::BoxId;
use super::super::documents::{EntryDoc, Head};
use super::super::shared::Shared;
use super::finds::Source;
use super::forward::{self, End};
use super::gap::Gap;
use super::repair::{self, Met};
use super::{backward, edited, times};
use crate::{Conversation, Entry, HistoryPage, PageRequest, Result, Seq};

/// How often a page is read again because of holes that were closed meanwhile.
const ROUNDS: usize = 4;

/// What was read of a history, in one direction or the other.
struct Read {
    head: Head,
    /// In the direction of the page.
    entries: Vec<EntryDoc>,
    /// Whether there is something behind it in its direction, as far as its entries do not say so.
    has_more: bool,
    missing: Vec<Gap>,
    claim: Option<(Seq, u64)>,
    /// What is there and cannot be in the page, until the holes are closed; 0 if nothing is.
    lacks: Seq,
    /// Whether entries next to the sequence that was asked for may be missing unnoticed.
    ends_before: bool,
}

/// Returns a page of a history, as [`Store::history`](crate::Store::history) does.
pub(in crate::distributed) async fn history(
    shared: &Arc<Shared>,
    conversation: &Conversation,
    request: PageRequest,
) -> Result<HistoryPage> {
    let history = BoxId::history(conversation);
    let (mut source, mut round) = (Source::of_page(&shared.config, request), 1);
    loop {
        let asked = times::begun(shared, &history, request).await?;
        let read = read(shared, &history, asked, source).await?;
        if round == ROUNDS || !reads_again(shared, &history, &read, source).await? {
            return page(shared, &history, read, asked.backward, source).await;
        }
        // A secondary may be behind; only the primary knows what a hole is, and where the end is.
        source = Source::Primary;
        round += 1;
    }
}

async fn read(shared: &Shared, history: &BoxId, asked: PageRequest, source: Source) -> Result<Read> {
    let (last_read, count) = (asked.last_read, asked.count.get());
    if asked.backward {
        let read = backward::read(shared, history, last_read, count, source).await?;
        let (lacks, ends_before) = (read.lacks(), read.ends_before());
        let backward::Backward { head, entries, missing, claim, .. } = read;
        // What is in front of a hole is older.
        let has_more = entries.is_empty() && lacks > Seq::ZERO;
        return Ok(Read { head, entries, has_more, missing, claim, lacks, ends_before });
    }
    let forward::Forward { head, entries, missing, end, .. } =
        forward::read(shared, history, last_read, count, source).await?;
    let claim = match end {
        Some(End::Claim { seq, at_ms }) => Some((seq, at_ms)),
        _ => None,
    };
    let begins_there = end == Some(End::Hole) && entries.is_empty();
    let behind = missing.first().map_or(Seq::ZERO, |gap| gap.last.next());
    let lacks = if begins_there { behind } else { Seq::ZERO };
    let has_more = matches!(end, Some(End::Full | End::Hole));
    Ok(Read { head, entries, has_more, missing, claim, lacks, ends_before: false })
}

/// Returns whether a page is to be read again, as something has changed.
async fn reads_again(shared: &Arc<Shared>, history: &BoxId, read: &Read, source: Source) -> Result<bool> {
    if let Some(claim) = read.claim
        && repair::has_removed_claim(shared, history, claim).await?
    {
        return Ok(true);
    }
    if source == Source::Secondary {
        return Ok(read.ends_before || !read.missing.is_empty());
    }
    if read.missing.is_empty() {
        return Ok(false);
    }
    Ok(repair::met(shared, history, &read.missing).await? == Met::Closed)
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
        let page = HistoryPage::new(entries, read.has_more || is_cut, floor);
        return Ok(HistoryPage { lacks: read.lacks, ..page });
    }
    entries.reverse();
    let more = entries.first().map_or(read.has_more, |first| first.sequence > floor.next());
    Ok(HistoryPage { lacks: read.lacks, ..HistoryPage::new(entries, more, floor) })
}
