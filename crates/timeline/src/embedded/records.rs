//! Every value of the store, only here.
//!
//! The table is in the module's documentation.

mod group;

pub(super) use self::group::{
    decode_group, decode_role, decode_summary, encode_group, encode_role, encode_summary,
};
use crate::store::{Append, IdempotencyKey};
use crate::{
    Destination, Entry, EntryKind, Error, ErrorKind, GroupName, MemberId, Message, MessageId, Result, Seq,
    Tag,
};

/// The version of the layout, and of every record that is written.
pub(super) const VERSION: u8 = 2;

/// The version before; its records stay readable.
pub(super) const VERSION_1: u8 = 1;

/// The text of a record of an entry: in it, or in a record of its own.
#[derive(Debug, Clone, Copy)]
pub(super) enum EncodedText<'a> {
    Here(&'a str),
    /// In `bodies`, under this key.
    Body(BodyKey),
}

/// The key of a text that many entries share: the number of its batch, and its place in it.
pub(super) type BodyKey = [u8; 12];

/// An entry whose text may lie elsewhere.
#[derive(Debug)]
pub(super) struct Stored {
    /// Its message is empty when there is a `body`.
    pub(super) entry: Entry,
    pub(super) body: Option<BodyKey>,
}

/// Returns the record of the entries of a send.
pub(super) fn encode_entry(at_ms: u64, tag: Tag, append: &Append, text: EncodedText<'_>) -> Vec<u8> {
    let message_id = append.token.as_ref().map(|token| token.message_id.as_str());
    encode(EntryKind::Message, at_ms, tag, append.from.as_ref(), Some(&append.to), message_id, text)
}

/// Returns the record of an entry in place of one that was lost.
pub(super) fn encode_tombstone(at_ms: u64, tag: Tag) -> Vec<u8> {
    encode(EntryKind::Tombstone, at_ms, tag, None, None, None, EncodedText::Here("{}"))
}

fn encode(
    kind: EntryKind,
    at_ms: u64,
    tag: Tag,
    from: Option<&MemberId>,
    to: Option<&Destination>,
    message_id: Option<&str>,
    text: EncodedText<'_>,
) -> Vec<u8> {
    let (to_kind, to) = match to {
        None => (0, ""),
        Some(Destination::Member(member)) => (1, member.as_str()),
        Some(Destination::Group(group)) => (2, group.as_str()),
    };
    let (from, message_id) = (from.map_or("", MemberId::as_str), message_id.unwrap_or_default());
    let text_bytes = match text {
        EncodedText::Here(text) => text.len(),
        EncodedText::Body(key) => key.len(),
    };
    // 28 bytes are what every record has: the version, the kind, flags (2), the time (8), the tag
    // (8), three lengths (2 each), the kind of the destination, and where the text is.
    let mut record = Vec::with_capacity(28 + from.len() + to.len() + message_id.len() + text_bytes);
    record.extend([VERSION, kind_number(kind)]);
    record.extend(0_u16.to_be_bytes());
    record.extend(at_ms.to_be_bytes());
    record.extend(tag.get().to_be_bytes());
    put_id(&mut record, from);
    record.push(to_kind);
    put_id(&mut record, to);
    put_id(&mut record, message_id);
    match text {
        EncodedText::Here(text) => {
            record.push(0);
            record.extend(text.as_bytes());
        }
        EncodedText::Body(key) => {
            record.push(1);
            record.extend(key);
        }
    }
    record
}

/// Reads entries one after the other; names that repeat share their text.
#[derive(Debug, Default)]
pub(super) struct EntryReader {
    from: Option<MemberId>,
    to: Option<Destination>,
}

impl EntryReader {
    /// Reads the entry at a place.
    pub(super) fn entry(&mut self, sequence: Seq, record: &[u8]) -> Result<Stored> {
        match record.split_first() {
            Some((&VERSION, body)) => self.entry_2(sequence, Fields(body)),
            Some((&VERSION_1, body)) => entry_1(sequence, Fields(body)),
            _ => Err(unknown_version(record)),
        }
    }

    fn entry_2(&mut self, sequence: Seq, mut fields: Fields<'_>) -> Result<Stored> {
        // The fields come in the order in which `encode` writes them; the figure stands in
        // `mod.rs`.
        let [kind] = fields.array()?;
        let flags = u16::from_be_bytes(fields.array()?);
        let at_ms = u64::from_be_bytes(fields.array()?);
        let tag = Tag::new(u64::from_be_bytes(fields.array()?));
        let from = self.from(fields.id()?);
        let [to_kind] = fields.array()?;
        let to = self.to(to_kind, fields.id()?)?;
        let message_id = fields.id()?;
        let message_id = (!message_id.is_empty()).then(|| MessageId::from_stored(message_id));
        let (body, message) = match fields.array()? {
            [0] => (None, Message::from_stored(text(fields.0)?)),
            [1] => (Some(fields.0.try_into().map_err(|_| truncated())?), Message::from_stored("")),
            [other] => return Err(corrupt(&format!("has a text of the unknown kind {other}"))),
        };
        let kind = kind_of(kind)?;
        let entry = Entry {
            from,
            to,
            at_ms,
            message_id,
            kind,
            flags,
            tag: Some(tag),
            ..Entry::new(sequence, message)
        };
        Ok(Stored { entry, body })
    }

