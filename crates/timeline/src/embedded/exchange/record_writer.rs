//! The records that an import writes.

use std::collections::HashMap;
use std::mem;

use fjall::{Keyspace, OwnedWriteBatch as WriteBatch};

use super::super::opened::Opened;
use super::super::records::{BodyKey, EncodedText, EntryReader, EntryRecord, Extent, Row, StoredAnswer};
use super::super::tables::read_error;
use super::super::upgrade::UpgradeError;
use super::super::{groups, keys, records};
use super::line::{self, BoxName, EntryLine, Line};
use super::line_sum::LineSum;
use crate::store::IdempotencyKey;
use crate::{EntryKind, Error, Group, Message, MessageId, Result, Seq, Tag};

/// Writes lines into a new store, in batches that say how far they have come.
pub(super) struct RecordWriter {
    opened: Opened,
    source: String,
    batch: WriteBatch,
    bytes: usize,
    bodies: u32,
    /// The extents of the boxes whose entries come.
    extent: Option<(BoxName, Extent)>,
    /// The texts of this batch that entries share, by the key of the history's entry.
    texts: HashMap<Vec<u8>, BodyKey>,
    written: u64,
    /// The checksum of the lines up to there.
    sum: LineSum,
}

/// How many bytes are written at once.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

/// A text that is longer than this is shared by the copies of a message to a group.
const SHARED_BYTES: usize = 256;

impl RecordWriter {
    /// Begins, or goes on behind so many lines of the same export.
    pub(super) fn new(opened: Opened, source: &str, done: u64) -> Self {
        let batch = opened.tables.batch(opened.last_batch + 1);
        Self {
            opened,
            source: source.to_owned(),
            batch,
            bytes: 0,
            bodies: 0,
            extent: None,
            texts: HashMap::new(),
            written: done,
            sum: LineSum::new(),
        }
    }

    /// Writes a line.
    pub(super) fn write(&mut self, line: Line) -> Result<()> {
        match line {
            Line::Store { .. } | Line::End { .. } => {
                Err(Error::invalid("a line of this type may not stand here"))
            }
            Line::Box { of, floor, top, last_ms } => {
                let extent = Extent {
                    floor: line::sequence(floor, "floor")?,
                    top: line::sequence(top, "top")?,
                    last_ms,
                };
                if extent.floor > extent.top {
                    return Err(line::invalid("floor", "it must not be above the top"));
                }
                self.state(&keys::extent(&of.prefix()?), records::encode_extent(extent));
                Ok(())
            }
            Line::Group { name, title, open, created_at_ms, members } => {
                let members = line::members(&members)?;
                let group = Group { title, open, members, ..Group::new(line::group(&name)?, created_at_ms) };
                for (key, record) in groups::rows(None, &group) {
                    if let Some(record) = record {
                        self.state(&key, record);
                    }
                }
                Ok(())
            }
            Line::Received { member, sequence } => {
                let record = records::encode_sequence(line::sequence(sequence, "sequence")?);
                self.state(&keys::received(&line::member(&member)?), record);
                Ok(())
            }
            Line::Conversation { member, of, read, joined, cleared, since_ms, has_left } => {
                let row = Row {
                    read: line::sequence(read, "read")?,
                    joined: line::sequence(joined, "joined")?,
                    cleared: line::sequence(cleared, "cleared")?,
                    since_ms,
                    has_left,
                };
                let key = keys::row(&line::member(&member)?, &history(&of)?);
                self.state(&key, records::encode_row(&row));
                Ok(())
            }
            Line::Entry(entry) => self.entry(*entry),
            Line::Copies { group, place, copies } => {
                let mut listed = Vec::with_capacity(copies.len());
                for (member, sequence) in copies {
                    listed.push((line::member(&member)?, line::sequence(sequence, "copies")?));
                }
                let place = line::sequence(place, "place")?;
                let key = keys::copies(&history(&BoxName::Group(group))?, place);
                self.send(&key, records::encode_copies(&listed));
                Ok(())
            }
            Line::Answer { of, message_id, sequence, place, digest } => {
                let message_id = MessageId::new(message_id).map_err(|error| error.in_field("messageId"))?;
                let key = keys::send(&history(&of)?, &message_id);
                let token = IdempotencyKey::new(message_id, line::digest(&digest)?);
                let answer = StoredAnswer {
                    sequence: line::sequence(sequence, "sequence")?,
                    digest: token.digest,
                    place: line::sequence(place, "place")?,
                };
                self.send(&key, records::encode_answer(&answer).to_vec());
                Ok(())
            }
        }
    }

