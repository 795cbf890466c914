//! The values of entries.
//!
//! The figure stands in the module's documentation.

use super::{Fields, VERSION, VERSION_1, VERSION_2, corrupt, put_id, text, truncated, unknown_version};
use crate::embedded::keys;
use crate::{Destination, Entry, EntryKind, EntryStatus, GroupName, MemberId, Message, MessageId, Result};
use crate::{Seq, Tag};

/// The text of a record of an entry: in it, or in a record of its own.
#[derive(Debug, Clone, Copy)]
pub(in crate::embedded) enum EncodedText<'a> {
    Here(&'a str),
    /// In `bodies`, under this key.
    Body(BodyKey),
}

/// The key of a text that many entries share: the number of its batch, and its place in it.
pub(in crate::embedded) type BodyKey = [u8; 12];

/// What a record of an entry says.
#[derive(Debug, Clone, Copy)]
pub(in crate::embedded) struct EntryRecord<'a> {
    pub(in crate::embedded) kind: EntryKind,
    pub(in crate::embedded) status: EntryStatus,
    pub(in crate::embedded) at_ms: u64,
    pub(in crate::embedded) tag: Tag,
    /// The place in the history of the conversation; 0 if that is unknown.
    pub(in crate::embedded) place: Seq,
    /// When the message was changed, in milliseconds since 1970, and the place of the entry that
    /// tells of it.
    pub(in crate::embedded) changed: Option<(u64, Seq)>,
    /// The place of the message that the entry is about.
    pub(in crate::embedded) target: Option<Seq>,
    /// Where the copies of a pair's message are: see [`Stored::copies`].
    pub(in crate::embedded) copies: Option<(Seq, Seq)>,
    pub(in crate::embedded) from: Option<&'a MemberId>,
    pub(in crate::embedded) to: Option<&'a Destination>,
    pub(in crate::embedded) message_id: Option<&'a str>,
    pub(in crate::embedded) text: EncodedText<'a>,
}

/// An entry whose text may lie elsewhere.
#[derive(Debug)]
pub(in crate::embedded) struct Stored {
    /// Its message is empty when there is a `body`.
    pub(in crate::embedded) entry: Entry,
    pub(in crate::embedded) body: Option<BodyKey>,
    /// The sequences of the copies in the inbox of the smaller member and in that of the larger
    /// one, in the history of a pair; the same twice for a note to oneself.
    pub(in crate::embedded) copies: Option<(Seq, Seq)>,
    /// The place of the entry that tells of the last change; 0 if there was none.
    pub(in crate::embedded) told_at: Seq,
}

const STATUS: u16 = 7;
const CHANGED: u16 = 8;
const TARGET: u16 = 16;
/// The flag of a record that tells where the copies of a pair's message are.
pub(super) const COPIES: u16 = 32;

