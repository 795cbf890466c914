//! Entries of inboxes and histories.
//!
//! Ours are written like this; of those of the Go service there are the first four fields.
//!
//! | field | type | what |
//! |---|---|---|
//! | `_id` | Binary(16), or an `ObjectId` | [`EntryId`], made before the first attempt |
//! | `id` | string | the box: [`BoxId`] |
//! | `seq` | int64 | from 1 |
//! | `message` | string, or document | the text of the message; absent is `{}` |
//! | `from`, `to`, `group` | string | who sent it, to which member or group |
//! | `at` | int64 ms | when the store took it |
//! | `keyed` | int64 ms | in histories: what `at` was at first, if it was raised; the `_id`s of copies have it |
//! | `mid` | string | the message id |
//! | `kind`, `status` | int32 | the tables of [`kind`](super::kind) |
//! | `changed` | int64 ms | when the message was changed |
//! | `place`, `tag` | int64 | in copies: the place of the entry in its history, and its tag |
//! | `target` | int64 | the place of what the entry is about |
//! | `told` | int64 | in histories: the place of the last entry that tells of a change |
//! | `change` | document | in histories: a change under way, [`PendingChange`] |
//!
//! An entry of a history has the fields of its [`Record`], too.

use mongodb::bson::{Document, RawDocument, doc};

use super::super::box_id::{BoxId, Side};
use super::super::entry_id::EntryId;
use super::change::PendingChange;
use super::field::{Field, Unreadable, fields};
use super::kind::{CLAIM, HOLE, kind_number, kind_of, status_number, status_of};
use super::message::{self, NOTHING};
use super::record::Record;
use super::{collection_of, time};
use crate::conversation::peer_of;
use crate::{Destination, Entry, EntryKind, EntryStatus, MemberId, Message, Result, Seq, Tag};

/// An entry with what belongs to it in its box.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::distributed) struct EntryDoc {
    pub(in crate::distributed) key: EntryId,
    /// The `id` of the box.
    pub(in crate::distributed) boxed: String,
    pub(in crate::distributed) seq: Seq,
    /// The entry as readers get it, with `sequence`, `place` and `tag`, and without `edited`.
    pub(in crate::distributed) entry: Entry,
    /// Whether it closes a hole where no writer came.
    pub(in crate::distributed) is_hole: bool,
    /// Whether it holds a place for a moment, and reads as if it were not there.
    pub(in crate::distributed) is_claim: bool,
    /// Who gets copies; none in inboxes.
    pub(in crate::distributed) record: Option<Record>,
    /// The place of the last entry that tells of a change; 0 if there is none.
    pub(in crate::distributed) told: Seq,
    /// A change under way.
    pub(in crate::distributed) change: Option<PendingChange>,
    /// The time that the `_id`s of its copies have, if its own was raised since.
    pub(in crate::distributed) keyed_ms: Option<u64>,
}

impl EntryDoc {
    /// Creates an entry of a history, which has its place and the tag of its `_id`.
    pub(in crate::distributed) fn of_history(
        history: &BoxId,
        key: EntryId,
        seq: Seq,
        entry: Entry,
        record: Record,
    ) -> Self {
        Self { entry, record: Some(record), ..Self::bare(history, key, seq) }.moved_to(seq)
    }

    /// Creates the tombstone that closes a hole.
    pub(in crate::distributed) fn hole(boxed: &BoxId, seq: Seq, at_ms: u64) -> Self {
        let bare = Self::bare(boxed, EntryId::fresh(at_ms), seq);
        let (kind, status) = (EntryKind::Tombstone, EntryStatus::Unused);
        let entry = Entry { kind, status, at_ms, ..bare.entry };
        let hole = Self { entry, is_hole: true, ..bare };
        // No history has what a hole of an inbox was to be a copy of.
        if boxed.side() == Side::History { hole.moved_to(seq) } else { hole }
    }

    /// Creates a claim of a place.
    pub(in crate::distributed) fn claim(boxed: &BoxId, seq: Seq, at_ms: u64) -> Self {
        let hole = Self::hole(boxed, seq, at_ms);
        Self { is_hole: false, is_claim: true, ..hole }
    }

    fn bare(boxed: &BoxId, key: EntryId, seq: Seq) -> Self {
        let entry = Entry { tag: Some(key.tag()), ..Entry::new(seq, Message::from_stored(NOTHING)) };
        Self {
            key,
            boxed: boxed.as_str().to_owned(),
            seq,
            entry,
            is_hole: false,
            is_claim: false,
            record: None,
            told: Seq::ZERO,
            change: None,
            keyed_ms: None,
        }
    }

