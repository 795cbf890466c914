//! How the entries of a page are read, with texts and without what is gone.

use fjall::{Readable as _, Snapshot};

use super::floors::{Floors, conversation_of};
use super::{Tables, read_error};
use crate::embedded::records::{BodyKey, EntryReader, Stored};
use crate::embedded::{keys, records};
use crate::{Entry, EntryKind, EntryStatus, Error, ErrorKind, MemberId, Message, Result, Seq, page};

/// Reads the entries of one page, one after the other.
///
/// A text lives as long as the entry of its history. So a message in an inbox that its history does
/// not have any more is read as a tombstone, whether its record was overwritten already or not.
pub(super) struct PageReader<'a> {
    tables: &'a Tables,
    snapshot: &'a Snapshot,
    of: Source<'a>,
    reader: EntryReader,
    /// What takes the place of a text that is gone, made once.
    empty: Message,
}

/// Which box the entries are of.
enum Source<'a> {
    Inbox(&'a MemberId, Floors),
    /// What its keys begin with, and its floor.
    History(&'a [u8], Seq),
}

impl<'a> PageReader<'a> {
    /// Begins a page of the inbox of `owner`.
    pub(super) fn inbox(tables: &'a Tables, snapshot: &'a Snapshot, owner: &'a MemberId) -> Self {
        Self::new(tables, snapshot, Source::Inbox(owner, Floors::default()), EntryReader::default())
    }

    /// Begins a page of the history `prefix`, of which only entries above its floor are read.
    pub(super) fn history(tables: &'a Tables, snapshot: &'a Snapshot, prefix: &'a [u8], floor: Seq) -> Self {
        Self::new(tables, snapshot, Source::History(prefix, floor), EntryReader::of(prefix))
    }

    fn new(tables: &'a Tables, snapshot: &'a Snapshot, of: Source<'a>, reader: EntryReader) -> Self {
        Self { tables, snapshot, of, reader, empty: Message::from_stored("{}") }
    }

    /// Reads an entry.
    pub(super) fn entry(&mut self, sequence: Seq, record: &[u8]) -> Result<Entry> {
        let Stored { mut entry, body, .. } = self.reader.entry(sequence, record)?;
        match entry.kind {
            EntryKind::Message if self.is_gone(&entry)? => self.expire(&mut entry),
            EntryKind::Message => {
                if let Some(key) = body {
                    self.read_text(&mut entry, key)?;
                }
            }
            EntryKind::Edit => entry.edited = self.edited(&entry)?,
            EntryKind::Recall | EntryKind::Tombstone | EntryKind::Deletion | EntryKind::Purge => {}
        }
        Ok(entry)
    }

    /// Returns whether the history of a message does not have it any more.
    fn is_gone(&mut self, entry: &Entry) -> Result<bool> {
        match &mut self.of {
            Source::Inbox(owner, floors) if entry.place > Seq::ZERO => {
                Ok(entry.place <= floors.of(self.tables, self.snapshot, owner, entry)?)
            }
            Source::Inbox(..) | Source::History(..) => Ok(false),
        }
    }

    fn expire(&self, entry: &mut Entry) {
        entry.kind = EntryKind::Tombstone;
        entry.status = EntryStatus::Expired;
        entry.changed_at_ms = 0;
        entry.message = self.empty.clone();
    }

    fn read_text(&self, entry: &mut Entry, key: BodyKey) -> Result<()> {
        match self.body(key)? {
            Some(text) => entry.message = text,
            // The copies that earlier layouts wrote do not tell their place. Their text goes with
            // the entry of the history all the same.
            None if entry.place == Seq::ZERO => self.expire(entry),
            None => return Err(text_is_missing()),
        }
        Ok(())
    }

    /// Reads a text that entries share.
    ///
    /// It is written in one batch with them, and removed in one with that of the history. So the
    /// snapshot that shows an entry shows its text; one that is missing is damage.
    fn body(&self, key: BodyKey) -> Result<Option<Message>> {
        let body = self.snapshot.get(&self.tables.bodies, key).map_err(read_error)?;
        body.map(|body| records::decode_body(&body)).transpose()
    }

    /// Returns the text that the message has now which an edit is about.
    fn edited(&self, edit: &Entry) -> Result<Option<Message>> {
        let of_inbox;
        let (prefix, floor) = match &self.of {
            Source::History(prefix, floor) => (*prefix, *floor),
            Source::Inbox(owner, _) => {
                let Some(conversation) = conversation_of(owner, edit) else { return Ok(None) };
                of_inbox = keys::history(&conversation);
                (of_inbox.as_slice(), self.tables.extent(self.snapshot, &of_inbox)?.floor)
            }
        };
        let target = edit.target;
        if target <= floor {
            return Ok(None);
        }
        let key = keys::entry(prefix, target);
        let Some(record) = self.snapshot.get(&self.tables.entries, key).map_err(read_error)? else {
            return page::check_contiguous(&[], target, target).map(|()| None);
        };
        let Stored { entry, body, .. } = EntryReader::of(prefix).entry(target, &record)?;
        match (entry.kind, body) {
            (EntryKind::Message, None) => Ok(Some(entry.message)),
            (EntryKind::Message, Some(key)) => self.body(key)?.ok_or_else(text_is_missing).map(Some),
            _ => Ok(None),
        }
    }
}

fn text_is_missing() -> Error {
    Error::new(ErrorKind::Corrupt, "the text that a stored entry shares is missing")
}
