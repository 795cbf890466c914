//! One line of an export.

use serde::{Deserialize, Serialize};

use super::super::keys;
use crate::conversation::Parties;
use crate::{
    Conversation, Destination, EntryKind, EntryStatus, Error, ErrorKind, Group, GroupMember, GroupName,
    MemberId, Result, Role, Seq,
};

/// The version of the format.
pub(super) const FORMAT: u32 = 1;

/// One line of an export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub(super) enum Line {
    Store {
        format: u32,
        /// Which store it was; a text, as JSON has no numbers of 128 bits.
        id: String,
        generation: u64,
        /// The last batch that is in it.
        batch: u64,
    },
    Box {
        of: BoxName,
        floor: u64,
        top: u64,
        last_ms: u64,
    },
    Group {
        name: String,
        title: String,
        open: bool,
        created_at_ms: u64,
        members: Vec<(String, GroupRole)>,
    },
    Received {
        member: String,
        sequence: u64,
    },
    Conversation {
        member: String,
        of: BoxName,
        read: u64,
        joined: u64,
        cleared: u64,
        since_ms: u64,
        has_left: bool,
    },
    Entry(Box<EntryLine>),
    Copies {
        group: String,
        place: u64,
        copies: Vec<(String, u64)>,
    },
    Answer {
        of: BoxName,
        message_id: String,
        sequence: u64,
        place: u64,
        /// 32 hexadecimal digits.
        digest: String,
    },
    End {
        lines: u64,
        /// The checksum of the lines between the first one and this: 32 hexadecimal digits.
        ///
        /// Whoever changes lines on purpose leaves it out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sum: Option<String>,
    },
}

/// An entry as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EntryLine {
    pub(super) of: BoxName,
    pub(super) sequence: u64,
    pub(super) kind: KindName,
    #[serde(default, skip_serializing_if = "StatusName::is_original")]
    pub(super) status: StatusName,
    pub(super) at_ms: u64,
    /// A text, as programs that read numbers as doubles would round it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tag: Option<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) place: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) changed_at_ms: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) told_at: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) target: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) copies: Option<(u64, u64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<DestinationName>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message_id: Option<String>,
    /// The text, byte for byte; none if it is that of the entry at `place` of the history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) message: Option<String>,
}

/// Whose entries: a member's inbox, or the history of a pair or a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum BoxName {
    Inbox(String),
    Pair(String, String),
    Group(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum DestinationName {
    Member(String),
    Group(String),
}

/// The names of [`EntryKind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum KindName {
    Message,
    Edit,
    Recall,
    Tombstone,
    Deletion,
    Purge,
}

/// The names of [`EntryStatus`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum StatusName {
    #[default]
    Original,
    Edited,
    Recalled,
    Deleted,
    Expired,
    Lost,
    Unused,
}

/// The names of [`Role`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum GroupRole {
    Owner,
    Member,
}

impl BoxName {
    /// Returns the name of the box with `prefix`.
    pub(super) fn of(prefix: &[u8]) -> Result<Self> {
        if prefix.first() == Some(&b'i') {
            let name = prefix.get(1..prefix.len().saturating_sub(1)).unwrap_or_default();
            let text = std::str::from_utf8(name).map_err(|error| {
                Error::with_source(ErrorKind::Corrupt, "a stored key has no member", error)
            })?;
            return Ok(Self::Inbox(text.to_owned()));
        }
        Ok(match keys::conversation(prefix)?.parties() {
            Parties::Pair(smaller, larger) => Self::Pair(smaller.as_str().into(), larger.as_str().into()),
            Parties::Group(group) => Self::Group(group.as_str().into()),
        })
    }

    /// Returns what the keys of the box begin with.
    pub(super) fn prefix(&self) -> Result<Vec<u8>> {
        Ok(match self.conversation()? {
            Some(conversation) => keys::history(&conversation),
            None => keys::inbox(&self.member()?),
        })
    }

    /// Returns whose history it is; none for an inbox.
    pub(super) fn conversation(&self) -> Result<Option<Conversation>> {
        Ok(match self {
            Self::Inbox(_) => None,
            Self::Pair(one, other) => Some(Conversation::single(member(one)?, member(other)?)),
            Self::Group(name) => Some(Conversation::group(group(name)?)),
        })
    }

    fn member(&self) -> Result<MemberId> {
        match self {
            Self::Inbox(name) => member(name),
            Self::Pair(..) | Self::Group(_) => Err(invalid("of", "a history is no inbox")),
        }
    }
}