    /// Returns the entry of a history with another place.
    pub(in crate::distributed) fn moved_to(self, seq: Seq) -> Self {
        let entry = Entry { sequence: seq, place: seq, tag: Some(self.key.tag()), ..self.entry };
        Self { seq, entry, ..self }
    }

    /// Returns the `_id` of the copy that a member gets of this entry of a history.
    pub(in crate::distributed) fn copy_key(&self, member: &MemberId) -> EntryId {
        // That of the first entry was raised before `keyed_ms` was kept, and the `_id` has to stay.
        let at_ms = if self.seq == Seq::ZERO.next() { 0 } else { self.keyed_ms.unwrap_or(self.entry.at_ms) };
        EntryId::of_copy(&self.key, at_ms, member)
    }

    /// Returns the copy that a member gets of this entry of a history.
    pub(in crate::distributed) fn copy_for(&self, member: &MemberId, seq: Seq) -> Self {
        let mut entry = Entry { sequence: seq, ..self.entry.clone() };
        // What nobody sent would not say in the inbox of a pair which conversation it is about.
        if entry.kind != EntryKind::Message
            && entry.from.is_none()
            && let Some(conversation) = BoxId::stored(Side::History, &self.boxed).to_conversation()
            && let Some(peer) = peer_of(&conversation, member)
        {
            entry.to = Some(Destination::Member(peer.clone()));
        }
        Self {
            key: self.copy_key(member),
            boxed: member.as_str().to_owned(),
            seq,
            entry,
            record: None,
            told: Seq::ZERO,
            change: None,
            keyed_ms: None,
            ..*self
        }
    }

    /// Returns the kind as it is written; none for a message.
    fn kind_number(&self) -> Option<i32> {
        let number = match self.entry.kind {
            _ if self.is_hole => HOLE,
            _ if self.is_claim => CLAIM,
            kind => kind_number(kind),
        };
        (number > 0).then_some(number)
    }

    pub(in crate::distributed) fn to_document(&self) -> Document {
        let entry = &self.entry;
        let mut document = doc! {
            "_id": self.key.to_bson(),
            "id": &self.boxed,
            "seq": self.seq.to_i64(),
            "at": time(entry.at_ms),
        };
        if entry.message.as_str() != NOTHING {
            document.insert("message", entry.message.as_str());
        }
        if let Some(from) = &entry.from {
            document.insert("from", from.as_str());
        }
        match &entry.to {
            Some(Destination::Member(member)) => {
                document.insert("to", member.as_str());
            }
            Some(Destination::Group(group)) => {
                document.insert("group", group.as_str());
            }
            None => {}
        }
        if let Some(message_id) = &entry.message_id {
            document.insert("mid", message_id.as_str());
        }
        if let Some(kind) = self.kind_number() {
            document.insert("kind", kind);
        }
        let status = status_number(entry.status);
        if status > 0 && !self.is_hole && !self.is_claim {
            document.insert("status", status);
        }
        // A copy has the tag of the entry that it is a copy of, which its own `_id` does not give.
        let tag = entry.tag.filter(|tag| *tag != self.key.tag());
        if let Some(tag) = tag {
            document.insert("tag", tag.get().cast_signed());
            document.insert("place", entry.place.to_i64());
        }
        for (name, seq) in [("target", entry.target), ("told", self.told)] {
            if seq > Seq::ZERO {
                document.insert(name, seq.to_i64());
            }
        }
        if let Some(keyed_ms) = self.keyed_ms {
            document.insert("keyed", time(keyed_ms));
        }
        if entry.changed_at_ms > 0 {
            document.insert("changed", time(entry.changed_at_ms));
        }
        if let Some(record) = &self.record {
            record.write(&mut document);
        }
        if let Some(change) = &self.change {
            document.insert("change", change.to_document());
        }
        document
    }

    /// Reads an entry, ours or one of the Go service.
    ///
    /// # Errors
    ///
    /// [`Corrupt`](crate::ErrorKind::Corrupt) names the collection, the box and the sequence.
    pub(in crate::distributed) fn read(document: &RawDocument, side: Side) -> Result<Self> {
        Self::parse(document, side).map_err(|why| why.in_collection(collection_of(side), document))
    }