    fn from(&mut self, id: &str) -> Option<MemberId> {
        // A page mostly has the same two names in every entry. Their texts are shared, so a page of
        // 1,000 entries does not make 2,000 copies.
        if id.is_empty() {
            return None;
        }
        if self.from.as_ref().is_none_or(|last| last.as_str() != id) {
            self.from = Some(MemberId::from_stored(id));
        }
        self.from.clone()
    }

    fn to(&mut self, kind: u8, id: &str) -> Result<Option<Destination>> {
        let same = match &self.to {
            Some(Destination::Member(last)) => kind == 1 && last.as_str() == id,
            Some(Destination::Group(last)) => kind == 2 && last.as_str() == id,
            None => false,
        };
        match kind {
            0 => return Ok(None),
            _ if same => {}
            1 => self.to = Some(Destination::Member(MemberId::from_stored(id))),
            2 => self.to = Some(Destination::Group(GroupName::from_stored(id))),
            other => return Err(corrupt(&format!("has a destination of the unknown kind {other}"))),
        }
        Ok(self.to.clone())
    }
}

/// Layout 1 knew the time and the text.
fn entry_1(sequence: Seq, mut fields: Fields<'_>) -> Result<Stored> {
    let at_ms = u64::from_be_bytes(fields.array()?);
    let entry = Entry { at_ms, ..Entry::new(sequence, Message::from_stored(text(fields.0)?)) };
    Ok(Stored { entry, body: None })
}

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
        Some((&VERSION, body)) => Ok(Message::from_stored(text(body)?)),
        _ => Err(unknown_version(record)),
    }
}

/// Where a box begins and ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Extent {
    /// The entries up to this one were removed.
    pub(super) floor: Seq,
    /// The last sequence that was given out; it never falls, also when its entry is removed.
    pub(super) top: Seq,
}

/// Returns the record of a box.
pub(super) fn encode_extent(extent: Extent) -> Vec<u8> {
    let mut record = Vec::with_capacity(17);
    record.push(VERSION);
    record.extend(extent.floor.get().to_be_bytes());
    record.extend(extent.top.get().to_be_bytes());
    record
}

/// Reads the record of a box.
pub(super) fn decode_extent(record: &[u8]) -> Result<Extent> {
    let mut fields = body(record)?;
    let extent = Extent { floor: fields.sequence()?, top: fields.sequence()? };
    fields.end()?;
    if extent.floor > extent.top { Err(corrupt("has a floor above its top")) } else { Ok(extent) }
}

/// Returns the record of a number.
pub(super) fn encode_number(number: u64) -> Vec<u8> {
    let mut record = Vec::with_capacity(9);
    record.push(VERSION);
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

/// Returns the record of what tells a store from any other, and its generation.
pub(super) fn encode_identity(id: u128, generation: u64) -> Vec<u8> {
    let mut record = vec![VERSION];
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

/// What was answered to a send with a message id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StoredAnswer {
    pub(super) sequence: Seq,
    pub(super) digest: [u8; 16],
}

/// Returns the record of an answer.
pub(super) fn encode_answer(sequence: Seq, token: &IdempotencyKey) -> Vec<u8> {
    let mut record = encode_sequence(sequence);
    record.extend(token.digest);
    record
}

/// Reads an answer.
pub(super) fn decode_answer(record: &[u8]) -> Result<StoredAnswer> {
    let mut fields = body(record)?;
    let answer = StoredAnswer { sequence: fields.sequence()?, digest: fields.array()? };
    fields.end()?;
    Ok(answer)
}

fn kind_number(kind: EntryKind) -> u8 {
    match kind {
        EntryKind::Message => 0,
        EntryKind::Edit => 1,
        EntryKind::Recall => 2,
        EntryKind::Tombstone => 3,
    }
}

fn kind_of(number: u8) -> Result<EntryKind> {
    let kinds = [EntryKind::Message, EntryKind::Edit, EntryKind::Recall, EntryKind::Tombstone];
    let kind = kinds.into_iter().find(|kind| kind_number(*kind) == number);
    kind.ok_or_else(|| corrupt(&format!("is of the unknown kind {number}")))
}

/// Ids have at most 512 bytes.
fn put_id(record: &mut Vec<u8>, id: &str) {
    record.extend(u16::try_from(id.len()).unwrap_or(u16::MAX).to_be_bytes());
    record.extend(id.as_bytes());
}

/// The records that look the same in both versions.
fn body(record: &[u8]) -> Result<Fields<'_>> {
    match record.split_first() {
        // These are cursors, answers and numbers: an upgrade leaves them as layout 1 wrote them.
        Some((&(VERSION | VERSION_1), body)) => Ok(Fields(body)),
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
