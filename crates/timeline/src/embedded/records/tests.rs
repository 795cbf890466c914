use super::layout_2::encode_entry_2;
use super::*;
use crate::{Destination, Entry, EntryKind, EntryStatus, GroupName, MemberId, Tag};

fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

/// A record of a message of `from` to `to`.
fn record<'a>(from: Option<&'a MemberId>, to: &'a Destination) -> EntryRecord<'a> {
    EntryRecord {
        kind: EntryKind::Message,
        status: EntryStatus::Original,
        at_ms: 7,
        tag: Tag::new(u64::MAX),
        place: seq(9),
        changed: None,
        target: None,
        copies: None,
        from,
        to: Some(to),
        message_id: Some("x"),
        text: EncodedText::Here("{\"a\": 1}"),
    }
}

fn read(record: &[u8]) -> Result<Stored> {
    EntryReader::default().entry(Seq::ZERO.next(), record)
}

#[test]
fn entries_read_as_they_were_written() {
    let (a, to) = (member("a"), Destination::Member(member("b")));
    let whole = EntryRecord {
        status: EntryStatus::Edited,
        changed: Some((8, seq(10))),
        copies: Some((seq(1), seq(1 << 40))),
        ..record(Some(&a), &to)
    };
    let stored = read(&encode(&whole)).unwrap();
    assert!(stored.body.is_none());
    assert_eq!((stored.copies, stored.told_at), (whole.copies, seq(10)));
    let entry = stored.entry;
    assert_eq!((entry.sequence, entry.at_ms, entry.tag), (seq(1), 7, Some(Tag::new(u64::MAX))));
    assert_eq!((entry.place, entry.changed_at_ms, entry.target), (seq(9), 8, Seq::ZERO));
    assert_eq!((entry.kind, entry.status), (EntryKind::Message, EntryStatus::Edited));
    assert_eq!((entry.message.as_str(), entry.from.as_ref()), ("{\"a\": 1}", Some(&a)));
    assert_eq!((entry.to.as_ref(), entry.edited), (Some(&to), None));
    assert_eq!(entry.message_id.unwrap().as_str(), "x");

    let group = Destination::Group(GroupName::new("g").unwrap());
    let shared = EntryRecord { message_id: None, text: EncodedText::Body([3; 12]), ..record(None, &group) };
    let stored = read(&encode(&shared)).unwrap();
    assert_eq!((stored.body, stored.entry.from, stored.entry.to), (Some([3; 12]), None, Some(group)));
    assert_eq!((stored.entry.message_id, stored.copies, stored.told_at), (None, None, Seq::ZERO));
    let message = Message::new("{}").unwrap();
    assert_eq!(decode_body(&encode_body(&message)).unwrap(), message);
    assert_eq!(decode_body(&layout_2::earlier(encode_body(&message))).unwrap(), message);
}

#[test]
fn every_kind_with_every_status_reads_as_it_was_written() {
    let to = Destination::Member(member("b"));
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
    for kind in kinds {
        for status in statuses {
            let record = EntryRecord { kind, status, target: Some(seq(3)), ..record(None, &to) };
            let entry = read(&encode(&record)).unwrap().entry;
            assert_eq!((entry.kind, entry.status, entry.target), (kind, status, seq(3)));
            assert_eq!(is_rewritten(&encode(&record)), status != EntryStatus::Original);
            assert!(!is_rewritten(&encode_entry_2(&record)));
        }
    }
}

#[test]
fn tombstones_keep_what_is_known_of_their_entry_but_its_text() {
    let (a, to) = (member("a"), Destination::Member(member("b")));
    let edited = EntryRecord { changed: Some((8, seq(10))), ..record(Some(&a), &to) };
    let before = read(&encode(&edited)).unwrap().entry;
    let stored = read(&encode_tombstone(&before, EntryStatus::Expired)).unwrap();
    assert_eq!((stored.body, stored.copies, stored.told_at), (None, None, Seq::ZERO));
    let expected = Entry {
        kind: EntryKind::Tombstone,
        status: EntryStatus::Expired,
        message: Message::new("{}").unwrap(),
        changed_at_ms: 0,
        ..before
    };
    assert_eq!(stored.entry, expected);

    let lost = Entry { at_ms: 7, ..Entry::new(seq(1), Message::new("{}").unwrap()) };
    let entry = read(&encode_tombstone(&lost, EntryStatus::Lost)).unwrap().entry;
    assert_eq!((entry.kind, entry.status, entry.at_ms), (EntryKind::Tombstone, EntryStatus::Lost, 7));
    assert_eq!((entry.from, entry.to, entry.message_id), (None, None, None));
}

