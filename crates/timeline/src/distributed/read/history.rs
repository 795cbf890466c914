//! Pages of histories.

use std::sync::Arc;

use super::super::box_id::BoxId;
use super::super::documents::{EntryDoc, Head};
use super::super::shared::Shared;
use super::finds::Source;
use super::forward::{self, End};
use super::repair::{self, Met};
use super::{backward, edited, times};
use crate::{Conversation, Entry, Error, ErrorKind, HistoryPage, PageRequest, Result, Seq};

/// How often a page is read again because of holes that were closed meanwhile.
const ROUNDS: usize = 4;

/// What was read of a history, in one direction or the other.
struct Read {
    head: Head,
    /// In the direction of the page.
    entries: Vec<EntryDoc>,
    /// Whether the page is full, if it has the entries after a sequence.
    is_full: bool,
    missing: Vec<Seq>,
    claim: Option<(Seq, u64)>,
    /// Whether the reader cannot go on before the holes are closed.
    waits: bool,
}

/// Returns a page of a history, as [`Store::history`](crate::Store::history) does.
pub(in crate::distributed) async fn history(
    shared: &Arc<Shared>,
    conversation: &Conversation,
    request: PageRequest,
) -> Result<HistoryPage> {
    let history = BoxId::history(conversation);
    let mut source = Source::of_histories(&shared.config);
    for round in 1..=ROUNDS {
        let asked = times::begun(shared, &history, request, source).await?;
        let read = read(shared, &history, asked, source).await?;
        let again = reads_again(shared, &history, &read, source).await?;
        if !again || (round == ROUNDS && !read.waits) {
            return page(shared, &history, read, asked.backward, source).await;
        }
        if !read.missing.is_empty() {
            // A secondary may be behind; only the primary knows what a hole is.
            source = Source::Primary;
        }
    }
    let text = "an entry of the history is being written or repaired; try again";
    Err(Error::new(ErrorKind::Unavailable, text))
}

async fn read(shared: &Shared, history: &BoxId, asked: PageRequest, source: Source) -> Result<Read> {
    let (last_read, count) = (asked.last_read, asked.count.get());
    if asked.backward {
        let read = backward::read(shared, history, last_read, count, source).await?;
        let waits = read.waits();
        let backward::Backward { head, entries, missing, claim, .. } = read;
        return Ok(Read { head, entries, is_full: false, missing, claim, waits });
    }
    let forward::Forward { head, entries, missing, end, .. } =
        forward::read(shared, history, last_read, count, source).await?;
    let claim = match end {
        Some(End::Claim { seq, at_ms }) => Some((seq, at_ms)),
        _ => None,
    };
    Ok(Read { head, entries, is_full: end == Some(End::Full), missing, claim, waits: false })
}

/// Returns whether a page is to be read again, after it has waited for what it cannot go without.
async fn reads_again(shared: &Arc<Shared>, history: &BoxId, read: &Read, source: Source) -> Result<bool> {
    if let Some(claim) = read.claim
        && repair::has_removed_claim(shared, history, claim).await?
    {
        return Ok(true);
    }
    if read.missing.is_empty() || source == Source::Secondary {
        return Ok(!read.missing.is_empty());
    }
    match repair::met(shared, history, &read.missing).await? {
        Met::Closed => Ok(true),
        Met::Young(until) => {
            if read.waits {
                repair::wait(shared, until).await?;
            }
            Ok(read.waits)
        }
    }
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
        return Ok(HistoryPage::new(entries, read.is_full || is_cut, floor));
    }
    entries.reverse();
    let more = entries.first().is_some_and(|first| first.sequence > floor.next());
    Ok(HistoryPage::new(entries, more, floor))
}
