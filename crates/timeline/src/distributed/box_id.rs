//! What the documents of a box are stored under.
//!
//! ```text
//! inbox    <member>
//! history  seq:<a>:<b>                  a pair, a ≤ b by bytes
//!          seq:group:<group>            a group
//!          p<bytes of a>:<a>:<b>        a pair of whom a name has `:` or is `group`
//!          g<bytes of group>:<group>    a group whose name has `:`
//! ```
//!
//! The first two forms of histories are those of the Go service. The others have lengths, as what
//! the Go service made of such names can be read in more than one way.

use std::fmt;
use std::sync::Arc;

use crate::{Conversation, GroupName, MemberId, Parties};

/// Which of the two collections of entries a box is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Side {
    Inbox,
    History,
}

/// The id of a box: an inbox or a history.
///
/// Cloning shares the text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct BoxId {
    side: Side,
    id: Arc<str>,
}

/// What stands for the first name of a pair in the ids of groups.
const GROUP: &str = "group";

impl BoxId {
    pub(super) fn inbox(member: &MemberId) -> Self {
        Self::stored(Side::Inbox, member.as_str())
    }

    pub(super) fn history(conversation: &Conversation) -> Self {
        let id = match conversation.parties() {
            Parties::Pair(one, other) if is_plain(one) && is_plain(other) => format!("seq:{one}:{other}"),
            Parties::Pair(one, other) => format!("p{}:{one}:{other}", one.as_str().len()),
            Parties::Group(name) if name.as_str().contains(':') => {
                format!("g{}:{name}", name.as_str().len())
            }
            Parties::Group(name) => format!("seq:{GROUP}:{name}"),
        };
        Self { side: Side::History, id: id.into() }
    }

    /// Returns the box that a document with this `id` belongs to.
    pub(super) fn stored(side: Side, id: &str) -> Self {
        Self { side, id: id.into() }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.id
    }

    pub(super) fn side(&self) -> Side {
        self.side
    }

    /// Returns the conversation of a history.
    ///
    /// None for an inbox, and for an id of the Go service that can be read in more than one way.
    pub(super) fn to_conversation(&self) -> Option<Conversation> {
        let conversation = parse(&self.id)?;
        (Self::history(&conversation) == *self).then_some(conversation)
    }

    /// Returns the member of an inbox; none for a history.
    pub(super) fn to_member(&self) -> Option<MemberId> {
        match self.side {
            Side::Inbox => MemberId::new(&*self.id).ok(),
            Side::History => None,
        }
    }
}

impl fmt::Display for BoxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.id)
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Inbox => "inbox",
            Self::History => "history",
        })
    }
}

/// Returns whether a member of a pair can stand in an id of the Go service.
fn is_plain(member: &MemberId) -> bool {
    let name = member.as_str();
    name != GROUP && !name.contains(':')
}

/// Reads an id, also one that no conversation has.
fn parse(id: &str) -> Option<Conversation> {
    if let Some(names) = id.strip_prefix("seq:") {
        let (one, other) = names.split_once(':')?;
        return if one == GROUP { group(other) } else { pair(one, other) };
    }
    if let Some(rest) = id.strip_prefix('g') {
        let (_, name) = rest.split_once(':')?;
        return group(name);
    }
    let (length, names) = id.strip_prefix('p')?.split_once(':')?;
    let (one, other) = names.split_at_checked(length.parse().ok()?)?;
    pair(one, other.strip_prefix(':')?)
}

fn pair(one: &str, other: &str) -> Option<Conversation> {
    Some(Conversation::single(MemberId::new(one).ok()?, MemberId::new(other).ok()?))
}

