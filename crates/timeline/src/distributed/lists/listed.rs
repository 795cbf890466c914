//! Which conversations are in the list of a member, and in which order.
//!
//! This module is pure.

use std::cmp::Reverse;

use super::super::box_id::BoxId;
use super::super::documents::RowDoc;
use super::extents::Extent;
use super::last_messages::Window;
use super::views::floor_of;
use crate::{ConversationMark, Count, Seq};

/// A conversation of a member.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) row: RowDoc,
    pub(super) history: BoxId,
    pub(super) extent: Extent,
}

/// Whether a conversation is in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Listing {
    Listed,
    Left,
    /// It is if there is a message that the member sees, which is to be looked for.
    Open,
}

impl Candidate {
    pub(super) fn listing(&self) -> Listing {
        let Self { row, extent, .. } = self;
        if row.has_left {
            return Listing::Left;
        }
        if extent.top == Seq::ZERO {
            // It never had an entry.
            return Listing::Listed;
        }
        if floor_of(row, extent) >= extent.top || extent.is_purged() {
            return Listing::Left;
        }
        // What was cleared does not come back with a change of what is in it.
        let is_cleared = row.cleared > extent.floor && !extent.ends_with_message();
        // Nor does one come back with a place that was given out in vain, such as behind a purge.
        if is_cleared || extent.ends_with_hole() {
            return Listing::Open;
        }
        Listing::Listed
    }

    /// Returns the entries among which a message may be that the member sees.
    pub(super) fn window(&self) -> Window {
        let (after, top) = (floor_of(&self.row, &self.extent), self.extent.top);
        Window { history: self.history.as_str().to_owned(), after, top }
    }

    /// Returns when it got its last entry, or the member came into it.
    pub(super) fn at_ms(&self) -> u64 {
        self.extent.last_ms.max(self.row.since_ms)
    }

    /// Returns where it stands in the list: by its time, and those of one time by their ids.
    fn rank(&self) -> (Reverse<u64>, &BoxId) {
        (Reverse(self.at_ms()), &self.history)
    }
}

/// Returns a page of the list, and whether there are further conversations behind it.
pub(super) fn page(
    mut listed: Vec<Candidate>,
    after: Option<&ConversationMark>,
    count: Count,
) -> (Vec<Candidate>, bool) {
    if let Some(mark) = after {
        let history = BoxId::history(&mark.conversation);
        listed.retain(|candidate| candidate.rank() > (Reverse(mark.at_ms), &history));
    }
    listed.sort_unstable_by(|one, other| one.rank().cmp(&other.rank()));
    let more = listed.len() > count.get();
    listed.truncate(count.get());
    (listed, more)
}

#[cfg(test)]
mod tests {
    use super::super::extents::LastEntry;
    use super::*;
    use crate::{Conversation, MemberId};

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    /// A conversation with a member, whose history ends with an entry of a kind.
    fn candidate(peer: &str, (floor, top, kind): (u64, u64, i64), cleared: u64) -> Candidate {
        let member = |id: &str| MemberId::new(id).unwrap();
        let conversation = Conversation::single(member("m"), member(peer));
        let last = (top > 0).then_some(LastEntry { kind, bytes: 2 });
        Candidate {
            history: BoxId::history(&conversation),
            row: RowDoc {
                member: member("m"),
                conversation,
                read: Seq::ZERO,
                joined: Seq::ZERO,
                cleared: seq(cleared),
                since_ms: 5,
                has_left: false,
            },
            extent: Extent { floor: seq(floor), top: seq(top), last_ms: top, last },
        }
    }

    #[test]
    fn a_conversation_is_listed_while_there_is_something_in_it() {
        let standing = |extent, cleared| candidate("a", extent, cleared).listing();
        assert_eq!(standing((0, 0, 0), 0), Listing::Listed, "a group that never had an entry");
        assert_eq!(standing((0, 5, 0), 0), Listing::Listed);
        assert_eq!(standing((0, 5, 2), 0), Listing::Listed, "a change is an entry, too");
        assert_eq!(standing((5, 5, 0), 0), Listing::Left, "retention removed all");
        assert_eq!(standing((4, 5, 5), 0), Listing::Left, "it was purged");
        assert_eq!(standing((4, 6, 1), 0), Listing::Listed, "something came behind the purge");
        assert_eq!(standing((0, 5, 0), 5), Listing::Left, "it was cleared");
        assert_eq!(standing((0, 6, 0), 5), Listing::Listed, "a message came since");
        assert_eq!(standing((0, 6, 2), 5), Listing::Open, "a change came since");
        assert_eq!(standing((4, 6, 6), 0), Listing::Open, "a place behind the purge was closed");
        assert_eq!(standing((0, 6, 6), 5), Listing::Open, "so was one since it was cleared");
        assert_eq!(standing((5, 6, 2), 5), Listing::Listed, "what was cleared is gone for all");
        let mut left = candidate("a", (0, 5, 0), 0);
        left.row.has_left = true;
        assert_eq!(left.listing(), Listing::Left);
    }

    #[test]
    fn the_most_recent_come_first_and_a_page_goes_on_behind_its_mark() {
        let all = || -> Vec<_> {
            let of = |(peer, top): (&str, u64)| candidate(peer, (0, top, 0), 0);
            [("c", 7), ("a", 9), ("d", 7), ("b", 7), ("e", 6)].map(of).into()
        };
        let peers = |(page, more): (Vec<Candidate>, bool)| -> (Vec<String>, bool) {
            (page.iter().map(|candidate| candidate.history.as_str().to_owned()).collect(), more)
        };
        let ids = |peers: &[&str]| -> Vec<String> {
            let id = |peer: &&str| candidate(peer, (0, 0, 0), 0).history.as_str().to_owned();
            peers.iter().map(id).collect()
        };
        assert_eq!(peers(page(all(), None, Count::new(3))), (ids(&["a", "b", "c"]), true));
        let mark =
            |peer: &str, at_ms| ConversationMark::new(at_ms, candidate(peer, (0, 0, 0), 0).row.conversation);
        assert_eq!(peers(page(all(), Some(&mark("c", 7)), Count::new(3))), (ids(&["d", "e"]), false));
        assert_eq!(peers(page(all(), Some(&mark("x", 8)), Count::new(1))), (ids(&["b"]), true));
        assert_eq!(peers(page(all(), Some(&mark("e", 6)), Count::new(3))), (Vec::new(), false));
    }
}