impl StatusName {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
    fn is_original(&self) -> bool {
        *self == Self::Original
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it with a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl From<&Destination> for DestinationName {
    fn from(to: &Destination) -> Self {
        match to {
            Destination::Member(member) => Self::Member(member.as_str().to_owned()),
            Destination::Group(group) => Self::Group(group.as_str().to_owned()),
        }
    }
}

impl DestinationName {
    pub(super) fn destination(&self) -> Result<Destination> {
        Ok(match self {
            Self::Member(name) => Destination::Member(member(name)?),
            Self::Group(name) => Destination::Group(group(name)?),
        })
    }
}

impl From<EntryKind> for KindName {
    fn from(kind: EntryKind) -> Self {
        match kind {
            EntryKind::Message => Self::Message,
            EntryKind::Edit => Self::Edit,
            EntryKind::Recall => Self::Recall,
            EntryKind::Tombstone => Self::Tombstone,
            EntryKind::Deletion => Self::Deletion,
            EntryKind::Purge => Self::Purge,
        }
    }
}

impl From<KindName> for EntryKind {
    fn from(kind: KindName) -> Self {
        match kind {
            KindName::Message => Self::Message,
            KindName::Edit => Self::Edit,
            KindName::Recall => Self::Recall,
            KindName::Tombstone => Self::Tombstone,
            KindName::Deletion => Self::Deletion,
            KindName::Purge => Self::Purge,
        }
    }
}

impl From<EntryStatus> for StatusName {
    fn from(status: EntryStatus) -> Self {
        match status {
            EntryStatus::Original => Self::Original,
            EntryStatus::Edited => Self::Edited,
            EntryStatus::Recalled => Self::Recalled,
            EntryStatus::Deleted => Self::Deleted,
            EntryStatus::Expired => Self::Expired,
            EntryStatus::Lost => Self::Lost,
            EntryStatus::Unused => Self::Unused,
        }
    }
}

impl From<StatusName> for EntryStatus {
    fn from(status: StatusName) -> Self {
        match status {
            StatusName::Original => Self::Original,
            StatusName::Edited => Self::Edited,
            StatusName::Recalled => Self::Recalled,
            StatusName::Deleted => Self::Deleted,
            StatusName::Expired => Self::Expired,
            StatusName::Lost => Self::Lost,
            StatusName::Unused => Self::Unused,
        }
    }
}

/// Returns the line of a group.
pub(super) fn of_group(group: &Group) -> Line {
    let role = |role| if role == Role::Owner { GroupRole::Owner } else { GroupRole::Member };
    Line::Group {
        name: group.name.as_str().to_owned(),
        title: group.title.clone(),
        open: group.open,
        created_at_ms: group.created_at_ms,
        members: group
            .members
            .iter()
            .map(|known| (known.member.as_str().to_owned(), role(known.role)))
            .collect(),
    }
}

/// Returns the members that a line names.
pub(super) fn members(names: &[(String, GroupRole)]) -> Result<Vec<GroupMember>> {
    let known = |(name, role): &(String, GroupRole)| {
        let role = if *role == GroupRole::Owner { Role::Owner } else { Role::Member };
        Ok(GroupMember::new(member(name)?, role))
    };
    names.iter().map(known).collect()
}

pub(super) fn member(name: &str) -> Result<MemberId> {
    MemberId::new(name).map_err(|error| error.in_field("member"))
}

pub(super) fn group(name: &str) -> Result<GroupName> {
    GroupName::new(name).map_err(|error| error.in_field("group"))
}

pub(super) fn sequence(number: u64, field: &str) -> Result<Seq> {
    Seq::new(number).map_err(|error| error.in_field(field))
}

/// Writes bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // A text takes every character.
        write!(text, "{byte:02x}").ok();
    }
    text
}

/// Reads a digest of hexadecimal digits.
pub(super) fn digest(text: &str) -> Result<[u8; 16]> {
    let number = u128::from_str_radix(text, 16).ok().filter(|_| text.len() == 32);
    number.map(u128::to_be_bytes).ok_or_else(|| invalid("digest", "it must be 32 hexadecimal digits"))
}

pub(super) fn invalid(field: &str, text: &'static str) -> Error {
    Error::invalid(text).in_field(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_written() {
        let entry = EntryLine {
            of: BoxName::Pair("a".to_owned(), "b".to_owned()),
            sequence: 7,
            kind: KindName::Message,
            status: StatusName::Edited,
            at_ms: 1,
            tag: Some(u64::MAX.to_string()),
            place: 7,
            changed_at_ms: 2,
            told_at: 8,
            target: 0,
            copies: Some((3, 4)),
            from: Some("a".to_owned()),
            to: Some(DestinationName::Member("b".to_owned())),
            message_id: Some("id".to_owned()),
            message: Some("{\"b\" : 1}".to_owned()),
        };
        let inbox = BoxName::Inbox("g".to_owned());
        for line in [
            Line::Store { format: FORMAT, id: "7".to_owned(), generation: 9, batch: 3 },
            Line::Box { of: inbox, floor: 1, top: 2, last_ms: 3 },
            Line::Entry(Box::new(entry)),
            Line::Copies { group: "g".to_owned(), place: 2, copies: vec![("a".to_owned(), 1)] },
            Line::End { lines: 4, sum: Some("7".to_owned()) },
            Line::End { lines: 4, sum: None },
        ] {
            let text = serde_json::to_string(&line).unwrap();
            assert_eq!(serde_json::from_str::<Line>(&text).unwrap(), line, "{text}");
        }
    }

    #[test]
    fn names_of_boxes_give_their_keys_and_back() {
        for name in [
            BoxName::Inbox("group".to_owned()),
            BoxName::Pair("a".to_owned(), "b".to_owned()),
            BoxName::Group("x".to_owned()),
        ] {
            assert_eq!(BoxName::of(&name.prefix().unwrap()).unwrap(), name);
        }
    }

    #[test]
    fn a_digest_has_32_digits() {
        assert_eq!(digest(&hex(&[0xab; 16])).unwrap(), [0xab; 16]);
        for bad in ["", "ab", &"g".repeat(32), &"a".repeat(33)] {
            assert_eq!(digest(bad).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad}");
        }
    }
}
