//! One pass over a collection of entries, in the order of boxes and sequences.
//!
//! This module is pure.

use mongodb::bson::{Bson, RawDocument};

use super::super::box_id::{BoxId, Side};

/// What is told of the documents of a collection, one after the other.
#[derive(Debug, PartialEq)]
pub(super) enum Sight {
    /// A box begins.
    Box,
    /// A document whose box and sequence are known.
    Entry,
    /// A box of which it is open to which conversation it belongs.
    Unclear(String),
    /// Sequences between two entries, or before the first one, that no document has.
    Hole { id: String, first: i64, last: i64 },
    /// A document with the sequence of another one, which is kept.
    Duplicate { id: String, seq: i64, key: Bson },
    /// A document without a box or a sequence.
    Unreadable(Bson),
}

/// A pass over a collection.
///
/// It takes the documents in ascending order of `id` and `seq`, with the fields `_id`, `id`, `seq`
/// and `floor`.
#[derive(Debug)]
pub(super) struct Scan {
    side: Side,
    id: Option<String>,
    /// The first sequence that has not been seen yet.
    next: i64,
    /// The documents of the sequence that was seen last.
    keys: Vec<Bson>,
}

impl Scan {
    pub(super) fn new(side: Side) -> Self {
        Self { side, id: None, next: 1, keys: Vec::new() }
    }

    /// Takes the next document, and tells what it completes.
    pub(super) fn take(&mut self, document: &RawDocument, tell: &mut impl FnMut(Sight)) {
        let value =
            |name: &str| document.get(name).ok().flatten().and_then(|value| Bson::try_from(value).ok());
        let key = value("_id").unwrap_or_default();
        let (Some(Bson::String(id)), Some(seq)) = (value("id"), value("seq").as_ref().and_then(whole)) else {
            tell(Sight::Unreadable(key));
            return;
        };
        if self.id.as_ref() != Some(&id) {
            self.finish(tell);
            (self.next, self.id) = (1, Some(id.clone()));
            tell(Sight::Box);
            if self.side == Side::History && BoxId::stored(self.side, &id).to_conversation().is_none() {
                tell(Sight::Unclear(id.clone()));
            }
        }
        if seq == 0 {
            // What is at the floor or below it is gone on purpose.
            self.next = value("floor").as_ref().and_then(whole).unwrap_or_default() + 1;
            return;
        }
        tell(Sight::Entry);
        if seq == self.next - 1 && !self.keys.is_empty() {
            self.keys.push(key);
            return;
        }
        self.finish(tell);
        if seq > self.next {
            tell(Sight::Hole { id, first: self.next, last: seq - 1 });
        }
        self.next = self.next.max(seq + 1);
        // An entry below the floor that waits to be removed is no other's duplicate.
        self.keys = if seq == self.next - 1 { vec![key] } else { Vec::new() };
    }

    /// Tells what the last sequence was, after the last document or before another one.
    pub(super) fn finish(&mut self, tell: &mut impl FnMut(Sight)) {
        let mut keys = std::mem::take(&mut self.keys);
        keys.sort_by_key(age);
        for key in keys.into_iter().skip(1) {
            let id = self.id.clone().unwrap_or_default();
            tell(Sight::Duplicate { id, seq: self.next - 1, key });
        }
    }
}

/// Returns what orders the documents of one sequence: the first one is kept.
///
/// One of ours has copies that were made from it; otherwise it is the oldest one.
fn age(key: &Bson) -> (u8, Vec<u8>) {
    match key {
        Bson::Binary(binary) => (0, binary.bytes.clone()),
        Bson::ObjectId(id) => (1, id.bytes().to_vec()),
        other => (2, other.to_string().into_bytes()),
    }
}

/// Returns a whole number that is not negative, of whatever type it is.
pub(super) fn whole(value: &Bson) -> Option<i64> {
    let number = match value {
        Bson::Int64(number) => Some(*number),
        Bson::Int32(number) => Some(i64::from(*number)),
        Bson::Double(number) => number.to_string().parse().ok(),
        _ => None,
    };
    number.filter(|number| (0..i64::MAX).contains(number))
}

