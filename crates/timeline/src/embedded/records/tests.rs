use super::*;
use crate::Conversation;

fn append() -> Append {
    let (a, b) = (MemberId::new("a").unwrap(), MemberId::new("b").unwrap());
    Append {
        conversation: Conversation::single(a.clone(), b.clone()),
        from: Some(a),
        to: Destination::Member(b),
        recipients: Vec::new(),
        message: Message::new("{\"a\": 1}").unwrap(),
        token: Some(IdempotencyKey::new(MessageId::new("x").unwrap(), [9; 16])),
    }
}

fn read(record: &[u8]) -> Result<Stored> {
    EntryReader::default().entry(Seq::ZERO.next(), record)
}

#[test]
fn records_read_as_they_were_written() {
    let (append, tag) = (append(), Tag::new(u64::MAX));
    let stored = read(&encode_entry(7, tag, &append, EncodedText::Here("{\"a\": 1}"))).unwrap();
    assert!(stored.body.is_none());
    let entry = stored.entry;
    assert_eq!((entry.sequence, entry.at_ms, entry.tag), (Seq::ZERO.next(), 7, Some(tag)));
    assert_eq!((&entry.message, entry.from.as_ref()), (&append.message, append.from.as_ref()));
    assert_eq!((entry.to, entry.kind, entry.flags), (Some(append.to.clone()), EntryKind::Message, 0));
    assert_eq!(entry.message_id.unwrap().as_str(), "x");

    let group = Destination::Group(GroupName::new("g").unwrap());
    let nameless = Append { from: None, to: group.clone(), token: None, ..append.clone() };
    let stored = read(&encode_entry(7, tag, &nameless, EncodedText::Body([3; 12]))).unwrap();
    assert_eq!((stored.body, stored.entry.from, stored.entry.to), (Some([3; 12]), None, Some(group)));
    assert_eq!(stored.entry.message_id, None);
    assert_eq!(decode_body(&encode_body(&append.message)).unwrap(), append.message);

    assert_eq!(read(&encode_tombstone(7, tag)).unwrap().entry.kind, EntryKind::Tombstone);

    let seq = Seq::new(1 << 40).unwrap();
    assert_eq!(decode_sequence(&encode_sequence(seq)).unwrap(), seq);
    let extent = Extent { floor: Seq::ZERO.next(), top: seq };
    assert_eq!(decode_extent(&encode_extent(extent)).unwrap(), extent);
    assert_eq!(decode_number(&encode_number(u64::MAX)).unwrap(), u64::MAX);
    assert_eq!(decode_identity(&encode_identity(u128::MAX, 5)).unwrap(), (u128::MAX, 5));
    let answer = decode_answer(&encode_answer(seq, append.token.as_ref().unwrap())).unwrap();
    assert_eq!(answer, StoredAnswer { sequence: seq, digest: [9; 16] });
}

#[test]
fn records_of_layout_1_are_read_without_a_sender() {
    let entry = read(b"\x01\0\0\0\0\0\0\0\x07{}").unwrap().entry;
    assert_eq!((entry.at_ms, entry.message.as_str()), (7, "{}"));
    assert_eq!((entry.from, entry.to, entry.message_id, entry.tag), (None, None, None, None));
    assert_eq!(decode_sequence(&[1, 0, 0, 0, 0, 0, 0, 0, 9]).unwrap().get(), 9);
}

#[test]
fn names_that_repeat_share_their_text() {
    let record = encode_entry(7, Tag::new(1), &append(), EncodedText::Here("{}"));
    let mut reader = EntryReader::default();
    let mut from = || reader.entry(Seq::ZERO, &record).unwrap().entry.from.unwrap();
    assert!(std::ptr::eq(from().as_str(), from().as_str()));
}

#[test]
fn damaged_records_are_errors() {
    for record in [&[][..], &[1], &[3, 0, 0, 0, 0, 0, 0, 0, 1], &[1, 255, 0, 0, 0, 0, 0, 0, 1], &[1, 0]] {
        assert_eq!(decode_sequence(record).unwrap_err().kind(), ErrorKind::Corrupt);
    }
    let whole = encode_entry(7, Tag::new(1), &append(), EncodedText::Body([3; 12]));
    for length in 0..whole.len() {
        assert_eq!(read(&whole[..length]).unwrap_err().kind(), ErrorKind::Corrupt, "{length}");
    }
    let (above, below) = (Seq::ZERO.next().next(), Seq::ZERO.next());
    let upside_down = encode_extent(Extent { floor: above, top: below });
    assert_eq!(decode_extent(&upside_down).unwrap_err().kind(), ErrorKind::Corrupt);
    for record in [&b"\x01\0\0\0\0\0\0\0\0\xff"[..], b"\x03\0\0\0\0\0\0\0\0{}"] {
        assert_eq!(read(record).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
