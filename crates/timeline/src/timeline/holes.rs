//! Reads at a hole: who goes on there waits until it is closed.
//!
//! A store answers at once, and says that there is more. Whoever asked waits here, and reads again:
//! the services without the memory that an answer takes meanwhile.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::Timeline;
use crate::hole_pause::hole_pause;
use crate::store::InboxChanges;
use crate::{Conversation, Count, HistoryPage, InboxPage, MemberId, PageRequest, Position, Result, Seq};

/// How long a read waits at holes, from its beginning.
///
/// A store closes one after its grace, mostly 2 s. After this time the page says that more is
/// coming, and a reader that goes on waits again.
const WAIT_MAX: Duration = Duration::from_secs(5);

/// How long the pauses are between two looks at a history, of which nobody tells that it changes.
const PAUSE_FIRST: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(100);

/// The waits of one read, which may be tried several times.
#[derive(Debug)]
pub(crate) struct HoleWaits {
    end: Instant,
    known: Mutex<Known>,
}

/// What earlier tries have left.
#[derive(Debug)]
struct Known {
    pause: Duration,
    /// What wakes a reader of an inbox, once it has met a hole.
    changes: Option<InboxChanges>,
    /// How often such a reader has waited for it.
    waited: u32,
    /// The newest entry that there was when the history was read first.
    awaited: Option<Seq>,
}

/// Where a page lacks entries that are there.
#[derive(Debug)]
pub(crate) enum HoleAt {
    /// In the inbox of this member.
    Inbox(MemberId),
    /// In a history.
    History,
}

impl HoleWaits {
    pub(crate) fn begin() -> Self {
        let known = Known { pause: PAUSE_FIRST, changes: None, waited: 0, awaited: None };
        Self { end: Instant::now() + WAIT_MAX, known: Mutex::new(known) }
    }

    /// Returns whether a page lacks entries that were there at the first look.
    fn are_due(&self, page: &HistoryPage) -> bool {
        if page.lacks == Seq::ZERO {
            return false;
        }
        // What has come since had not been acknowledged before the call.
        let awaited = *self.known().awaited.get_or_insert(page.lacks);
        page.entries.last().is_none_or(|last| last.sequence < awaited)
    }

    /// Returns the next pause between two looks at a history.
    fn pause(&self) -> Duration {
        let mut known = self.known();
        let pause = known.pause;
        known.pause = (pause * 2).min(PAUSE_MAX);
        pause
    }

    /// Returns how long a reader of an inbox rests before its next wait.
    fn rest(&self) -> Duration {
        let mut known = self.known();
        known.waited = known.waited.saturating_add(1);
        hole_pause(known.waited)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // Nothing panics while it is held.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Timeline {
    /// Reads an inbox once, and returns whether it begins at a hole.
    pub(crate) async fn sync_now(
        &self,
        member: &MemberId,
        position: Position,
        count: Count,
    ) -> Result<(InboxPage, Option<HoleAt>)> {
        let page = self.store.inbox(member, position, count).await?;
        let hole = begins_at_hole(&page, position).then(|| HoleAt::Inbox(member.clone()));
        Ok((page, hole))
    }

    /// Reads a history once, and returns whether there is something that the page lacks.
    pub(crate) async fn history_now(
        &self,
        conversation: &Conversation,
        request: PageRequest,
        waits: &HoleWaits,
    ) -> Result<(HistoryPage, Option<HoleAt>)> {
        let page = self.store.history(conversation, request).await?;
        let hole = waits.are_due(&page).then_some(HoleAt::History);
        Ok((page, hole))
    }

    /// Waits until a read may bring more, and returns false when the time for that is up.
    pub(crate) async fn wait_at(&self, hole: &HoleAt, waits: &HoleWaits) -> bool {
        let HoleAt::Inbox(member) = hole else {
            let pause = waits.pause();
            if Instant::now() + pause >= waits.end {
                return false;
            }
            sleep(pause).await;
            return true;
        };
        let known = waits.known().changes.take();
        // The order matters: what is written after the first time wakes, and the read that follows
        // sees what was written before.
        let is_first = known.is_none();
        let mut changes = known.unwrap_or_else(|| self.store.inbox_changes(member).without_cursors());
        // At the end of the store the page stays true, and the next call fails.
        let goes_on = is_first || {
            let rest = waits.rest();
            let changed = async {
                // What is written behind the hole meanwhile wakes once.
                if rest > Duration::ZERO {
                    sleep(rest).await;
                }
                changes.changed().await
            };
            matches!(timeout_at(waits.end, changed).await, Ok(Ok(())))
        };
        waits.known().changes = Some(changes);
        goes_on
    }
}

/// Whether there are entries behind a position, and the next one is missing.
fn begins_at_hole(page: &InboxPage, position: Position) -> bool {
    let next = position.sequence.max(page.floor);
    page.entries.is_empty() && !page.reset && page.latest_seq > next
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Entry, Message};

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    fn entries(numbers: &[u64]) -> Vec<Entry> {
        numbers.iter().map(|number| Entry::new(seq(*number), Message::from_stored("{}"))).collect()
    }

    #[test]
    fn a_page_without_the_entries_that_there_are_begins_at_a_hole() {
        let page = |latest| InboxPage::new(seq(latest), Vec::new());
        let at = |number| Position::from(seq(number));
        assert!(begins_at_hole(&page(9), at(7)));
        assert!(!begins_at_hole(&page(9), at(9)), "it is read to its end");
        assert!(!begins_at_hole(&InboxPage { reset: true, ..page(9) }, at(7)));
        assert!(!begins_at_hole(&InboxPage { floor: seq(9), ..page(9) }, at(7)), "all is freed");
        assert!(!begins_at_hole(&InboxPage::new(seq(9), entries(&[8])), at(7)), "it goes on with these");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_waits_for_what_was_there_at_its_first_look_and_not_for_what_comes_since() {
        let page = |numbers: &[u64], lacks: u64| {
            let page = HistoryPage::new(entries(numbers), true, Seq::ZERO);
            HistoryPage { lacks: seq(lacks), ..page }
        };
        let waits = HoleWaits::begin();
        assert!(!waits.are_due(&page(&[1, 2], 0)));
        assert!(waits.are_due(&page(&[1, 2], 5)) && waits.are_due(&page(&[], 5)));
        assert!(waits.are_due(&page(&[3, 4], 9)), "5 was there");
        assert!(!waits.are_due(&page(&[4, 5], 9)));
    }
}
