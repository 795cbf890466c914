//! Who talks with whom, and about what.

use timeline::{Conversation, Error, ErrorKind, GroupName, Keep, MemberId, Message, Result, Retention};

use crate::line::Talk;
use crate::users::{ACTIVE, AGE, SOME, USERS};

/// How many entries the group `short` keeps.
pub(crate) const KEPT: u64 = 50;

/// Returns what the store of a soak is told to keep.
pub(crate) fn retention() -> Retention {
    Retention::new().groups_named("short", Keep::everything().entries(KEPT))
}

pub(crate) fn member(user: usize) -> Result<MemberId> {
    MemberId::new(format!("user-{user}"))
}

/// The text of a message before it is edited. Some are long enough to be shared.
pub(crate) fn text(id: &str) -> String {
    let long = if id.ends_with('7') { 600 } else { 0 };
    format!("{{\"id\":\"{id}\",\"more\":\"{}\"}}", "x".repeat(long))
}

pub(crate) fn message(text: &str) -> Result<Message> {
    Message::new(text)
}

impl Talk {
    /// All talks of a user.
    pub(crate) fn of(user: usize) -> Vec<Self> {
        let others = if user < ACTIVE { 0..ACTIVE } else { 0..0 };
        let pairs = others.map(|other| Self::Pair(user.min(other), user.max(other)));
        let groups = [Self::Group, Self::Short, Self::Purged];
        let aged = AGE.map(|_| Self::Aged);
        let groups = groups.into_iter().chain(aged).filter(|group| group.members().contains(&user));
        pairs.chain(groups).collect()
    }

    /// All talks there are.
    pub(crate) fn all() -> Vec<Self> {
        let mut all: Vec<_> = (0..USERS).flat_map(Self::of).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Returns the group, if it is one.
    pub(crate) fn group(self) -> Option<&'static str> {
        match self {
            Self::Pair(..) => None,
            Self::Group => Some("group"),
            Self::Short => Some("short"),
            Self::Purged => Some("purged"),
            Self::Aged => Some("aged"),
        }
    }

    pub(crate) fn conversation(self) -> Result<Conversation> {
        match (self, self.group()) {
            (Self::Pair(one, other), _) => Ok(Conversation::single(member(one)?, member(other)?)),
            (_, Some(group)) => Ok(Conversation::group(GroupName::new(group)?)),
            (_, None) => Err(Error::new(ErrorKind::NotFound, "a talk has no name")),
        }
    }

    /// Whose inboxes get its messages.
    pub(crate) fn members(self) -> Vec<usize> {
        match self {
            Self::Pair(one, other) if one == other => vec![one],
            Self::Pair(one, other) => vec![one, other],
            Self::Group => (0..USERS).collect(),
            Self::Short | Self::Purged | Self::Aged => (0..SOME).collect(),
        }
    }

    /// The same by their names.
    pub(crate) fn member_ids(self) -> Result<Vec<MemberId>> {
        self.members().into_iter().map(member).collect()
    }
}
