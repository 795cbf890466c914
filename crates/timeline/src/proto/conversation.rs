//! Conversations as one of their members sees them.

use crate::proto::v1;
use crate::{Conversation, ConversationSummary, ConversationView, MemberId, Parties, ReadCursor};

/// Names a conversation as a member sees it: by the other one, or by the group.
///
/// One of the two texts is empty.
fn names(member: &MemberId, conversation: &Conversation) -> (String, String) {
    match conversation.parties() {
        Parties::Pair(one, other) if one == member => (other.to_string(), String::new()),
        Parties::Pair(one, _) => (one.to_string(), String::new()),
        Parties::Group(group) => (String::new(), group.to_string()),
    }
}

fn unread(view: &ConversationView) -> i32 {
    i32::try_from(view.unread.get()).unwrap_or(i32::MAX)
}

impl From<&ConversationView> for v1::UnreadReply {
    fn from(view: &ConversationView) -> Self {
        Self {
            unread: unread(view),
            capped: view.unread.is_capped(),
            read: view.read.to_i64(),
            latest: view.latest.to_i64(),
        }
    }
}

impl v1::ReadCursor {
    /// Returns the cursor as the member of an inbox sees it.
    pub(crate) fn seen_by(member: &MemberId, cursor: &ReadCursor) -> Self {
        let (with, group) = names(member, &cursor.conversation);
        Self { member: cursor.member.to_string(), with, group, read: cursor.read.to_i64() }
    }
}

impl v1::UnreadConversation {
    /// Returns the conversation as its member sees it.
    pub(crate) fn seen_by(member: &MemberId, view: &ConversationView) -> Self {
        let (with, group) = names(member, &view.conversation);
        Self {
            with,
            group,
            unread: unread(view),
            capped: view.unread.is_capped(),
            read: view.read.to_i64(),
            latest: view.latest.to_i64(),
        }
    }
}

impl v1::ConversationSummary {
    /// Returns the conversation as it stands in the list of its member.
    pub(crate) fn seen_by(member: &MemberId, summary: &ConversationSummary) -> Self {
        let view = &summary.view;
        let (with, group) = names(member, &view.conversation);
        Self {
            with,
            group,
            title: summary.title.clone(),
            last: summary.last.as_ref().map(Into::into),
            unread: unread(view),
            capped: view.unread.is_capped(),
            read: view.read.to_i64(),
            peer_read: summary.peer_read.to_i64(),
            latest: view.latest.to_i64(),
            floor: view.floor.to_i64(),
            at_ms: i64::try_from(view.at_ms).unwrap_or(i64::MAX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::GroupName;

    #[test]
    fn a_conversation_is_named_by_the_other_one_or_by_the_group() {
        let member = |id: &str| MemberId::new(id).unwrap();
        let pair = Conversation::single(member("alice"), member("bob"));
        let own = Conversation::single(member("alice"), member("alice"));
        let group = Conversation::group(GroupName::new("bob").unwrap());
        for (conversation, seen_by, with, name) in [
            (&pair, "alice", "bob", ""),
            (&pair, "bob", "alice", ""),
            (&own, "alice", "alice", ""),
            (&group, "alice", "", "bob"),
        ] {
            assert_eq!(names(&member(seen_by), conversation), (with.to_owned(), name.to_owned()));
        }
    }
}