    fn entry(&mut self, line: EntryLine) -> Result<()> {
        let prefix = line.of.prefix()?;
        let sequence = line::sequence(line.sequence, "sequence")?;
        self.check_reaches(&line.of, &prefix, sequence)?;
        let key = keys::entry(&prefix, sequence);
        if let Some(text) = &line.message {
            // It has to be a message that readers can read.
            Message::new(text.as_str()).map_err(|error| error.in_field("message"))?;
        }
        let Some(tag) = &line.tag else {
            // Such entries share no texts.
            let text = line.message.ok_or_else(|| line::invalid("message", "the line has no text"))?;
            let record = records::encode_entry_1(line.at_ms, &text);
            self.put(Self::entries, &key, record);
            return Ok(());
        };
        let tag = tag.parse().map_err(|_| line::invalid("tag", "it must be a number of 64 bits"))?;
        let body = self.shared_text(&line, &key)?;
        let record = record(&line, Tag::new(tag), body)?;
        self.put(Self::entries, &key, record);
        let is_history = !matches!(line.of, BoxName::Inbox(_));
        if is_history && EntryKind::from(line.kind) != EntryKind::Message {
            self.state(&keys::non_message(&prefix, sequence), vec![records::VERSION]);
        }
        Ok(())
    }

    /// Returns the key of the text that an entry shares, if it does; writes that of a history.
    fn shared_text(&mut self, line: &EntryLine, key: &[u8]) -> Result<Option<BodyKey>> {
        let is_group = matches!(line.of, BoxName::Group(_));
        if let Some(text) = line.message.as_ref().filter(|text| is_group && text.len() > SHARED_BYTES) {
            let body = keys::body(self.opened.last_batch + 1, self.bodies);
            self.bodies += 1;
            let record = records::encode_body(&Message::from_stored(text.as_str()));
            self.put(Self::bodies, &body, record);
            self.texts.insert(key.to_vec(), body);
            return Ok(Some(body));
        }
        if line.message.is_some() {
            return Ok(None);
        }
        let lost = || line::invalid("message", "the entry of the history whose text it shares has not come");
        let to = line.to.as_ref().ok_or_else(lost)?;
        let line::DestinationName::Group(group) = to else { return Err(lost()) };
        let place = line::sequence(line.place, "place")?;
        let prefix = history(&BoxName::Group(group.clone()))?;
        let key = keys::entry(&prefix, place);
        if let Some(body) = self.texts.get(&key) {
            return Ok(Some(*body));
        }
        // It was written by an earlier batch.
        let record = self.opened.tables.entries.get(&key).map_err(read_error)?.ok_or_else(lost)?;
        EntryReader::of(&prefix).entry(place, &record)?.body.ok_or_else(lost).map(Some)
    }

    /// Fails if the box does not have such a place.
    fn check_reaches(&mut self, of: &BoxName, prefix: &[u8], sequence: Seq) -> Result<()> {
        if self.extent.as_ref().is_none_or(|(name, _)| name != of) {
            // All boxes come before the first entry, so they are committed before it is looked for.
            self.commit_boxes()?;
            let extent = self.opened.tables.extent(&self.opened.tables.snapshot(), prefix)?;
            self.extent = Some((of.clone(), extent));
        }
        let reaches = |extent: Extent| sequence > extent.floor && sequence <= extent.top;
        if self.extent.as_ref().is_some_and(|(_, extent)| reaches(*extent)) {
            return Ok(());
        }
        Err(line::invalid("sequence", "the line of its box does not reach to it"))
    }

    fn commit_boxes(&mut self) -> Result<()> {
        if self.extent.is_none() && self.bytes > 0 { self.commit(self.written) } else { Ok(()) }
    }

    /// Passes a line that is in the store already.
    pub(super) fn pass(&mut self, text: &[u8]) {
        self.sum.add(text);
    }

