//! Every value of the store, only here.
//!
//! The table is in the module's documentation.

mod entry;
mod extent;
mod group;
#[cfg(test)]
pub(super) mod layout_2;
mod message;
mod row;
mod send;

pub(super) use self::entry::{
    BodyKey, EncodedText, EntryReader, EntryRecord, Stored, encode, encode_entry_1, encode_tombstone,
    is_copy, is_rewritten, is_telling,
};
pub(super) use self::extent::{Extent, decode_extent, encode_extent};
pub(super) use self::group::{
    decode_group, decode_role, decode_summary, encode_group, encode_role, encode_summary,
};
pub(super) use self::message::{Placing, UnplacedRecord};
pub(super) use self::row::{Row, decode_row, encode_row};
pub(super) use self::send::{StoredAnswer, decode_answer, decode_copies, encode_answer, encode_copies};
use crate::{Error, ErrorKind, Message, Result, Seq};

/// The version of the layout, and of every record that is written.
pub(super) const VERSION: u8 = 3;

/// The version before; its records stay readable.
pub(super) const VERSION_2: u8 = 2;

/// The first version; its records stay readable.
pub(super) const VERSION_1: u8 = 1;

/// Returns the record of a text that many entries share.
pub(super) fn encode_body(message: &Message) -> Vec<u8> {
    let text = message.as_str().as_bytes();
    let mut record = Vec::with_capacity(1 + text.len());
    record.push(VERSION);
    record.extend(text);
    record
}

/// Reads a text that many entries share.
pub(super) fn decode_body(record: &[u8]) -> Result<Message> {
    match record.split_first() {
        Some((&(VERSION | VERSION_2), body)) => Ok(Message::from_stored(text(body)?)),
        _ => Err(unknown_version(record)),
    }
}

/// Returns the record of a number. It is still that of layout 2: a program of layout 2 reads the
/// numbers of batches before it asks for the layout, and would take others for damaged journals.
pub(super) fn encode_number(number: u64) -> Vec<u8> {
    let mut record = Vec::with_capacity(9);
    record.push(VERSION_2);
    record.extend(number.to_be_bytes());
    record
}

/// Reads a number.
pub(super) fn decode_number(record: &[u8]) -> Result<u64> {
    let mut fields = body(record)?;
    let number = u64::from_be_bytes(fields.array()?);
    fields.end()?;
    Ok(number)
}

/// Returns the record of what tells a store from any other, and its generation. It is still that
/// of layout 2, for the same reason as that of a number.
pub(super) fn encode_identity(id: u128, generation: u64) -> Vec<u8> {
    let mut record = vec![VERSION_2];
    record.extend(id.to_be_bytes());
    record.extend(generation.to_be_bytes());
    record
}

/// Reads the id and the generation of a store.
pub(super) fn decode_identity(record: &[u8]) -> Result<(u128, u64)> {
    let mut fields = body(record)?;
    let identity = (u128::from_be_bytes(fields.array()?), u64::from_be_bytes(fields.array()?));
    fields.end()?;
    Ok(identity)
}

/// Returns the record of how far an import has come, and of which export.
pub(super) fn encode_import(lines: u64, source: &str) -> Vec<u8> {
    let mut record = encode_number(lines);
    record.extend(source.as_bytes());
    record
}

/// Reads how far an import has come, and of which export.
pub(super) fn decode_import(record: &[u8]) -> Result<(u64, String)> {
    let mut fields = body(record)?;
    let lines = u64::from_be_bytes(fields.array()?);
    Ok((lines, text(fields.0)?.to_owned()))
}

/// Returns the record of a sequence.
pub(super) fn encode_sequence(sequence: Seq) -> Vec<u8> {
    encode_number(sequence.get())
}

/// Reads a sequence.
pub(super) fn decode_sequence(record: &[u8]) -> Result<Seq> {
    let mut fields = body(record)?;
    let sequence = fields.sequence()?;
    fields.end()?;
    Ok(sequence)
}

/// Ids have at most 512 bytes.
fn put_id(record: &mut Vec<u8>, id: &str) {
    record.extend(u16::try_from(id.len()).unwrap_or(u16::MAX).to_be_bytes());
    record.extend(id.as_bytes());
}

/// Returns the fields of a record that looks the same in all versions.
fn body(record: &[u8]) -> Result<Fields<'_>> {
    match record.split_first() {
        // These are cursors, numbers and groups: an upgrade leaves them as they were written.
        Some((&(VERSION | VERSION_2 | VERSION_1), body)) => Ok(Fields(body)),
        _ => Err(unknown_version(record)),
    }
}

/// What is left to read of a record.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk().ok_or_else(truncated)?;
        self.0 = rest;
        Ok(*array)
    }

    fn id(&mut self) -> Result<&'a str> {
        let length = u16::from_be_bytes(self.array()?);
        let (id, rest) = self.0.split_at_checked(length.into()).ok_or_else(truncated)?;
        self.0 = rest;
        text(id)
    }

    fn sequence(&mut self) -> Result<Seq> {
        Seq::new(u64::from_be_bytes(self.array()?)).map_err(|_| corrupt("has a sequence out of range"))
    }

    fn end(&self) -> Result<()> {
        if self.0.is_empty() { Ok(()) } else { Err(truncated()) }
    }
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|error| {
        let corrupt = corrupt("has a text that is not UTF-8");
        Error::with_source(corrupt.kind(), corrupt.to_string(), error)
    })
}

fn unknown_version(record: &[u8]) -> Error {
    match record.first() {
        Some(version) => corrupt(&format!("has the unknown version {version}")),
        None => truncated(),
    }
}

fn truncated() -> Error {
    corrupt("has the wrong length")
}

fn corrupt(problem: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("a stored record {problem}"))
}

#[cfg(test)]
mod tests;
