//! Every value of the store, only here. The table is in the module's documentation.

use crate::store::Token;
use crate::{Entry, Error, ErrorKind, Message, Result, Seq};

/// The version of every record and of the layout.
pub(super) const VERSION: u8 = 1;

/// Returns the record of a message that was stored at `unix_ms`.
pub(super) fn encode_entry(unix_ms: u64, message: &Message) -> Vec<u8> {
    let text = message.as_str().as_bytes();
    let mut record = Vec::with_capacity(9 + text.len());
    record.push(VERSION);
    record.extend_from_slice(&unix_ms.to_be_bytes());
    record.extend_from_slice(text);
    record
}

/// Reads the entry at a place.
pub(super) fn decode_entry(place: Seq, record: &[u8]) -> Result<Entry> {
    let (unix_ms, text) = body(record)?.split_at_checked(8).ok_or_else(truncated)?;
    let unix_ms = unix_ms.try_into().map_err(|_| truncated())?;
    let text = std::str::from_utf8(text)
        .map_err(|error| corrupt("has a message that is not UTF-8").with_source(error))?;
    let entry = Entry::new(place, Message::from_stored(text));
    Ok(Entry { at_ms: u64::from_be_bytes(unix_ms), ..entry })
}

/// Returns the record of a sequence.
pub(super) fn encode_sequence(sequence: Seq) -> Vec<u8> {
    let mut record = Vec::with_capacity(9);
    record.push(VERSION);
    record.extend_from_slice(&sequence.get().to_be_bytes());
    record
}

/// Reads a sequence.
pub(super) fn decode_sequence(record: &[u8]) -> Result<Seq> {
    sequence(body(record)?)
}

/// Returns the record of the answer to a send with a message id.
pub(super) fn encode_answer(answer: Seq, token: &Token) -> Vec<u8> {
    let mut record = encode_sequence(answer);
    record.extend_from_slice(&token.digest);
    record
}

/// Reads the answer to a send, and the digest of what was sent.
pub(super) fn decode_answer(record: &[u8]) -> Result<(Seq, [u8; 16])> {
    let (answer, digest) = body(record)?.split_at_checked(8).ok_or_else(truncated)?;
    Ok((sequence(answer)?, digest.try_into().map_err(|_| truncated())?))
}

fn sequence(bytes: &[u8]) -> Result<Seq> {
    let bytes = bytes.try_into().map_err(|_| truncated())?;
    Seq::new(u64::from_be_bytes(bytes)).map_err(|_| corrupt("has a sequence out of range"))
}

fn body(record: &[u8]) -> Result<&[u8]> {
    match record.split_first() {
        Some((&VERSION, body)) => Ok(body),
        Some((version, _)) => Err(corrupt(&format!("has the unknown version {version}"))),
        None => Err(truncated()),
    }
}

fn truncated() -> Error {
    corrupt("has the wrong length")
}

fn corrupt(problem: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("a stored record {problem}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MessageId;

    #[test]
    fn records_read_as_they_were_written() {
        let message = Message::new("{\"a\": 1}").unwrap();
        let entry = decode_entry(Seq::ZERO.next(), &encode_entry(7, &message)).unwrap();
        assert_eq!((entry.message, entry.at_ms), (message, 7));
        let seq = Seq::new(1 << 40).unwrap();
        assert_eq!(decode_sequence(&encode_sequence(seq)).unwrap(), seq);
        let token = Token { message_id: MessageId::new("x").unwrap(), digest: [9; 16] };
        assert_eq!(decode_answer(&encode_answer(seq, &token)).unwrap(), (seq, [9; 16]));
    }

    #[test]
    fn damaged_records_are_errors() {
        for record in [&[][..], &[1], &[2, 0, 0, 0, 0, 0, 0, 0, 1], &[1, 255, 0, 0, 0, 0, 0, 0, 1], &[1, 0]] {
            assert_eq!(decode_sequence(record).unwrap_err().kind(), ErrorKind::Corrupt);
        }
        assert_eq!(
            decode_entry(Seq::ZERO, &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0xff]).unwrap_err().kind(),
            ErrorKind::Corrupt
        );
        assert_eq!(decode_answer(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 3]).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}
