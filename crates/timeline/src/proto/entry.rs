//! An entry as every reader sees it, in an answer or pushed.

use crate::proto::v1::{TimelineEntry, timeline_entry};
use crate::{Destination, Entry, EntryKind, EntryStatus, Message, Tag};

/// The entry on the wire; what is not known of it is absent.
impl From<&Entry> for TimelineEntry {
    fn from(entry: &Entry) -> Self {
        let (to, group) = match &entry.to {
            Some(Destination::Member(member)) => (Some(member.to_string()), None),
            Some(Destination::Group(group)) => (None, Some(group.to_string())),
            None => (None, None),
        };
        Self {
            sequence: entry.sequence.to_i64(),
            message: entry.message.as_str().to_owned(),
            from: entry.from.as_ref().map(ToString::to_string),
            to,
            group,
            at_ms: known(entry.at_ms),
            message_id: entry.message_id.as_ref().map(ToString::to_string),
            kind: timeline_entry::Kind::from(entry.kind).into(),
            tag: entry.tag.map(Tag::get),
            place: entry.place.to_i64(),
            status: timeline_entry::Status::from(entry.status).into(),
            changed_at_ms: known(entry.changed_at_ms),
            target: entry.target.to_i64(),
            edited: entry.edited.as_ref().map(Message::as_str).map(str::to_owned),
        }
    }
}

/// 0 stands for a time that is not known, so it is left out.
fn known(ms: u64) -> Option<i64> {
    i64::try_from(ms).ok().filter(|ms| *ms > 0)
}

impl From<EntryKind> for timeline_entry::Kind {
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

impl From<EntryStatus> for timeline_entry::Status {
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
