use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, RawDocumentBuf};

use super::*;
use crate::{Conversation, ErrorKind, GroupName, MessageId};

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

fn pair() -> BoxId {
    BoxId::history(&Conversation::single(member("a"), member("b")))
}

fn read(document: &Document, side: Side) -> Result<EntryDoc> {
    EntryDoc::read(&RawDocumentBuf::try_from(document).unwrap(), side)
}

/// An entry of a history with every field.
fn full() -> EntryDoc {
    let entry = Entry {
        from: Some(member("a")),
        to: Some(Destination::Member(member("b"))),
        at_ms: 1_700_000_000_000,
        message_id: Some(MessageId::new("7f1c").unwrap()),
        status: EntryStatus::Edited,
        changed_at_ms: 1_700_000_000_001,
        target: seq(3),
        ..Entry::new(Seq::ZERO, Message::from_stored(" {\"b\":1,\"a\":1e3} "))
    };
    let record = Record {
        digests: Some(([1; 16], Some([2; 16]))),
        members: vec![member("a"), member("b")],
        seqs: vec![seq(4), seq(5)],
    };
    let change = PendingChange {
        key: EntryId::fresh(1),
        kind: EntryKind::Recall,
        place: seq(9),
        at_ms: 2,
        by: Some(member("a")),
        members: vec![member("b")],
        seqs: vec![seq(6)],
    };
    let key = EntryId::of_message(&pair(), &MessageId::new("7f1c").unwrap(), 0);
    let entry = EntryDoc::of_history(&pair(), key, seq(7), entry, record);
    EntryDoc { told: seq(8), change: Some(change), keyed_ms: Some(1_699_999_999_999), ..entry }
}

#[test]
fn entries_of_histories_read_as_they_were_written() {
    let full = full();
    let with = |entry: Entry| EntryDoc { entry, ..full.clone() };
    let to_group = Some(Destination::Group(GroupName::new("tea").unwrap()));
    let bare = Entry { tag: full.entry.tag, place: seq(7), ..Entry::new(seq(7), Message::from_stored("{}")) };
    for entry in [
        full.clone(),
        full.clone().moved_to(seq(12)),
        with(Entry { to: to_group, ..full.entry.clone() }),
        with(bare.clone()),
        EntryDoc { record: None, told: Seq::ZERO, change: None, ..with(bare) },
        EntryDoc { record: Some(Record::default()), ..full.clone() },
    ] {
        assert_eq!(read(&entry.to_document(), Side::History).unwrap(), entry);
    }
}

#[test]
fn kinds_and_states_read_as_they_were_written() {
    let kinds = [
        EntryKind::Message,
        EntryKind::Edit,
        EntryKind::Recall,
        EntryKind::Tombstone,
        EntryKind::Deletion,
        EntryKind::Purge,
    ];
    let statuses = [
        EntryStatus::Original,
        EntryStatus::Edited,
        EntryStatus::Recalled,
        EntryStatus::Deleted,
        EntryStatus::Expired,
        EntryStatus::Lost,
    ];
    let full = full();
    for (kind, status) in kinds.into_iter().zip(statuses) {
        let entry = EntryDoc { entry: Entry { kind, status, ..full.entry.clone() }, ..full.clone() };
        let document = entry.to_document();
        assert_eq!(document.contains_key("kind"), kind != EntryKind::Message);
        assert_eq!(document.contains_key("status"), status != EntryStatus::Original);
        assert_eq!(read(&document, Side::History).unwrap(), entry);
    }
}

#[test]
fn a_copy_has_the_place_and_the_tag_of_its_entry() {
    let entry = full();
    let copy = entry.copy_for(&member("b"), seq(5));
    assert_eq!((&*copy.boxed, copy.seq, copy.entry.sequence), ("b", seq(5), seq(5)));
    assert_eq!((copy.entry.place, copy.entry.tag), (seq(7), entry.entry.tag));
    assert_eq!((&copy.record, copy.told, &copy.change), (&None, Seq::ZERO, &None));
    assert_eq!(copy.key, entry.copy_key(&member("b")));
    assert_eq!(read(&copy.to_document(), Side::Inbox).unwrap(), copy);
    // Its place may be that of the entry by chance.
    let same = entry.copy_for(&member("b"), seq(7));
    assert_eq!(read(&same.to_document(), Side::Inbox).unwrap(), same);
}

#[test]
fn the_first_entry_has_the_same_copies_when_its_time_rises() {
    let first = full().moved_to(seq(1));
    let mut later = first.clone();
    later.entry.at_ms += 1;
    assert_eq!(later.copy_key(&member("b")), first.copy_key(&member("b")));
    // Another one keeps the time that it was written with.
    let written = EntryDoc { keyed_ms: None, ..full() };
    let mut raised = EntryDoc { keyed_ms: Some(written.entry.at_ms), ..written.clone() };
    raised.entry.at_ms += 1;
    assert_eq!(raised.copy_key(&member("b")), written.copy_key(&member("b")));
    assert_ne!(first.copy_key(&member("a")), first.copy_key(&member("b")));
    assert_ne!(first.copy_key(&member("b")), full().copy_key(&member("b")));
}

