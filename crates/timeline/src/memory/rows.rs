//! What members have of their conversations.
//!
//! This module is pure.

use std::collections::{BTreeMap, HashMap};
use std::ops::Bound;

use crate::{Conversation, MemberId, Parties, Seq};

/// What one member has of one conversation.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) conversation: Conversation,
    /// Up to where the member has read.
    pub(super) read: Seq,
    /// What was there when the member came, which is not unread.
    pub(super) joined: Seq,
    /// Up to where the member has cleared the conversation.
    pub(super) cleared: Seq,
    /// When the member came.
    pub(super) since_ms: u64,
    pub(super) has_left: bool,
}

/// The rows of all members, those of one by the keys of their conversations.
#[derive(Debug, Default)]
pub(super) struct Rows(HashMap<MemberId, BTreeMap<String, Row>>);

impl Rows {
    /// Returns the row of a member who is in a conversation from now on, if not before.
    pub(super) fn enter(
        &mut self,
        member: &MemberId,
        conversation: &Conversation,
        joined: Seq,
        since_ms: u64,
    ) -> &mut Row {
        let row = || Row {
            conversation: conversation.clone(),
            read: Seq::ZERO,
            joined,
            cleared: Seq::ZERO,
            since_ms,
            has_left: false,
        };
        self.0.entry(member.clone()).or_default().entry(key(conversation)).or_insert_with(row)
    }

    /// Notes that a member is in a conversation from now on, whose history ends with `joined`.
    ///
    /// Who was in it all the time keeps what was.
    pub(super) fn join(
        &mut self,
        member: &MemberId,
        conversation: &Conversation,
        joined: Seq,
        since_ms: u64,
    ) {
        let row = self.enter(member, conversation, joined, since_ms);
        if row.has_left {
            (row.has_left, row.joined, row.since_ms) = (false, joined, row.since_ms.max(since_ms));
        }
    }

    /// Removes all rows of a member.
    pub(super) fn remove(&mut self, member: &MemberId) {
        self.0.remove(member);
    }

    pub(super) fn get_mut(&mut self, member: &MemberId, conversation: &Conversation) -> Option<&mut Row> {
        self.0.get_mut(member)?.get_mut(&key(conversation))
    }

    pub(super) fn get(&self, member: &MemberId, conversation: &Conversation) -> Option<&Row> {
        self.0.get(member)?.get(&key(conversation))
    }

    /// Returns the rows of a member behind a conversation, or all, with their keys and in the order
    /// of these.
    pub(super) fn of(
        &self,
        member: &MemberId,
        after: Option<&Conversation>,
    ) -> impl Iterator<Item = (&str, &Row)> {
        let after = after.map(key);
        let begin = after.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let rows = self.0.get(member).map(|rows| rows.range::<str, _>((begin, Bound::Unbounded)));
        rows.into_iter().flatten().map(|(key, row)| (key.as_str(), row))
    }
}

/// Returns what orders the conversations of a member.
///
/// Names have no control characters, so no two conversations have one key.
pub(super) fn key(conversation: &Conversation) -> String {
    match conversation.parties() {
        Parties::Pair(one, other) => format!("s{one}\0{other}\0"),
        Parties::Group(group) => format!("g{group}\0"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GroupName;
    use crate::conversation::peer_of;

    fn member(id: &str) -> MemberId {
        MemberId::new(id).unwrap()
    }

    fn group(name: &str) -> Conversation {
        Conversation::group(GroupName::new(name).unwrap())
    }

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    #[test]
    fn who_joins_again_begins_anew_and_who_never_left_does_not() {
        let (mut rows, a) = (Rows::default(), member("a"));
        rows.join(&a, &group("g"), seq(3), 10);
        rows.join(&a, &group("g"), seq(5), 20);
        let row = rows.get(&a, &group("g")).unwrap();
        assert_eq!((row.joined, row.since_ms), (seq(3), 10));
        rows.get_mut(&a, &group("g")).unwrap().has_left = true;
        rows.join(&a, &group("g"), seq(7), 30);
        let row = rows.get(&a, &group("g")).unwrap();
        assert_eq!((row.joined, row.since_ms, row.has_left), (seq(7), 30, false));
    }

    #[test]
    fn rows_of_a_member_go_on_behind_a_conversation() {
        let (mut rows, a) = (Rows::default(), member("a"));
        let pair = Conversation::single(a.clone(), member("g"));
        for conversation in [&pair, &group("b"), &group("a"), &group("ab")] {
            rows.enter(&a, conversation, Seq::ZERO, 0);
        }
        rows.enter(&member("b"), &group("c"), Seq::ZERO, 0);
        let of = |after: Option<&Conversation>| -> Vec<Conversation> {
            rows.of(&a, after).map(|(_, row)| row.conversation.clone()).collect()
        };
        assert_eq!(of(None), [group("a"), group("ab"), group("b"), pair.clone()]);
        assert_eq!(of(Some(&group("ab"))), [group("b"), pair.clone()]);
        assert_eq!(of(Some(&group("aa"))), [group("ab"), group("b"), pair.clone()], "one that is not there");
        assert!(of(Some(&pair)).is_empty());
    }

    #[test]
    fn only_a_pair_of_two_has_another_member() {
        let (a, b) = (member("a"), member("b"));
        let pair = Conversation::single(b.clone(), a.clone());
        assert_eq!((peer_of(&pair, &a), peer_of(&pair, &b)), (Some(&b), Some(&a)));
        assert_eq!(peer_of(&Conversation::single(a.clone(), a.clone()), &a), None);
        assert_eq!(peer_of(&group("b"), &a), None);
    }
}