#[cfg(test)]
mod tests {
    use mongodb::bson::oid::ObjectId;
    use mongodb::bson::spec::BinarySubtype;
    use mongodb::bson::{Binary, Document, RawDocumentBuf, doc};

    use super::*;

    fn key(second: u32) -> ObjectId {
        ObjectId::from_parts(second, [0; 5], [0; 3])
    }

    fn entry(id: &str, seq: impl Into<Bson>, second: u32) -> Document {
        let seq: Bson = seq.into();
        doc! { "_id": key(second), "id": id, "seq": seq }
    }

    /// What is told of documents, but for boxes and entries.
    fn told(side: Side, documents: impl IntoIterator<Item = Document>) -> Vec<Sight> {
        let (mut scan, mut told) = (Scan::new(side), Vec::new());
        let mut tell = |sight| match sight {
            Sight::Box | Sight::Entry => {}
            other => told.push(other),
        };
        for document in documents {
            scan.take(&RawDocumentBuf::try_from(&document).unwrap(), &mut tell);
        }
        scan.finish(&mut tell);
        told
    }

    fn hole(id: &str, first: i64, last: i64) -> Sight {
        Sight::Hole { id: id.to_owned(), first, last }
    }

    fn duplicate(id: &str, seq: i64, key: impl Into<Bson>) -> Sight {
        Sight::Duplicate { id: id.to_owned(), seq, key: key.into() }
    }

    #[test]
    fn boxes_without_gaps_have_nothing_to_tell() {
        let documents = [entry("a", 1, 1), entry("a", 2_i64, 2), entry("a", 3.0, 3), entry("b", 1, 4)];
        assert!(told(Side::Inbox, documents).is_empty());
    }

    #[test]
    fn holes_are_told_of_each_box_from_its_floor_on() {
        let head = doc! { "_id": 0, "id": "b", "seq": 0, "floor": 5_i64 };
        let documents = [
            entry("a", 3, 1),
            entry("a", 4, 1),
            entry("a", 7, 1),
            head,
            entry("b", 4, 1),
            entry("b", 7, 1),
            entry("c", 1, 1),
        ];
        assert_eq!(told(Side::Inbox, documents), [hole("a", 1, 2), hole("a", 5, 6), hole("b", 6, 6)]);
    }

    #[test]
    fn all_but_the_oldest_document_of_a_sequence_are_duplicates() {
        let documents = [
            entry("a", 1, 7),
            entry("a", 1.0, 5),
            entry("a", 1_i64, 6),
            entry("a", 2, 8),
            entry("b", 2, 9),
            entry("b", 2, 3),
        ];
        let wanted = [
            duplicate("a", 1, key(6)),
            duplicate("a", 1, key(7)),
            hole("b", 1, 1),
            duplicate("b", 2, key(9)),
        ];
        assert_eq!(told(Side::Inbox, documents), wanted);
    }

    #[test]
    fn a_document_of_ours_is_kept() {
        let ours = Binary { subtype: BinarySubtype::Generic, bytes: vec![255; 16] };
        let documents = [entry("a", 1, 1), doc! { "_id": ours, "id": "a", "seq": 1 }];
        assert_eq!(told(Side::Inbox, documents), [duplicate("a", 1, key(1))]);
    }

    #[test]
    fn ids_that_can_be_read_in_more_than_one_way_are_told_of_histories() {
        let documents = || [entry("seq:a:b", 1, 1), entry("seq:a:b:c", 1, 2), entry("seq:group:a:b", 1, 3)];
        let unclear = |id: &str| Sight::Unclear(id.to_owned());
        assert_eq!(told(Side::History, documents()), [unclear("seq:a:b:c"), unclear("seq:group:a:b")]);
        assert!(told(Side::Inbox, documents()).is_empty());
    }

    #[test]
    fn documents_without_a_box_or_a_sequence_are_told() {
        let documents = [doc! { "_id": 1, "seq": 1 }, doc! { "_id": "x", "id": "a" }, entry("a", -1, 1)];
        assert_eq!(told(Side::Inbox, documents).len(), 3);
    }
}