    /// Returns the checksum of the lines that came.
    pub(super) fn sum(&self) -> &LineSum {
        &self.sum
    }

    /// Commits if there is enough to write behind this line; says whether it did.
    pub(super) fn commit_if_full(&mut self, lines: u64, text: &[u8]) -> Result<bool> {
        self.written = lines;
        self.sum.add(text);
        if self.bytes < BATCH_BYTES {
            return Ok(false);
        }
        self.commit(lines)?;
        Ok(true)
    }

    /// Commits what came up to this line.
    pub(super) fn commit(&mut self, lines: u64) -> Result<()> {
        // The note of how far it has come is in the batch itself, so an import that is cut short
        // between any two goes on behind the last one.
        let note = format!("{} {}", self.source, self.sum.digits());
        self.state(keys::IMPORT, records::encode_import(lines, &note));
        self.write_batch()
    }

    /// Makes a store of it.
    pub(super) fn finish(mut self, lines: u64) -> Result<()> {
        self.commit(lines)?;
        self.batch.remove(&self.opened.tables.state, keys::IMPORT);
        self.write_batch()?;
        self.opened.finish(records::VERSION).map_err(|error| UpgradeError::Marker(error).of_new_store())
    }

    fn write_batch(&mut self) -> Result<()> {
        // The batch at hand has the number after `last_batch`, which only rises with the commit
        // below.
        let next = self.opened.tables.batch(self.opened.last_batch + 2);
        let batch = mem::replace(&mut self.batch, next);
        (self.bytes, self.bodies) = (0, 0);
        self.texts.clear();
        self.opened.commit(batch).map_err(UpgradeError::of_new_store)
    }

    fn state(&mut self, key: &[u8], record: Vec<u8>) {
        self.put(|writer| &writer.opened.tables.state, key, record);
    }

    fn send(&mut self, key: &[u8], record: Vec<u8>) {
        self.put(|writer| &writer.opened.tables.sends, key, record);
    }

    fn entries(&self) -> &Keyspace {
        &self.opened.tables.entries
    }

    fn bodies(&self) -> &Keyspace {
        &self.opened.tables.bodies
    }

    fn put(&mut self, keyspace: impl Fn(&Self) -> &Keyspace, key: &[u8], record: Vec<u8>) {
        self.bytes += key.len() + record.len();
        let keyspace = keyspace(self).clone();
        self.batch.insert(&keyspace, key, record);
    }
}

fn history(of: &BoxName) -> Result<Vec<u8>> {
    match of {
        BoxName::Inbox(_) => Err(line::invalid("of", "an inbox is no history")),
        BoxName::Pair(..) | BoxName::Group(_) => of.prefix(),
    }
}

/// Returns the record of an entry.
fn record(line: &EntryLine, tag: Tag, body: Option<BodyKey>) -> Result<Vec<u8>> {
    let from = line.from.as_deref().map(line::member).transpose()?;
    let to = line.to.as_ref().map(line::DestinationName::destination).transpose()?;
    if let Some(id) = &line.message_id {
        MessageId::new(id.as_str()).map_err(|error| error.in_field("messageId"))?;
    }
    let told_at = line::sequence(line.told_at, "toldAt")?;
    let target = line::sequence(line.target, "target")?;
    let copies = match line.copies {
        Some((smaller, larger)) => {
            Some((line::sequence(smaller, "copies")?, line::sequence(larger, "copies")?))
        }
        None => None,
    };
    Ok(records::encode(&EntryRecord {
        kind: line.kind.into(),
        status: line.status.into(),
        at_ms: line.at_ms,
        tag,
        place: line::sequence(line.place, "place")?,
        changed: (line.changed_at_ms > 0 || told_at > Seq::ZERO).then_some((line.changed_at_ms, told_at)),
        target: (target > Seq::ZERO).then_some(target),
        copies,
        from: from.as_ref(),
        to: to.as_ref(),
        message_id: line.message_id.as_deref(),
        text: match &body {
            Some(body) => EncodedText::Body(*body),
            None => EncodedText::Here(line.message.as_deref().unwrap_or("{}")),
        },
    }))
}
