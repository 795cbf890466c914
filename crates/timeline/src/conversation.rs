//! Who talks with whom: what a history belongs to.

use crate::{GroupName, MemberId};

/// What a history belongs to: two members, or a group.
///
/// A pair is the same conversation in both directions. The two variants never share anything,
/// whatever the names are: the pair (`group`, `x`) is not the group `x`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Conversation(Parties);

/// The parties of a [`Conversation`], as stores make keys from them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Parties {
    /// Two members, the smaller one (by bytes) first.
    ///
    /// Both are the same for notes to oneself.
    Pair(MemberId, MemberId),
    /// A group.
    Group(GroupName),
}

impl Conversation {
    /// Returns the conversation of two members, whichever comes first.
    #[must_use]
    pub fn single(one: MemberId, other: MemberId) -> Self {
        if one <= other { Self(Parties::Pair(one, other)) } else { Self(Parties::Pair(other, one)) }
    }

    /// Returns the conversation of a group.
    #[must_use]
    pub fn group(group: GroupName) -> Self {
        Self(Parties::Group(group))
    }

    /// Returns the parties in their canonical order.
    #[must_use]
    pub fn parties(&self) -> &Parties {
        &self.0
    }
}

/// Returns the other member of a pair; `None` in groups and in notes to oneself.
#[cfg(any(feature = "memory", feature = "mongo"))]
pub(crate) fn peer_of<'a>(conversation: &'a Conversation, member: &MemberId) -> Option<&'a MemberId> {
    let Parties::Pair(one, other) = conversation.parties() else { return None };
    let peer = if one == member { other } else { one };
    (peer != member).then_some(peer)
}
