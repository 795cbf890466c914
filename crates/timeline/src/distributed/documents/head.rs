//! The head of a box: what belongs to it as a whole.
//!
//! A head is the document of its box with `seq: 0`. It is made when it is first needed; what is
//! absent is 0.
//!
//! | field | type | what |
//! |---|---|---|
//! | `_id` | Binary(16) | [`EntryId::of_head`] |
//! | `id` | string | the box |
//! | `seq` | int64 | 0 |
//! | `floor` | int64 | the last entry that is gone for readers |
//! | `top` | int64 | the last sequence that was known when the floor was raised; the top is no lower |
//! | `floor_at` | int64 ms | when the floor was raised |
//! | `pruned` | int64 | up to where entries below the floor are removed |
//! | `received` | int64 | the cursor of a member, in inboxes |
//! | `last_at` | int64 ms | the time of the last entry that is gone |
//! | `purge` | document | a purge under way: [`PendingChange`] |

use mongodb::bson::{Document, RawDocument, doc};

use super::super::box_id::BoxId;
use super::super::entry_id::EntryId;
use super::change::PendingChange;
use super::collection_of;
use super::field::{Field, Unreadable, fields};
use crate::{Result, Seq};

/// What belongs to a box as a whole.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::distributed) struct Head {
    /// The last entry that is gone for readers.
    pub(in crate::distributed) floor: Seq,
    /// The last sequence that was known when the floor was raised.
    pub(in crate::distributed) top: Seq,
    /// When the floor was raised, in milliseconds since 1970.
    pub(in crate::distributed) floor_at_ms: u64,
    /// Up to where entries below the floor are removed.
    pub(in crate::distributed) pruned: Seq,
    /// The cursor of the member.
    pub(in crate::distributed) received: Seq,
    /// A purge under way.
    pub(in crate::distributed) purge: Option<PendingChange>,
    /// The time of the last entry that is gone, in milliseconds since 1970.
    pub(in crate::distributed) last_at_ms: u64,
}

impl Head {
    /// Returns the filter that finds the head of a box.
    pub(in crate::distributed) fn filter(boxed: &BoxId) -> Document {
        doc! { "id": boxed.as_str(), "seq": 0_i64 }
    }

    /// Returns what an upsert with [`filter`](Self::filter) sets when there is no head yet.
    pub(in crate::distributed) fn on_insert(boxed: &BoxId) -> Document {
        doc! { "_id": EntryId::of_head(boxed).to_bson() }
    }

    /// Returns whether a document is the head of its box, and not an entry.
    pub(in crate::distributed) fn is(document: &RawDocument) -> bool {
        let seq = document.get("seq").ok().flatten();
        seq.is_some_and(|value| matches!(Field { name: "seq", value }.number(), Ok(0)))
    }

    /// Reads the head of a box.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt) names the box.
    pub(in crate::distributed) fn read(document: &RawDocument, boxed: &BoxId) -> Result<Self> {
        Self::parse(document).map_err(|why| why.in_collection(collection_of(boxed.side()), document))
    }

    fn parse(document: &RawDocument) -> Result<Self, Unreadable> {
        let mut head = Self::default();
        for field in fields(document) {
            let field = field?;
            match field.name {
                "floor" => head.floor = field.seq()?,
                "top" => head.top = field.seq()?,
                "floor_at" => head.floor_at_ms = field.millis()?,
                "pruned" => head.pruned = field.seq()?,
                "received" => head.received = field.seq()?,
                "purge" => head.purge = Some(PendingChange::read(field.document()?)?),
                "last_at" => head.last_at_ms = field.millis()?,
                _ => {}
            }
        }
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use mongodb::bson::RawDocumentBuf;

    use super::super::time;
    use super::*;
    use crate::{Conversation, EntryKind, ErrorKind, GroupName, MemberId};

    fn history() -> BoxId {
        BoxId::history(&Conversation::group(GroupName::new("g").unwrap()))
    }

    /// Returns a head as it is written, field by field.
    fn document(head: &Head) -> Document {
        let Head { floor, top, floor_at_ms, pruned, received, purge, last_at_ms } = head;
        let mut document = Head::on_insert(&history());
        document.extend(Head::filter(&history()));
        document.extend(doc! {
            "floor": floor.to_i64(),
            "top": top.to_i64(),
            "floor_at": time(*floor_at_ms),
            "pruned": pruned.to_i64(),
            "received": received.to_i64(),
            "last_at": time(*last_at_ms),
        });
        if let Some(purge) = purge {
            document.insert("purge", purge.to_document());
        }
        document
    }

    fn read(document: &Document) -> Result<Head> {
        Head::read(&RawDocumentBuf::try_from(document).unwrap(), &history())
    }

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    #[test]
    fn heads_read_as_they_were_written() {
        let purge = PendingChange {
            key: EntryId::fresh(1),
            kind: EntryKind::Purge,
            place: seq(9),
            at_ms: 8,
            by: None,
            members: vec![MemberId::new("a").unwrap(), MemberId::new("b").unwrap()],
            seqs: vec![seq(3), Seq::MAX],
        };
        let head = Head {
            floor: seq(7),
            top: seq(8),
            floor_at_ms: 9,
            pruned: seq(6),
            received: seq(5),
            purge: Some(purge),
            last_at_ms: 10,
        };
        for head in [head, Head::default()] {
            let document = document(&head);
            assert_eq!(read(&document).unwrap(), head);
            assert!(Head::is(&RawDocumentBuf::try_from(&document).unwrap()));
        }
    }

    #[test]
    fn what_is_not_there_is_0_and_what_cannot_be_read_an_error() {
        assert_eq!(read(&Head::filter(&history())).unwrap(), Head::default());
        for wrong in [doc! { "floor": -1 }, doc! { "top": "7" }, doc! { "purge": { "kind": 5 } }] {
            let mut document = Head::filter(&history());
            document.extend(wrong);
            let error = read(&document).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(
                error.to_string().contains("\"seq:group:g\" at 0 in the collection of histories"),
                "{error}"
            );
        }
    }
}
