//! Reads at a hole: who goes on there waits until it is closed.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::Timeline;
use crate::{Count, InboxPage, MemberId, Position, Result};

/// How long a read waits at a hole, from its beginning.
///
/// A store closes one after its grace, mostly 2 s. After this time the page says that more is
/// coming, and a reader that goes on waits again.
const HOLE_WAIT: Duration = Duration::from_secs(5);

impl Timeline {
    /// Reads the page again that had nothing as it began at a hole, once the hole is closed.
    ///
    /// `begun` is when the call began. Whatever fails from here on, the page stays true: it says
    /// that more is coming.
    pub(super) async fn past_hole(
        &self,
        member: &MemberId,
        position: Position,
        count: Count,
        begun: Instant,
        mut page: InboxPage,
    ) -> Result<InboxPage> {
        // The order matters: what is written after this wakes, and the next read sees what was
        // written before.
        let mut changes = self.store.inbox_changes(member).without_cursors();
        let end = begun + HOLE_WAIT;
        while begins_at_hole(&page, position) {
            match timeout_at(end, self.store.inbox(member, position, count)).await {
                Ok(Ok(again)) => page = again,
                Ok(Err(_)) | Err(_) => return Ok(page),
            }
            if !begins_at_hole(&page, position) {
                break;
            }
            match timeout_at(end, changes.changed()).await {
                Ok(changed) => changed?,
                Err(_elapsed) => break,
            }
        }
        Ok(page)
    }
}

/// Whether there are entries behind a position, and the next one is missing.
pub(super) fn begins_at_hole(page: &InboxPage, position: Position) -> bool {
    let next = position.sequence.max(page.floor);
    page.entries.is_empty() && !page.reset && page.latest_seq > next
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Entry, Message, Seq};

    #[test]
    fn a_page_without_the_entries_that_there_are_begins_at_a_hole() {
        let seq = |number| Seq::new(number).unwrap();
        let page = |latest| InboxPage::new(seq(latest), Vec::new());
        let at = |number| Position::from(seq(number));
        assert!(begins_at_hole(&page(9), at(7)));
        assert!(!begins_at_hole(&page(9), at(9)), "it is read to its end");
        assert!(!begins_at_hole(&InboxPage { reset: true, ..page(9) }, at(7)));
        assert!(!begins_at_hole(&InboxPage { floor: seq(9), ..page(9) }, at(7)), "all is freed");
        let entries = vec![Entry::new(seq(8), Message::from_stored("{}"))];
        assert!(!begins_at_hole(&InboxPage::new(seq(9), entries), at(7)), "it goes on with these");
    }
}