fn group(name: &str) -> Option<Conversation> {
    Some(Conversation::group(GroupName::new(name).ok()?))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::conversation::peer_of;

    fn member(id: &str) -> MemberId {
        MemberId::new(id).unwrap()
    }

    fn id_of(conversation: &Conversation) -> String {
        BoxId::history(conversation).to_string()
    }

    /// All pairs and groups of names that look alike.
    fn conversations() -> Vec<Conversation> {
        let names =
            ["a", "b", "group", "seq", "a:b", "b:a", ":", "a:", ":a", "group:a", "seq:a", "1:a", "p1"];
        let pairs = names.iter().flat_map(|one| names.iter().map(move |other| (one, other)));
        let pairs = pairs.filter(|(one, other)| one <= other).map(|(one, other)| pair(one, other).unwrap());
        pairs.chain(names.iter().map(|name| group(name).unwrap())).collect()
    }

    #[test]
    fn conversations_have_the_ids_of_the_go_service_where_those_are_clear() {
        for (one, other, id) in [
            ("bob", "alice", "seq:alice:bob"),
            ("a", "a", "seq:a:a"),
            ("a", "group", "p1:a:group"),
            ("x", "group", "p5:group:x"),
            ("a:b", "c", "p3:a:b:c"),
            ("ä", "b:c", "p3:b:c:ä"),
        ] {
            assert_eq!(id_of(&pair(one, other).unwrap()), id);
        }
        assert_eq!(id_of(&group("tea").unwrap()), "seq:group:tea");
        assert_eq!(id_of(&group("group").unwrap()), "seq:group:group");
        assert_eq!(id_of(&group("a:b").unwrap()), "g3:a:b");
        let inbox = BoxId::inbox(&member("seq:a:b"));
        assert_eq!((inbox.as_str(), inbox.side()), ("seq:a:b", Side::Inbox));
    }

    #[test]
    fn no_two_conversations_share_an_id() {
        let mut known = HashMap::new();
        for conversation in conversations() {
            let id = id_of(&conversation);
            assert_eq!(BoxId::stored(Side::History, &id).to_conversation().as_ref(), Some(&conversation));
            if let Some(other) = known.insert(id, conversation.clone()) {
                panic!("{conversation:?} has the id of {other:?}");
            }
        }
    }

    #[test]
    fn ids_that_can_be_read_in_more_than_one_way_are_no_conversation() {
        for id in [
            "seq:a:b:c",
            "seq:b:a",
            "seq:a",
            "seq:a:",
            "seq::a",
            "seq:group:",
            "seq:group:a:b",
            "alice",
            "p1:a",
            "p1:a:b",
            "p2:a:b",
            "p01:a:b:c",
            "p9:a:b",
            "p:a:b",
            "p1:ä:b:c",
            "g1:a",
            "g2:a:b",
            "g:a:b",
            "g03:a:b",
        ] {
            assert_eq!(BoxId::stored(Side::History, id).to_conversation(), None, "{id}");
        }
    }

    #[test]
    fn an_inbox_is_no_conversation_and_a_history_no_member() {
        let inbox = BoxId::stored(Side::Inbox, "seq:a:b");
        assert_eq!((inbox.to_conversation(), inbox.to_member()), (None, Some(member("seq:a:b"))));
        assert_eq!(BoxId::stored(Side::History, "seq:a:b").to_member(), None);
        assert_eq!(BoxId::stored(Side::Inbox, "").to_member(), None);
    }

    #[test]
    fn only_a_pair_of_two_has_another_member() {
        let (a, b) = (member("a"), member("b"));
        let both = pair("a", "b").unwrap();
        assert_eq!((peer_of(&both, &a), peer_of(&both, &b)), (Some(&b), Some(&a)));
        assert_eq!(peer_of(&pair("a", "a").unwrap(), &a), None);
        assert_eq!(peer_of(&group("b").unwrap(), &a), None);
    }

    proptest! {
        #[test]
        fn any_conversation_comes_back_from_its_id(
            one in "[ag:1é]{1,6}", other in "[ag:1é]{1,6}", is_group: bool,
        ) {
            let made = if is_group { group(&one) } else { pair(&one, &other) };
            let conversation = made.unwrap();
            prop_assert_eq!(BoxId::history(&conversation).to_conversation(), Some(conversation));
        }
    }
}
