//! The records of a message that is being sent: encoded before its place is known.

use super::entry::{BodyKey, COPIES, EncodedText, EntryRecord, encode};
use crate::Seq;

/// The record of a message without its time and its place.
///
/// Who sends it makes it; the committing thread, which knows the place, fills that in.
#[derive(Debug)]
pub(in crate::embedded) struct UnplacedRecord {
    // The record of the copies with zeros for what is not known yet.
    record: Vec<u8>,
    is_shared: bool,
}

/// Where a message is, when it was taken, and where its text is if many entries share that.
#[derive(Debug, Clone, Copy)]
pub(in crate::embedded) struct Placing {
    pub(in crate::embedded) at_ms: u64,
    pub(in crate::embedded) place: Seq,
    pub(in crate::embedded) body: Option<BodyKey>,
}

/// What comes before what the flags announce: the version, the kind, the flags, and three numbers,
/// of which the first is the time and the last the place.
const HEAD_BYTES: usize = 28;

impl UnplacedRecord {
    /// Encodes a message that nobody has changed. Its text is in `bodies` if it `is_shared`.
    pub(in crate::embedded) fn new(record: &EntryRecord<'_>, is_shared: bool) -> Self {
        let text = if is_shared { EncodedText::Body(BodyKey::default()) } else { record.text };
        Self { record: encode(&EntryRecord { text, ..*record }), is_shared }
    }

    /// Returns whether the text is in `bodies`.
    pub(in crate::embedded) fn is_shared(&self) -> bool {
        self.is_shared
    }

    /// Appends the record with what was not known.
    ///
    /// The history of a pair tells where the two `copies` are. They have the record without that,
    /// as the history of a group has.
    pub(in crate::embedded) fn put(
        &self,
        Placing { at_ms, place, body }: Placing,
        copies: Option<(Seq, Seq)>,
        buffer: &mut Vec<u8>,
    ) {
        let start = buffer.len();
        let (head, rest) = self.record.split_at(HEAD_BYTES);
        buffer.extend_from_slice(head);
        let flags = u16::from_be_bytes([head[2], head[3]]) | if copies.is_some() { COPIES } else { 0 };
        buffer[start + 2..start + 4].copy_from_slice(&flags.to_be_bytes());
        buffer[start + 4..start + 12].copy_from_slice(&at_ms.to_be_bytes());
        buffer[start + 20..].copy_from_slice(&place.get().to_be_bytes());
        if let Some((smaller, larger)) = copies {
            buffer.extend_from_slice(&smaller.get().to_be_bytes());
            buffer.extend_from_slice(&larger.get().to_be_bytes());
        }
        buffer.extend_from_slice(rest);
        // The text is what a record ends with.
        if let (Some(key), Some(text)) = (body, buffer.last_chunk_mut()) {
            *text = key;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Destination, EntryKind, EntryStatus, GroupName, MemberId, Tag};

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    #[test]
    fn a_record_that_was_filled_in_is_as_if_it_was_encoded_at_once() {
        let member = |id| MemberId::new(id).unwrap();
        let (from, to) = (member("älice"), Destination::Member(member("b")));
        let group = Destination::Group(GroupName::new("g").unwrap());
        let unplaced = EntryRecord {
            kind: EntryKind::Message,
            status: EntryStatus::Original,
            at_ms: 0,
            tag: Tag::new(u64::MAX / 3),
            place: Seq::ZERO,
            changed: None,
            target: None,
            copies: None,
            from: Some(&from),
            to: Some(&to),
            message_id: Some("id"),
            text: EncodedText::Here("{}"),
        };
        for (record, body) in [
            (unplaced, None),
            (EntryRecord { from: None, message_id: None, to: Some(&group), ..unplaced }, None),
            (EntryRecord { text: EncodedText::Here("{\"t\":1}"), ..unplaced }, Some([9; 12])),
        ] {
            let (at_ms, place) = (1 << 40, seq(1 << 33));
            let text = body.map_or(record.text, EncodedText::Body);
            let at_once = EntryRecord { at_ms, place, text, ..record };
            let message = UnplacedRecord::new(&record, body.is_some());
            assert_eq!(message.is_shared(), body.is_some());
            for copies in [None, Some((seq(3), seq(1 << 50)))] {
                let mut buffer = b"before".to_vec();
                message.put(Placing { at_ms, place, body }, copies, &mut buffer);
                let expected = encode(&EntryRecord { copies, ..at_once });
                assert_eq!(buffer, [b"before", &expected[..]].concat());
            }
        }
    }
}