#[test]
fn numbers_read_as_they_were_written() {
    assert_eq!(decode_sequence(&encode_sequence(seq(1 << 40))).unwrap(), seq(1 << 40));
    assert_eq!(decode_number(&encode_number(u64::MAX)).unwrap(), u64::MAX);
    assert_eq!(decode_identity(&encode_identity(u128::MAX, 5)).unwrap(), (u128::MAX, 5));
    // A program of layout 2 reads these before it looks at the layout.
    assert_eq!((encode_number(1)[0], encode_identity(1, 1)[0]), (VERSION_2, VERSION_2));
    for version in [VERSION_1, VERSION_2, VERSION] {
        assert_eq!(decode_sequence(&[version, 0, 0, 0, 0, 0, 0, 0, 9]).unwrap(), seq(9));
    }
}

#[test]
fn records_of_layout_1_are_read_without_a_sender() {
    let entry = read(b"\x01\0\0\0\0\0\0\0\x07{}").unwrap().entry;
    assert_eq!((entry.at_ms, entry.message.as_str()), (7, "{}"));
    assert_eq!((entry.from, entry.to, entry.message_id, entry.tag), (None, None, None, None));
}

#[test]
fn records_of_layout_2_are_read_without_a_place() {
    let bytes = b"\x02\0\0\0\0\0\0\0\0\0\0\x07\0\0\0\0\0\0\0\x05\0\x01a\x01\0\x01b\0\x01x\0{}";
    let (a, to) = (member("a"), Destination::Member(member("b")));
    let message = EntryRecord { tag: Tag::new(5), text: EncodedText::Here("{}"), ..record(Some(&a), &to) };
    assert_eq!(encode_entry_2(&message), bytes);
    let stored = read(bytes).unwrap();
    assert_eq!((stored.body, stored.copies, stored.told_at), (None, None, Seq::ZERO));
    let entry = stored.entry;
    assert_eq!((entry.at_ms, entry.tag, entry.place), (7, Some(Tag::new(5)), Seq::ZERO));
    assert_eq!((entry.from, entry.to), (Some(a), Some(to.clone())));
    assert_eq!((entry.kind, entry.status), (EntryKind::Message, EntryStatus::Original));
    let tombstone = EntryRecord { kind: EntryKind::Tombstone, ..record(None, &to) };
    assert_eq!(read(&encode_entry_2(&tombstone)).unwrap().entry.status, EntryStatus::Lost);
}

#[test]
fn the_place_of_an_older_entry_is_known_in_its_history() {
    let to = Destination::Member(member("b"));
    let message = record(None, &to);
    let conversation = crate::Conversation::single(member("a"), member("b"));
    let boxes = [
        (super::super::keys::inbox(&member("a")), [0, 0, 9]),
        (super::super::keys::history(&conversation), [4, 4, 9]),
    ];
    for (prefix, expected) in boxes {
        let mut reader = EntryReader::of(&prefix);
        let mut place = |record: &[u8]| reader.entry(seq(4), record).unwrap().entry.place.get();
        let places =
            [place(b"\x01\0\0\0\0\0\0\0\x07{}"), place(&encode_entry_2(&message)), place(&encode(&message))];
        assert_eq!(places, expected, "{prefix:?}");
    }
}

#[test]
fn names_that_repeat_share_their_text() {
    let (a, to) = (member("a"), Destination::Member(member("b")));
    let record = encode(&record(Some(&a), &to));
    let mut reader = EntryReader::default();
    let mut from = || reader.entry(Seq::ZERO, &record).unwrap().entry.from.unwrap();
    assert!(std::ptr::eq(from().as_str(), from().as_str()));
}

#[test]
fn damaged_records_are_errors() {
    for record in [&[][..], &[1], &[4, 0, 0, 0, 0, 0, 0, 0, 1], &[1, 255, 0, 0, 0, 0, 0, 0, 1], &[1, 0]] {
        assert_eq!(decode_sequence(record).unwrap_err().kind(), ErrorKind::Corrupt);
    }
    let (a, to) = (member("a"), Destination::Member(member("b")));
    let shared = EntryRecord {
        changed: Some((8, seq(10))),
        target: Some(seq(3)),
        copies: Some((seq(1), seq(2))),
        text: EncodedText::Body([3; 12]),
        ..record(Some(&a), &to)
    };
    for whole in [encode(&shared), encode_entry_2(&shared)] {
        for length in 0..whole.len() {
            assert_eq!(read(&whole[..length]).unwrap_err().kind(), ErrorKind::Corrupt, "{length}");
        }
    }
    // The kind, a flag that there is not, a status that there is not, and a place out of range.
    for (at, byte) in [(1, 6), (2, 1), (3, 64), (3, 7), (20, 255)] {
        let mut damaged = encode(&record(Some(&a), &to));
        damaged[at] = byte;
        assert_eq!(read(&damaged).unwrap_err().kind(), ErrorKind::Corrupt, "{at}");
    }
    for record in [&b"\x01\0\0\0\0\0\0\0\0\xff"[..], b"\x04\0\0\0\0\0\0\0\0{}"] {
        assert_eq!(read(record).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
