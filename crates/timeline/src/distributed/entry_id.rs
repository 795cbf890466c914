//! The `_id`s of documents, which are made before the first attempt to write them.
//!
//! ```text
//! entry of a history that is a message     xxh3 of (history, message id, salt); the id is made by
//!                                          the node if the sender gave none
//! other entry of a history, hole           unix ms: 6 bytes, random: 10 bytes
//! copy of an entry                         unix ms of the entry: 6 bytes, 0 at place 1,
//!                                          10 bytes of xxh3 of (`_id` of the entry, member)
//! head of a box, row of a member           xxh3 of what it belongs to
//! ```
//!
//! A copy has the same `_id` in each attempt of any node; so has a message in its history.
//! Whoever writes either once more is told by the index that it is there.

use mongodb::bson::oid::ObjectId;
use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, Bson, RawBsonRef};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::box_id::{BoxId, Side};
use crate::{MemberId, MessageId, Tag};

/// The `_id` of a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum EntryId {
    /// One that this store made.
    Ours([u8; 16]),
    /// One that the driver of the Go service made.
    Go(ObjectId),
}

impl EntryId {
    /// Returns the `_id` of an entry of a history whose message has an id.
    ///
    /// The salt is 0, unless the message of the lower one is gone and its id is free again.
    pub(super) fn of_message(history: &BoxId, message_id: &MessageId, salt: u32) -> Self {
        let salt = salt.to_be_bytes();
        Self::hashed("h", &[history.as_str().as_bytes(), message_id.as_str().as_bytes(), &salt])
    }

    /// Creates an `_id` that no other document has.
    pub(super) fn fresh(at_ms: u64) -> Self {
        let mut bytes = [0; 16];
        fastrand::fill(&mut bytes);
        Self::timed(at_ms, bytes)
    }

    /// Returns the `_id` of the copy of an entry that a member gets.
    ///
    /// `at_ms` is the time of the entry, which is that of all its copies.
    pub(super) fn of_copy(entry: &Self, at_ms: u64, member: &MemberId) -> Self {
        let hash = hash("c", &[&entry.bytes(), member.as_str().as_bytes()]);
        Self::timed(at_ms, hash.to_be_bytes())
    }

    /// Returns the `_id` of the head of a box.
    pub(super) fn of_head(boxed: &BoxId) -> Self {
        let side = match boxed.side() {
            Side::Inbox => "i",
            Side::History => "h",
        };
        Self::hashed("head", &[side.as_bytes(), boxed.as_str().as_bytes()])
    }

    /// Returns the `_id` of what a member has of a conversation.
    pub(super) fn of_row(member: &MemberId, history: &BoxId) -> Self {
        Self::hashed("r", &[member.as_str().as_bytes(), history.as_str().as_bytes()])
    }

    /// Reads an `_id`; none if it is neither ours nor one of the Go service.
    pub(super) fn read(value: RawBsonRef<'_>) -> Option<Self> {
        match value {
            RawBsonRef::Binary(binary) => binary.bytes.try_into().ok().map(Self::Ours),
            RawBsonRef::ObjectId(id) => Some(Self::Go(id)),
            _ => None,
        }
    }

    /// Returns the tag of the entry that has this `_id`.
    pub(super) fn tag(&self) -> Tag {
        Tag::new(match self {
            Self::Ours(bytes) => xxh3_64(bytes),
            Self::Go(id) => xxh3_64(&id.bytes()),
        })
    }

    pub(super) fn to_bson(self) -> Bson {
        match self {
            Self::Ours(bytes) => {
                Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() })
            }
            Self::Go(id) => Bson::ObjectId(id),
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Ours(bytes) => bytes.to_vec(),
            Self::Go(id) => id.bytes().to_vec(),
        }
    }

    /// Puts a time in front of the last 10 bytes, so that new documents lie together in the index.
    fn timed(at_ms: u64, mut bytes: [u8; 16]) -> Self {
        let [_, _, time @ ..] = at_ms.to_be_bytes();
        bytes[..6].copy_from_slice(&time);
        Self::Ours(bytes)
    }

    fn hashed(kind: &str, parts: &[&[u8]]) -> Self {
        Self::Ours(hash(kind, parts).to_be_bytes())
    }
}

