//! The names of the soak, and how its store is set up.

use std::path::Path;

use timeline::embedded::{self, EmbeddedStore};
use timeline::{Config, Conversation, GroupName, Keep, MemberId, Message, Result, Retention, Timeline};

use crate::line::Talk;

/// How many users there are. The first two never acknowledge.
pub(crate) const USERS: usize = 6;

/// How many entries the group `short` keeps.
pub(crate) const KEPT: u64 = 50;

/// Opens the store of the soak.
pub(crate) async fn open(directory: &Path) -> Result<Timeline> {
    let retention = Retention::new().groups_named("short", Keep::everything().entries(KEPT));
    let config = embedded::Config::new(directory).retention(retention);
    Timeline::start(Config::default(), EmbeddedStore::start(config).await?)
}

pub(crate) fn member(user: usize) -> Result<MemberId> {
    MemberId::new(format!("user-{user}"))
}

pub(crate) fn everybody() -> Result<Vec<MemberId>> {
    (0..USERS).map(member).collect()
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
        let pairs = (0..USERS).map(|other| Self::Pair(user.min(other), user.max(other)));
        pairs.chain([Self::Group, Self::Short, Self::Purged]).collect()
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
        }
    }

    pub(crate) fn conversation(self) -> Result<Conversation> {
        match (self, self.group()) {
            (Self::Pair(one, other), _) => Ok(Conversation::single(member(one)?, member(other)?)),
            (_, Some(group)) => Ok(Conversation::group(GroupName::new(group)?)),
            (_, None) => Err(timeline::Error::new(timeline::ErrorKind::NotFound, "a talk has no name")),
        }
    }

    /// Whose inboxes get its messages.
    pub(crate) fn members(self) -> Vec<usize> {
        match self {
            Self::Pair(one, other) if one == other => vec![one],
            Self::Pair(one, other) => vec![one, other],
            Self::Group | Self::Short | Self::Purged => (0..USERS).collect(),
        }
    }
}
