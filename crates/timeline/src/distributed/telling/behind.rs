//! The inboxes of which entries have to be read for the observer, and when.
//!
//! This module is pure.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::Instant;

use crate::{MemberId, Seq};

/// The inboxes that are behind, each once, by the time at which to read them.
#[derive(Debug, Default)]
pub(super) struct Behind {
    inboxes: HashMap<MemberId, Due>,
    by_time: BTreeSet<(Instant, MemberId)>,
}

#[derive(Debug)]
struct Due {
    top: Seq,
    at: Instant,
    tries: u32,
}

/// One inbox that is behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BehindInbox {
    pub(super) member: MemberId,
    /// Up to where it has entries.
    pub(super) top: Seq,
    /// How many reads in a row have brought nothing.
    pub(super) tries: u32,
}

/// The first wait after a read that brought nothing: as long as watchers wait for a hole.
const WAIT_FIRST: Duration = Duration::from_millis(100);

/// The longest one.
const WAIT_MAX: Duration = Duration::from_secs(2);

impl Behind {
    /// Notes that an inbox has entries up to `top`; it is read at once.
    pub(super) fn add(&mut self, member: &MemberId, top: Seq, now: Instant) {
        self.put(BehindInbox { member: member.clone(), top, tries: 0 }, now);
    }

    /// Takes an inbox back whose read brought nothing; it is read again later.
    pub(super) fn again(&mut self, inbox: BehindInbox, now: Instant) {
        let wait = WAIT_FIRST.saturating_mul(1 << inbox.tries.min(10)).min(WAIT_MAX);
        let tries = inbox.tries.saturating_add(1);
        self.put(BehindInbox { tries, ..inbox }, now + wait);
    }

    /// Takes inboxes whose time has come.
    pub(super) fn take(&mut self, now: Instant, most: usize) -> Vec<BehindInbox> {
        let mut taken = Vec::new();
        while taken.len() < most && self.next().is_some_and(|at| at <= now) {
            let Some((_, member)) = self.by_time.pop_first() else { break };
            if let Some(Due { top, tries, .. }) = self.inboxes.remove(&member) {
                taken.push(BehindInbox { member, top, tries });
            }
        }
        taken
    }

    /// Returns when the next one is to be read.
    pub(super) fn next(&self) -> Option<Instant> {
        self.by_time.first().map(|(at, _)| *at)
    }

    fn put(&mut self, inbox: BehindInbox, at: Instant) {
        let BehindInbox { member, top, tries } = inbox;
        let (mut due, before) = (Due { top, at, tries }, self.inboxes.get(&member));
        if let Some(before) = before {
            // Whatever is new may also have closed the hole that the read before met.
            due = Due { top: top.max(before.top), at: at.min(before.at), tries: tries.min(before.tries) };
            self.by_time.remove(&(before.at, member.clone()));
        }
        self.by_time.insert((due.at, member.clone()));
        self.inboxes.insert(member, due);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inbox(id: &str, top: u64, tries: u32) -> BehindInbox {
        BehindInbox { member: MemberId::new(id).unwrap(), top: Seq::new(top).unwrap(), tries }
    }

    #[test]
    fn an_inbox_is_read_once_up_to_the_highest_top_and_again_later() {
        let (mut behind, now) = (Behind::default(), Instant::now());
        let (a, b) = (inbox("a", 3, 0), inbox("b", 9, 0));
        behind.add(&a.member, Seq::new(3).unwrap(), now);
        behind.add(&a.member, Seq::new(2).unwrap(), now);
        behind.add(&b.member, b.top, now);
        assert_eq!(behind.take(now, 1), std::slice::from_ref(&a));
        assert_eq!(behind.take(now, 8), std::slice::from_ref(&b));
        assert!(behind.take(now, 8).is_empty() && behind.next().is_none());
        behind.again(a, now);
        assert!(behind.take(now, 8).is_empty());
        assert_eq!(behind.take(now + WAIT_FIRST, 8), [inbox("a", 3, 1)]);
        behind.again(inbox("a", 3, 40), now);
        assert_eq!(behind.next(), Some(now + WAIT_MAX));
        behind.add(&b.member, b.top, now + WAIT_MAX);
        behind.add(&inbox("a", 3, 0).member, Seq::new(4).unwrap(), now);
        assert_eq!(behind.take(now, 8), [inbox("a", 4, 0)], "news are looked at before the wait is over");
    }
}