    fn parse(document: &RawDocument, side: Side) -> Result<Self, Unreadable> {
        let mut parts = Parts::new();
        for field in fields(document) {
            parts.take(field?)?;
        }
        parts.into_entry(side)
    }
}

/// What was read of an entry so far.
struct Parts<'a> {
    key: Option<EntryId>,
    boxed: Option<&'a str>,
    entry: Entry,
    tag: Option<Tag>,
    is_hole: bool,
    is_claim: bool,
    record: Option<Record>,
    told: Seq,
    change: Option<PendingChange>,
    keyed_ms: Option<u64>,
}

impl<'a> Parts<'a> {
    fn new() -> Self {
        Self {
            key: None,
            boxed: None,
            entry: Entry::new(Seq::ZERO, Message::from_stored(NOTHING)),
            tag: None,
            is_hole: false,
            is_claim: false,
            record: None,
            told: Seq::ZERO,
            change: None,
            keyed_ms: None,
        }
    }

    fn take(&mut self, field: Field<'a>) -> Result<(), Unreadable> {
        let entry = &mut self.entry;
        match field.name {
            "_id" => self.key = Some(field.key()?),
            "id" => self.boxed = Some(field.text()?),
            "seq" => entry.sequence = field.seq()?,
            "message" => entry.message = message::read(field)?,
            "from" => entry.from = Some(field.member()?),
            "to" => entry.to = Some(Destination::Member(field.member()?)),
            "group" => entry.to = Some(Destination::Group(field.group()?)),
            "at" => entry.at_ms = field.millis()?,
            "mid" => entry.message_id = Some(field.message_id()?),
            "kind" => self.take_kind(field)?,
            "status" => {
                let status = status_of(field.number()?);
                entry.status = status.ok_or_else(|| field.is_not("the number of a status"))?;
            }
            "changed" => entry.changed_at_ms = field.millis()?,
            "place" => entry.place = field.seq()?,
            "tag" => self.tag = Some(Tag::new(field.number()?.cast_unsigned())),
            "target" => entry.target = field.seq()?,
            "told" => self.told = field.seq()?,
            "keyed" => self.keyed_ms = Some(field.millis()?),
            "change" => self.change = Some(PendingChange::read(field.document()?)?),
            "digest" => self.digests().0 = field.digest()?,
            "digest2" => self.digests().1 = Some(field.digest()?),
            "members" => self.record.get_or_insert_default().members = field.members()?,
            "seqs" => self.record.get_or_insert_default().seqs = field.seqs()?,
            // A later version may have more.
            _ => {}
        }
        Ok(())
    }

    fn take_kind(&mut self, field: Field<'a>) -> Result<(), Unreadable> {
        let number = field.number()?;
        self.is_hole = number == i64::from(HOLE);
        self.is_claim = number == i64::from(CLAIM);
        if self.is_hole || self.is_claim {
            (self.entry.kind, self.entry.status) = (EntryKind::Tombstone, EntryStatus::Unused);
        } else {
            self.entry.kind = kind_of(number).ok_or_else(|| field.is_not("the number of a kind"))?;
        }
        Ok(())
    }

    fn digests(&mut self) -> &mut ([u8; 16], Option<[u8; 16]>) {
        self.record.get_or_insert_default().digests.get_or_insert_default()
    }

    fn into_entry(self, side: Side) -> Result<EntryDoc, Unreadable> {
        let key = self.key.ok_or_else(|| Unreadable::without("_id"))?;
        let boxed = self.boxed.ok_or_else(|| Unreadable::without("id"))?.to_owned();
        let mut entry = self.entry;
        let seq = entry.sequence;
        if seq == Seq::ZERO {
            return Err(Unreadable::without("seq"));
        }
        if side == Side::History {
            entry.place = seq;
        }
        entry.tag = Some(self.tag.unwrap_or_else(|| key.tag()));
        // The Go service kept no times, but its driver put the second into the `_id`.
        if entry.at_ms == 0
            && let EntryId::Go(id) = key
        {
            entry.at_ms = u64::try_from(id.timestamp().timestamp_millis()).unwrap_or_default();
        }
        Ok(EntryDoc {
            key,
            boxed,
            seq,
            entry,
            is_hole: self.is_hole,
            is_claim: self.is_claim,
            record: self.record.map(Record::check).transpose()?,
            told: self.told,
            change: self.change,
            keyed_ms: self.keyed_ms,
        })
    }
}

#[cfg(test)]
mod tests;
