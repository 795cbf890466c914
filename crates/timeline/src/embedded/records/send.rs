//! The values of sends: their answers, and where their copies are.
//!
//! ```text
//! answer := sequence:u64, digest: 16 bytes, place:u64     versions 1 and 2 without the place
//! copies := (seq:u64, member:id)*
//! ```

use super::{Fields, VERSION, VERSION_1, VERSION_2, put_id, truncated, unknown_version};
use crate::{MemberId, Result, Seq};

/// What was answered to a send with a message id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::embedded) struct StoredAnswer {
    /// The sequence in the inbox of the last recipient.
    pub(in crate::embedded) sequence: Seq,
    /// What tells the message from another with its id.
    pub(in crate::embedded) digest: [u8; 16],
    /// The place of the message in its history; 0 if that is unknown.
    pub(in crate::embedded) place: Seq,
}

/// Returns the record of an answer.
pub(in crate::embedded) fn encode_answer(answer: &StoredAnswer) -> [u8; 33] {
    let mut record = [VERSION; 33];
    record[1..9].copy_from_slice(&answer.sequence.get().to_be_bytes());
    record[9..25].copy_from_slice(&answer.digest);
    record[25..].copy_from_slice(&answer.place.get().to_be_bytes());
    record
}

/// Reads an answer.
pub(in crate::embedded) fn decode_answer(record: &[u8]) -> Result<StoredAnswer> {
    let (mut fields, is_placed) = match record.split_first() {
        Some((&VERSION, body)) => (Fields(body), true),
        Some((&(VERSION_2 | VERSION_1), body)) => (Fields(body), false),
        _ => return Err(unknown_version(record)),
    };
    let (sequence, digest) = (fields.sequence()?, fields.array()?);
    let place = if is_placed { fields.sequence()? } else { Seq::ZERO };
    fields.end()?;
    Ok(StoredAnswer { sequence, digest, place })
}

/// Returns the record of where the copies of a message to a group are.
pub(in crate::embedded) fn encode_copies(copies: &[(MemberId, Seq)]) -> Vec<u8> {
    let bytes: usize = copies.iter().map(|(member, _)| 10 + member.as_str().len()).sum();
    let mut record = Vec::with_capacity(1 + bytes);
    record.push(VERSION);
    for (member, sequence) in copies {
        record.extend(sequence.get().to_be_bytes());
        put_id(&mut record, member.as_str());
    }
    record
}

/// Reads where the copies of a message to a group are.
pub(in crate::embedded) fn decode_copies(record: &[u8]) -> Result<Vec<(MemberId, Seq)>> {
    let mut fields = match record.split_first() {
        Some((&VERSION, body)) => Fields(body),
        _ => return Err(unknown_version(record)),
    };
    let mut copies = Vec::new();
    while !fields.0.is_empty() {
        let (sequence, member) = (fields.sequence()?, fields.id()?);
        if member.is_empty() {
            return Err(truncated());
        }
        copies.push((MemberId::from_stored(member), sequence));
    }
    Ok(copies)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    #[test]
    fn answers_read_as_they_were_written() {
        let answer = StoredAnswer { sequence: seq(1 << 40), digest: [9; 16], place: seq(5) };
        let record = encode_answer(&answer);
        assert_eq!(decode_answer(&record).unwrap(), answer);
        for length in 0..record.len() {
            assert_eq!(decode_answer(&record[..length]).unwrap_err().kind(), ErrorKind::Corrupt, "{length}");
        }
        for version in [VERSION_1, VERSION_2] {
            let mut earlier = record[..25].to_vec();
            earlier[0] = version;
            assert_eq!(decode_answer(&earlier).unwrap(), StoredAnswer { place: Seq::ZERO, ..answer });
        }
    }

    #[test]
    fn copies_read_as_they_were_written() {
        let member = |id| MemberId::new(id).unwrap();
        let copies = [(member("älice"), seq(1)), (member("b"), seq(1 << 40))];
        let record = encode_copies(&copies);
        assert_eq!(decode_copies(&record).unwrap(), copies);
        assert!(decode_copies(&encode_copies(&[])).unwrap().is_empty());
        // A record that ends behind one of them can be read: that none is cut is what the engine's
        // checksums tell.
        let mut shorter = Vec::new();
        for length in 0..record.len() {
            match decode_copies(&record[..length]) {
                Ok(read) => shorter.push(read.len()),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{length}"),
            }
        }
        assert_eq!(shorter, [0, 1]);
        for record in [&[3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0][..], &[2], &[3, 255, 0, 0, 0, 0, 0, 0, 1, 0, 1, 97]]
        {
            assert_eq!(decode_copies(record).unwrap_err().kind(), ErrorKind::Corrupt, "{record:?}");
        }
    }
}