/// Returns the record of an entry.
pub(in crate::embedded) fn encode(entry: &EntryRecord<'_>) -> Vec<u8> {
    let (to_kind, to) = match entry.to {
        None => (0, ""),
        Some(Destination::Member(member)) => (1, member.as_str()),
        Some(Destination::Group(group)) => (2, group.as_str()),
    };
    let from = entry.from.map_or("", MemberId::as_str);
    let message_id = entry.message_id.unwrap_or_default();
    let text_bytes = match entry.text {
        EncodedText::Here(text) => text.len(),
        EncodedText::Body(key) => key.len(),
    };
    let flag = |is_there: bool, flag: u16| if is_there { flag } else { 0 };
    let flags = u16::from(entry.status.number())
        | flag(entry.changed.is_some(), CHANGED)
        | flag(entry.target.is_some(), TARGET)
        | flag(entry.copies.is_some(), COPIES);
    // 76 bytes are the most that a record has beside its texts: the version, the kind, flags (2),
    // the time (8), the tag (8), the place (8), what the flags announce (40), three lengths (2
    // each), the kind of the destination, and where the text is.
    let mut record = Vec::with_capacity(76 + from.len() + to.len() + message_id.len() + text_bytes);
    record.extend([VERSION, entry.kind.number()]);
    record.extend(flags.to_be_bytes());
    for number in [entry.at_ms, entry.tag.get(), entry.place.get()] {
        record.extend(number.to_be_bytes());
    }
    let changed = entry.changed.iter().flat_map(|(at_ms, told_at)| [*at_ms, told_at.get()]);
    let target = entry.target.iter().map(|target| target.get());
    let copies = entry.copies.iter().flat_map(|(smaller, larger)| [smaller.get(), larger.get()]);
    for number in changed.chain(target).chain(copies) {
        record.extend(number.to_be_bytes());
    }
    put_id(&mut record, from);
    record.push(to_kind);
    put_id(&mut record, to);
    put_id(&mut record, message_id);
    match entry.text {
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

/// Returns whether a record is not the first one of its entry.
///
/// It was written when the message was changed or went. Of all records of an entry, such a one is
/// newer than one that is not.
pub(in crate::embedded) fn is_rewritten(record: &[u8]) -> bool {
    matches!(record, [VERSION, _, _, flags, ..] if u16::from(*flags) & STATUS != 0)
}

/// Returns whether a record is that of a copy of a message; only what tells that is looked at.
pub(in crate::embedded) fn is_copy(record: &[u8], message: &Entry) -> bool {
    let mut wanted = [0_u8; 16];
    let (tag, place) = wanted.split_at_mut(8);
    tag.copy_from_slice(&message.tag.map_or(0, Tag::get).to_be_bytes());
    place.copy_from_slice(&message.place.get().to_be_bytes());
    // The version, the kind, the flags and the time come before the tag and the place.
    record.starts_with(&[VERSION, EntryKind::Message.number()])
        && record.get(12..28) == Some(wanted.as_slice())
}

/// Returns whether a record is that of an entry that tells of others, and not of a message.
///
/// No more than its kind is looked at; what cannot be read is told when it is.
pub(in crate::embedded) fn is_telling(record: &[u8]) -> bool {
    let [VERSION | VERSION_2, kind, ..] = record else { return false };
    match kind_of(*kind) {
        Ok(EntryKind::Edit | EntryKind::Recall | EntryKind::Deletion | EntryKind::Purge) => true,
        Ok(EntryKind::Message | EntryKind::Tombstone) | Err(_) => false,
    }
}

/// Returns the record that keeps the place of an entry whose text is gone.
///
/// It has what `entry` says but its text and its changes. `status` says why: `Lost` for a salvage,
/// `Expired` for the copies of what a history does not have any more.
pub(in crate::embedded) fn encode_tombstone(entry: &Entry, status: EntryStatus) -> Vec<u8> {
    encode(&EntryRecord {
        kind: EntryKind::Tombstone,
        status,
        at_ms: entry.at_ms,
        // Entries of layout 1 have none; they have no place, either, so none of them expires.
        tag: entry.tag.unwrap_or_else(|| Tag::new(0)),
        place: entry.place,
        changed: None,
        target: None,
        copies: None,
        from: entry.from.as_ref(),
        to: entry.to.as_ref(),
        message_id: entry.message_id.as_ref().map(MessageId::as_str),
        text: EncodedText::Here("{}"),
    })
}

/// Reads entries one after the other; names that repeat share their text.
#[derive(Debug, Default)]
pub(in crate::embedded) struct EntryReader {
    /// Whether the place of an entry is its sequence.
    is_history: bool,
    from: Option<MemberId>,
    to: Option<Destination>,
}

impl EntryReader {
    /// Begins to read the entries of the inbox or history `prefix`.
    ///
    /// Entries of layouts 1 and 2 do not tell their places. They are known in a history alone.
    pub(in crate::embedded) fn of(prefix: &[u8]) -> Self {
        Self { is_history: keys::is_history(prefix), ..Self::default() }
    }

    /// Reads the entry with a sequence.
    pub(in crate::embedded) fn entry(&mut self, sequence: Seq, record: &[u8]) -> Result<Stored> {
        let mut stored = match record.split_first() {
            Some((&VERSION, body)) => return self.entry_3(sequence, Fields(body)),
            Some((&VERSION_2, body)) => self.entry_2(sequence, Fields(body))?,
            Some((&VERSION_1, body)) => entry_1(sequence, Fields(body))?,
            _ => return Err(unknown_version(record)),
        };
        if self.is_history {
            stored.entry.place = sequence;
        }
        Ok(stored)
    }

    fn entry_3(&mut self, sequence: Seq, mut fields: Fields<'_>) -> Result<Stored> {
        // The fields come in the order in which `encode` writes them; the figure stands in
        // `mod.rs`.
        let [kind] = fields.array()?;
        let kind = kind_of(kind)?;
        let flags = u16::from_be_bytes(fields.array()?);
        if flags & !(STATUS | CHANGED | TARGET | COPIES) != 0 {
            return Err(corrupt(&format!("has the unknown flags {flags}")));
        }
        let status = status_of(flags & STATUS)?;
        let at_ms = u64::from_be_bytes(fields.array()?);
        let tag = Tag::new(u64::from_be_bytes(fields.array()?));
        let place = fields.sequence()?;
        let (changed_at_ms, told_at) = if flags & CHANGED == 0 {
            (0, Seq::ZERO)
        } else {
            (u64::from_be_bytes(fields.array()?), fields.sequence()?)
        };
        let target = if flags & TARGET == 0 { Seq::ZERO } else { fields.sequence()? };
        let copies = if flags & COPIES == 0 { None } else { Some((fields.sequence()?, fields.sequence()?)) };
        let stored = self.names_and_text(sequence, fields)?;
        let entry =
            Entry { kind, status, at_ms, tag: Some(tag), place, changed_at_ms, target, ..stored.entry };
        Ok(Stored { entry, copies, told_at, ..stored })
    }

    fn entry_2(&mut self, sequence: Seq, mut fields: Fields<'_>) -> Result<Stored> {
        let [kind] = fields.array()?;
        let kind = kind_of(kind)?;
        // Layout 2 wrote flags that mean nothing.
        let [_, _] = fields.array()?;
        let at_ms = u64::from_be_bytes(fields.array()?);
        let tag = Tag::new(u64::from_be_bytes(fields.array()?));
        let stored = self.names_and_text(sequence, fields)?;
        // Salvages alone wrote tombstones.
        let is_lost = kind == EntryKind::Tombstone;
        let status = if is_lost { EntryStatus::Lost } else { EntryStatus::Original };
        Ok(Stored { entry: Entry { kind, status, at_ms, tag: Some(tag), ..stored.entry }, ..stored })
    }

    /// Reads what both layouts end with.
    fn names_and_text(&mut self, sequence: Seq, mut fields: Fields<'_>) -> Result<Stored> {
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
        let entry = Entry { from, to, message_id, ..Entry::new(sequence, message) };
        Ok(Stored { entry, body, copies: None, told_at: Seq::ZERO })
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
    Ok(Stored { entry, body: None, copies: None, told_at: Seq::ZERO })
}

/// Returns the record of an entry as layout 1 had them, which knew the time and the text.
pub(in crate::embedded) fn encode_entry_1(at_ms: u64, text: &str) -> Vec<u8> {
    let mut record = Vec::with_capacity(9 + text.len());
    record.push(VERSION_1);
    record.extend(at_ms.to_be_bytes());
    record.extend(text.as_bytes());
    record
}

fn kind_of(number: u8) -> Result<EntryKind> {
    EntryKind::with_number(number.into()).ok_or_else(|| corrupt(&format!("is of the unknown kind {number}")))
}

fn status_of(number: u16) -> Result<EntryStatus> {
    let status = EntryStatus::with_number(number.into());
    status.ok_or_else(|| corrupt(&format!("has the unknown status {number}")))
}
