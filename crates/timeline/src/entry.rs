//! One message at its place in an inbox or a history.

#[cfg(any(feature = "embedded", feature = "mongo"))]
mod number;

use std::fmt;

use crate::{GroupName, MemberId, Message, MessageId, Seq};

/// One message at its place in an inbox or a history.
///
/// It has what the store knows about the message as well. Readers believe these fields, never what
/// the JSON of the message says about its sender.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The place, from 1, without gaps.
    pub sequence: Seq,
    /// The message, byte for byte as it was sent.
    pub message: Message,
    /// Who sent it, if that is known.
    ///
    /// It is unknown for entries of layout 1, and for group sends whose sender was not named.
    pub from: Option<MemberId>,
    /// Whom it was sent to, if that is known.
    ///
    /// It is unknown for entries of layout 1.
    pub to: Option<Destination>,
    /// When the store took it, in milliseconds since 1970; 0 if that is unknown.
    ///
    /// It never falls within a history, also when the clock is set back, and is the same in all
    /// copies. Within an inbox it may fall then.
    pub at_ms: u64,
    /// The id that its sender gave it.
    pub message_id: Option<MessageId>,
    /// What the entry is.
    pub kind: EntryKind,
    /// What became of the message since it was sent.
    pub status: EntryStatus,
    /// When that was, in milliseconds since 1970; 0 if it is as it was sent.
    pub changed_at_ms: u64,
    /// The place of the entry in the history of its conversation.
    ///
    /// In a history it is the same as `sequence`. 0 for entries of inboxes that are of layout 1 or
    /// 2, which cannot be changed.
    pub place: Seq,
    /// The place of the message that an edit, a recall or a deletion is about.
    ///
    /// That of a purge is the last one that is gone. 0 for other kinds.
    pub target: Seq,
    /// The text that the message has now which an edit is about.
    ///
    /// It is read with the edit, so an earlier edit shows the text of the latest one. None for
    /// other kinds, and for a message that is gone meanwhile.
    pub edited: Option<Message>,
    /// What tells it from another entry at the same place, after a restore.
    ///
    /// Entries of layout 1 have none.
    pub tag: Option<Tag>,
}

/// Whom a message was sent to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Destination {
    /// One member.
    Member(MemberId),
    /// A group.
    Group(GroupName),
}

/// What an entry is.
///
/// The message of every kind but the first is `{}`, so that readers who know of no kinds have
/// something to read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryKind {
    /// A message.
    #[default]
    Message,
    /// An earlier message has a new text.
    Edit,
    /// An earlier message was taken back by its sender.
    Recall,
    /// A place whose message is gone; the [status](Entry::status) says why.
    ///
    /// It keeps the sequence without a gap.
    Tombstone,
    /// An earlier message was deleted.
    Deletion,
    /// All earlier messages of the conversation were deleted.
    Purge,
}

/// What became of a message since it was sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EntryStatus {
    /// It is as it was sent.
    #[default]
    Original,
    /// It has another text.
    Edited,
    /// Its sender took it back.
    Recalled,
    /// It was deleted.
    Deleted,
    /// Its history does not have it any more: retention removed it, or it was purged.
    Expired,
    /// It was lost with a damaged file, and a salvage has closed the gap.
    Lost,
    /// There was none: the place was reserved and not used, and nothing is lost.
    ///
    /// A node died in the middle of a send, or two nodes changed a message at once, and one of them
    /// told of its change at another place.
    Unused,
}

/// A random number that tells an entry from an earlier one at its place.
///
/// The earlier one was there before a restore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tag(u64);

impl Tag {
    /// Creates a tag from its number.
    #[must_use]
    pub fn new(number: u64) -> Self {
        Self(number)
    }

    /// Returns the number.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Entry {
    /// Creates an entry of which only the place and the message are known.
    #[must_use]
    pub fn new(sequence: Seq, message: Message) -> Self {
        Self {
            sequence,
            message,
            from: None,
            to: None,
            at_ms: 0,
            message_id: None,
            kind: EntryKind::Message,
            status: EntryStatus::Original,
            changed_at_ms: 0,
            place: Seq::ZERO,
            target: Seq::ZERO,
            edited: None,
            tag: None,
        }
    }

    /// Returns about how many bytes the entry takes.
    ///
    /// It counts the message, the names, and what is around them, in memory or in an answer.
    /// Whatever is bounded in bytes counts these.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let from = self.from.as_ref().map_or(0, |member| member.as_str().len());
        let to = match &self.to {
            Some(Destination::Member(member)) => member.as_str().len(),
            Some(Destination::Group(group)) => group.as_str().len(),
            None => 0,
        };
        let message_id = self.message_id.as_ref().map_or(0, |id| id.as_str().len());
        let edited = self.edited.as_ref().map_or(0, |message| message.as_str().len());
        OVERHEAD_BYTES + self.message.as_str().len() + edited + from + to + message_id
    }
}

/// What an entry has beside its texts: the names of the fields and the numbers of one in JSON,
/// which in memory have no more.
const OVERHEAD_BYTES: usize = 200;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_of_an_entry_are_those_of_its_message_its_names_and_what_is_around_them() {
        let bare = Entry::new(Seq::ZERO, Message::from_stored("{}"));
        assert_eq!(bare.bytes(), OVERHEAD_BYTES + 2);
        let name = "n".repeat(512);
        let named = Entry {
            from: Some(MemberId::new(name.as_str()).unwrap()),
            to: Some(Destination::Group(GroupName::new(name.as_str()).unwrap())),
            message_id: Some(MessageId::new(name.as_str()).unwrap()),
            ..bare.clone()
        };
        assert_eq!(named.bytes(), bare.bytes() + 3 * 512);
    }
}
