//! Filters of entries, and who is asked for them.
//!
//! Every filter has an equality on `id`, in each branch of an `$or`: so a shard is known, and the
//! index on (id, seq) bounds what is looked at.

use mongodb::Collection;
use mongodb::bson::{Document, RawDocument, doc};

use super::super::box_id::{BoxId, Side};
use super::super::config::Config;
use super::super::database::Collections;
use super::super::documents::Head;
use super::super::fields::number;
use crate::{PageRequest, Seq};

/// Who is asked for entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// The primary: what is not there is not committed yet.
    Primary,
    /// A secondary if there is one, which may be behind.
    Secondary,
}

impl Source {
    /// Returns who is asked first for a page of a history.
    ///
    /// One by a time takes several finds. Two secondaries may answer them, of which one does not
    /// have what the other one has: so the primary does.
    pub(super) fn of_page(config: &Config, request: PageRequest) -> Self {
        let is_by_time = request.at_ms.is_some();
        if config.histories_from_secondaries && !is_by_time { Self::Secondary } else { Self::Primary }
    }

    /// Returns the entries of a side; inboxes are always those of the primary.
    pub(super) fn entries(self, side: Side, collections: &Collections) -> &Collection<Document> {
        match (side, self) {
            (Side::History, Self::Secondary) => &collections.histories_to_read,
            (side, _) => collections.entries_of(side),
        }
    }
}

/// Returns what finds the head of a box and its entries from `first` on.
///
/// The equality is in both branches, not in front of them. So the server plans each branch by
/// itself, as one range of the index, and merges them in order. With it in front it may choose to
/// look at the whole box from its beginning.
pub(super) fn head_and_from(boxed: &BoxId, first: Seq) -> Document {
    if first == Seq::ZERO {
        return from(boxed, first);
    }
    doc! { "$or": [Head::filter(boxed), from(boxed, first)] }
}

/// Returns what finds the entries of a box from `first` on.
pub(super) fn from(boxed: &BoxId, first: Seq) -> Document {
    doc! { "id": boxed.as_str(), "seq": { "$gte": first.to_i64() } }
}

/// Returns what finds the entries of a box after a sequence, up to another one.
pub(super) fn between(boxed: &BoxId, after: Seq, last: Seq) -> Document {
    doc! { "id": boxed.as_str(), "seq": { "$gt": after.to_i64(), "$lte": last.to_i64() } }
}

/// Returns the fields that readers of pages need not have.
///
/// The record of a send to a large group is larger than its message.
pub(super) fn without_record(side: Side) -> Option<Document> {
    match side {
        Side::Inbox => None,
        Side::History => {
            Some(doc! { "members": 0, "seqs": 0, "digest": 0, "digest2": 0, "change": 0, "told": 0 })
        }
    }
}

/// Returns the sequence before another one; that before 0 is 0.
pub(super) fn before(seq: Seq) -> Seq {
    Seq::new(seq.get().saturating_sub(1)).unwrap_or_default()
}

/// Returns the time of an entry in milliseconds since 1970; 0 if it is unknown.
///
/// The Go service kept none, but its driver put the second into the `_id`.
pub(in crate::distributed) fn at_of(document: &RawDocument) -> u64 {
    let of_id = || {
        let id = document.get_object_id("_id").ok()?;
        u64::try_from(id.timestamp().timestamp_millis()).ok()
    };
    number(document, "at").filter(|at_ms| *at_ms > 0).or_else(of_id).unwrap_or(0)
}

/// Returns the sequence of a document; 0 if it has none that can be read.
pub(in crate::distributed) fn seq_of(document: &RawDocument) -> Seq {
    number(document, "seq").and_then(|number| Seq::new(number).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use mongodb::bson::RawDocumentBuf;
    use mongodb::bson::oid::ObjectId;

    use super::*;
    use crate::{Count, MemberId};

    #[test]
    fn each_filter_names_the_box_in_each_branch() {
        let boxed = BoxId::inbox(&MemberId::new("a").unwrap());
        let seq = Seq::new(7).unwrap();
        assert_eq!(
            head_and_from(&boxed, seq),
            doc! { "$or": [{ "id": "a", "seq": 0_i64 }, { "id": "a", "seq": { "$gte": 7_i64 } }] }
        );
        let whole = head_and_from(&boxed, Seq::ZERO);
        assert_eq!(whole, doc! { "id": "a", "seq": { "$gte": 0_i64 } }, "the head is one of them");
        assert_eq!(
            between(&boxed, Seq::ZERO, seq),
            doc! { "id": "a", "seq": { "$gt": 0_i64, "$lte": 7_i64 } }
        );
    }

    #[test]
    fn pages_by_a_time_come_from_the_primary() {
        let config = |from_secondaries| {
            Config::new("mongodb://127.0.0.1/?replicaSet=rs").histories_from_secondaries(from_secondaries)
        };
        let newest = PageRequest::before(Seq::ZERO, Count::default());
        assert_eq!(Source::of_page(&config(true), newest), Source::Secondary);
        let until = PageRequest::until(7, Count::default());
        assert_eq!(Source::of_page(&config(true), until), Source::Primary);
        assert_eq!(Source::of_page(&config(false), newest), Source::Primary);
    }

    #[test]
    fn entries_of_the_go_service_have_the_time_of_their_id() {
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&1_700_000_000_u32.to_be_bytes());
        for (document, at_ms) in [
            (doc! { "_id": ObjectId::from_bytes(bytes) }, 1_700_000_000_000),
            (doc! { "_id": ObjectId::from_bytes(bytes), "at": 7_i64 }, 7),
            (doc! { "_id": "a" }, 0),
        ] {
            assert_eq!(at_of(&RawDocumentBuf::try_from(&document).unwrap()), at_ms);
        }
    }

    #[test]
    fn sequences_are_read_from_numbers_of_every_type() {
        for document in [doc! { "seq": 7 }, doc! { "seq": 7_i64 }, doc! { "seq": 7.0 }] {
            let document = RawDocumentBuf::try_from(&document).unwrap();
            assert_eq!(seq_of(&document).get(), 7);
        }
        let without = RawDocumentBuf::try_from(&doc! { "seq": -7, "at": "7" }).unwrap();
        assert_eq!((seq_of(&without), number(&without, "at")), (Seq::ZERO, None));
    }
}