#[test]
fn each_attempt_gives_a_member_the_same_copy() {
    let entry = full();
    let one = entry.copy_for(&member("a"), seq(1));
    // Another node has read it, after another one has changed it.
    let document = RawDocumentBuf::try_from(&entry.to_document()).unwrap();
    let again = EntryDoc::read(&document, Side::History).unwrap();
    let again = Entry { kind: EntryKind::Tombstone, changed_at_ms: 99, ..again.entry };
    let again = EntryDoc { entry: again, ..entry.clone() }.copy_for(&member("a"), seq(2));
    assert_eq!((again.key, again.entry.tag), (one.key, one.entry.tag));
    assert_ne!(entry.copy_for(&member("b"), seq(1)).key, one.key);
}

#[test]
fn what_nobody_sent_names_the_other_member_of_a_pair() {
    let entry = full();
    let by_nobody = Entry { kind: EntryKind::Purge, from: None, ..entry.entry.clone() };
    let purge = EntryDoc { entry: by_nobody, ..entry };
    let to = |id: &str| purge.copy_for(&member(id), seq(1)).entry.to;
    assert_eq!(to("a"), Some(Destination::Member(member("b"))));
    assert_eq!(to("b"), Some(Destination::Member(member("a"))));
}

#[test]
fn holes_and_claims_read_as_they_were_written() {
    let inbox = BoxId::inbox(&member("b"));
    for (boxed, place) in [(&pair(), seq(4)), (&inbox, Seq::ZERO)] {
        let (hole, claim) = (EntryDoc::hole(boxed, seq(4), 5), EntryDoc::claim(boxed, seq(4), 5));
        assert_eq!((hole.entry.kind, hole.entry.status), (EntryKind::Tombstone, EntryStatus::Unused));
        assert_eq!((hole.entry.place, hole.is_hole, hole.is_claim), (place, true, false));
        assert_eq!((claim.is_hole, claim.is_claim), (false, true));
        assert_eq!(hole.to_document().get_i32("kind").unwrap(), HOLE);
        for entry in [hole, claim] {
            assert_eq!(read(&entry.to_document(), boxed.side()).unwrap(), entry);
        }
    }
}

#[test]
fn documents_of_the_go_service_are_read() {
    let id = ObjectId::from_parts(1_660_000_000, [1; 5], [2; 3]);
    for number in [Bson::Int32(7), Bson::Int64(7), Bson::Double(7.0)] {
        let document = doc! {
            "_id": id, "id": "seq:a:b", "seq": number, "message": { "text": "hi", "count": 3.0 },
        };
        let entry = read(&document, Side::History).unwrap();
        assert_eq!((entry.key, &*entry.boxed, entry.seq), (EntryId::Go(id), "seq:a:b", seq(7)));
        let wanted = Entry {
            at_ms: 1_660_000_000_000,
            place: seq(7),
            tag: Some(EntryId::Go(id).tag()),
            ..Entry::new(seq(7), Message::new(r#"{"count":3,"text":"hi"}"#).unwrap())
        };
        assert_eq!((entry.entry, entry.record), (wanted, None));
    }
    let copy = read(&doc! { "_id": id, "id": "b", "seq": 1_i64 }, Side::Inbox).unwrap();
    assert_eq!((copy.entry.message.as_str(), copy.entry.place), ("{}", Seq::ZERO));
    let null = read(&doc! { "_id": id, "id": "b", "seq": 1_i64, "message": Bson::Null }, Side::Inbox);
    assert_eq!(null.unwrap(), copy);
}

#[test]
fn what_cannot_be_read_is_corrupt_and_named() {
    let good = doc! { "_id": ObjectId::new(), "id": "b", "seq": 7 };
    read(&good, Side::Inbox).unwrap();
    for wrong in [
        doc! { "_id": 7 },
        doc! { "message": 7 },
        doc! { "message": { "a": ObjectId::new() } },
        doc! { "from": "" },
        doc! { "group": "a\nb" },
        doc! { "at": -1 },
        doc! { "kind": 8 },
        doc! { "status": 7 },
        doc! { "place": "7" },
        doc! { "digest": "abc" },
        doc! { "members": ["a"], "seqs": [] },
        doc! { "members": [7], "seqs": [7] },
        doc! { "change": { "kind": 1 } },
    ] {
        let mut document = good.clone();
        document.extend(wrong);
        let error = read(&document, Side::Inbox).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{document}");
        assert!(error.to_string().contains("\"b\" at 7 in the collection of inboxes"), "{error}");
    }
    for (missing, named) in [("_id", "\"b\" at 7"), ("id", "with the _id"), ("seq", "\"b\" in")] {
        let mut document = good.clone();
        document.remove(missing);
        let error = read(&document, Side::Inbox).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{document}");
        assert!(error.to_string().contains(named), "{error}");
    }
    let cut = RawDocumentBuf::from_bytes(vec![9, 0, 0, 0, 2, b'a', 0, 200, 0]).unwrap();
    assert_eq!(EntryDoc::read(&cut, Side::History).unwrap_err().kind(), ErrorKind::Corrupt);
}
