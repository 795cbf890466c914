//! An entry as every reader sees it, in an answer or pushed.

use crate::proto::v1::{TimelineEntry, timeline_entry};
use crate::{Destination, Entry, EntryKind, Tag};

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
            // 0 stands for a time that is not known, so it is left out.
            at_ms: i64::try_from(entry.at_ms).ok().filter(|at_ms| *at_ms > 0),
            message_id: entry.message_id.as_ref().map(ToString::to_string),
            kind: timeline_entry::Kind::from(entry.kind).into(),
            tag: entry.tag.map(Tag::get),
        }
    }
}

impl From<EntryKind> for timeline_entry::Kind {
    fn from(kind: EntryKind) -> Self {
        match kind {
            EntryKind::Message => Self::Message,
            EntryKind::Edit => Self::Edit,
            EntryKind::Recall => Self::Recall,
            EntryKind::Tombstone => Self::Tombstone,
        }
    }
}