/// Hashes parts that end with a zero each, which names do not have.
fn hash(kind: &str, parts: &[&[u8]]) -> u128 {
    let mut bytes =
        Vec::with_capacity(kind.len() + 1 + parts.iter().map(|part| part.len() + 1).sum::<usize>());
    bytes.extend_from_slice(kind.as_bytes());
    bytes.push(0);
    for part in parts {
        bytes.extend_from_slice(part);
        bytes.push(0);
    }
    xxh3_128(&bytes)
}

#[cfg(test)]
mod tests {
    use mongodb::bson::{RawDocumentBuf, doc};

    use super::*;
    use crate::{Conversation, GroupName};

    fn member(id: &str) -> MemberId {
        MemberId::new(id).unwrap()
    }

    fn history(group: &str) -> BoxId {
        BoxId::history(&Conversation::group(GroupName::new(group).unwrap()))
    }

    fn of_message(group: &str, id: &str, salt: u32) -> EntryId {
        EntryId::of_message(&history(group), &MessageId::new(id).unwrap(), salt)
    }

    #[test]
    fn each_attempt_has_the_same_id_and_each_message_its_own() {
        assert_eq!(of_message("g", "7f1c", 0), of_message("g", "7f1c", 0));
        let others = [of_message("g", "7f1c", 1), of_message("g", "7f1d", 0), of_message("h", "7f1c", 0)];
        for (number, other) in others.iter().enumerate() {
            assert!(*other != of_message("g", "7f1c", 0) && !others[..number].contains(other));
        }
    }

    #[test]
    fn a_copy_has_one_id_for_each_member_and_begins_with_the_time_of_its_entry() {
        let (entry, at_ms) = (of_message("g", "7f1c", 0), 0x0123_4567_89ab);
        let copy = EntryId::of_copy(&entry, at_ms, &member("a"));
        assert_eq!(copy, EntryId::of_copy(&entry, at_ms, &member("a")));
        assert_ne!(copy, EntryId::of_copy(&entry, at_ms, &member("b")));
        assert_ne!(copy, EntryId::of_copy(&of_message("g", "7f1c", 1), at_ms, &member("a")));
        assert_eq!(copy.bytes()[..6], [0x01, 0x23, 0x45, 0x67, 0x89, 0xab]);
        let go = EntryId::Go(ObjectId::new());
        assert_ne!(EntryId::of_copy(&go, at_ms, &member("a")), copy);
    }

    #[test]
    fn fresh_ids_begin_with_the_time_and_differ() {
        let ids = [EntryId::fresh(258), EntryId::fresh(258)];
        assert_ne!(ids[0], ids[1]);
        assert_eq!(ids[0].bytes()[..6], [0, 0, 0, 0, 1, 2]);
    }

    #[test]
    fn heads_and_rows_of_names_that_look_alike_differ() {
        let inbox = BoxId::inbox(&member("seq:group:g"));
        assert_eq!(inbox.as_str(), history("g").as_str());
        assert_ne!(EntryId::of_head(&inbox), EntryId::of_head(&history("g")));
        let row = |id: &str, group: &str| EntryId::of_row(&member(id), &history(group));
        assert_ne!(row("a", "b"), row("b", "a"));
    }

    #[test]
    fn ids_read_as_they_were_written() {
        for id in [of_message("g", "7f1c", 0), EntryId::Go(ObjectId::from_bytes([7; 12]))] {
            let document = RawDocumentBuf::try_from(&doc! { "_id": id.to_bson() }).unwrap();
            let read = EntryId::read(document.get("_id").unwrap().unwrap());
            assert_eq!((read, id.tag()), (Some(id), Tag::new(xxh3_64(&id.bytes()))));
        }
        let short = Binary { subtype: BinarySubtype::Generic, bytes: vec![1; 12] };
        let document = RawDocumentBuf::try_from(&doc! { "short": short, "text": "7f1c" }).unwrap();
        for name in ["short", "text"] {
            assert_eq!(EntryId::read(document.get(name).unwrap().unwrap()), None, "{name}");
        }
    }
}
