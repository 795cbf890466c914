//! The lines of a store as it is at one moment.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use fjall::{Guard, Keyspace, Readable as _, Snapshot};

use super::super::records::{BodyKey, EntryReader, Stored};
use super::super::shared::{ExportToken, Shared};
use super::super::tables::{Tables, read_error};
use super::super::{keys, records};
use super::export_time::ExportTime;
use super::line::{self, BoxName, EntryLine, FORMAT, Line};
use super::line_sum::LineSum;
use crate::{
    Conversation, Destination, Entry, EntryKind, EntryStatus, Error, ErrorKind, MemberId, Message, Result,
    Seq,
};

/// The lines of a store as it is at one moment.
///
/// Made by [`EmbeddedStore::export`](super::super::EmbeddedStore::export). Sends go on meanwhile.
/// Each [`chunk`](Self::chunk) blocks while it is read.
///
/// # The end of its time
///
/// What is removed meanwhile stays on the disk for it, so it may go on for a quarter of
/// [`erased_within`](crate::embedded::Config::erased_within), and no longer than until texts have
/// to leave the files. A store that [erases](crate::embedded::Config::erases) nothing allows 7
/// days. [`ended`](Self::ended) waits for that. A program that waits for somebody to take a chunk
/// waits for both, and drops the export: one that is kept holds up the erasure.
pub struct Export {
    shared: Arc<Shared>,
    tables: Arc<Tables>,
    snapshot: Snapshot,
    section: Section,
    /// The last key of the section that was read.
    after: Vec<u8>,
    floors: HashMap<Vec<u8>, Seq>,
    lines: u64,
    sum: LineSum,
    skip: u64,
    time: ExportTime,
    // Dropped after the snapshot.
    _token: Arc<ExportToken>,
}

/// What the next lines are about, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Store,
    Boxes,
    Groups,
    Received,
    Conversations,
    Entries,
    Sends,
    End,
    Over,
}

/// How many bytes one chunk has, and at most a line more.
const CHUNK_BYTES: usize = 256 * 1024;

/// How many records one chunk looks at, also if they give no lines.
const CHUNK_RECORDS: usize = 4_096;

impl Export {
    pub(in crate::embedded) fn new(shared: Arc<Shared>, most: Duration) -> Result<Self> {
        // The order matters: a snapshot that nobody knows of would keep what is erased in the
        // files. So the erasure either sees the token, or is seen here.
        let token = shared.begin_export();
        let time = ExportTime::begin(most, shared.erasing())?;
        let tables = shared.tables()?;
        let snapshot = tables.snapshot();
        Ok(Self {
            shared,
            tables,
            snapshot,
            section: Section::Store,
            after: Vec::new(),
            floors: HashMap::new(),
            lines: 0,
            sum: LineSum::new(),
            skip: 0,
            time,
            _token: token,
        })
    }

    /// Leaves out the first lines, which an export that was cut short has written.
    ///
    /// They are the same as long as the store was not written to: compare the first line.
    #[must_use]
    pub fn skip_lines(self, lines: u64) -> Self {
        Self { skip: lines, ..self }
    }

    /// Returns the next lines, each with its line feed; `None` at the end. Blocks.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](crate::ErrorKind::Unavailable) when its time has ended, or when the store
    /// cannot be read or has failed meanwhile: begin anew;
    /// [`Corrupt`](crate::ErrorKind::Corrupt) when a record is damaged;
    /// [`Closed`](crate::ErrorKind::Closed) when the store ends.
    pub fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        let mut chunk = Vec::new();
        while chunk.is_empty() && self.section != Section::Over {
            self.time.check()?;
            // A store that failed waits for its readers before it is opened again.
            if self.shared.is_closed() || self.shared.has_failed() {
                let text = "the store was shut down or has failed during the export; begin it anew";
                return Err(Error::new(ErrorKind::Unavailable, text));
            }
            self.fill(&mut chunk)?;
        }
        Ok((!chunk.is_empty()).then_some(chunk))
    }

    /// Waits until the time of the export has ended, and returns why that is.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: it only waits.
    pub async fn ended(&self) -> Error {
        self.time.ended().await
    }

    /// Returns how many lines there were so far, with those that were left out.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.lines
    }

    fn fill(&mut self, chunk: &mut Vec<u8>) -> Result<()> {
        match self.section {
            Section::Store => {
                let line = self.head()?;
                self.put(chunk, &line)?;
                self.enter(Section::Boxes);
                Ok(())
            }
            Section::Boxes => self.walk(chunk, b"b", b"c", Section::Groups, Self::box_line),
            Section::Groups => self.walk(chunk, b"o", b"p", Section::Received, |_, key, record| {
                Ok(Some(line::of_group(&records::decode_group(keys::group_of(key)?, record)?)))
            }),
            Section::Received => self.walk(chunk, b"r", b"s", Section::Conversations, |_, key, record| {
                let member = text(key.get(1..).unwrap_or_default())?;
                let sequence = records::decode_sequence(record)?.get();
                Ok(Some(Line::Received { member, sequence }))
            }),
            Section::Conversations => {
                self.walk(chunk, b"k", b"l", Section::Entries, |_, key, record| Self::row_line(key, record))
            }
            Section::Entries => self.walk(chunk, b"", &[u8::MAX; 2], Section::Sends, Self::entry_line),
            Section::Sends => self.walk(chunk, b"", &[u8::MAX; 2], Section::End, Self::send_line),
            Section::End => {
                let (lines, sum) = (self.lines, Some(self.sum.digits()));
                self.put(chunk, &Line::End { lines, sum })?;
                self.enter(Section::Over);
                Ok(())
            }
            Section::Over => Ok(()),
        }
    }

    fn enter(&mut self, section: Section) {
        self.section = section;
        self.after.clear();
    }

    /// Writes lines of the keys from `begin` to before `end`, until there are enough of them.
    fn walk(
        &mut self,
        chunk: &mut Vec<u8>,
        begin: &[u8],
        end: &[u8],
        next: Section,
        line: impl Fn(&mut Self, &[u8], &[u8]) -> Result<Option<Line>>,
    ) -> Result<()> {
        let tables = Arc::clone(&self.tables);
        let keyspace = self.keyspace(&tables);
        let mut first = if self.after.is_empty() { begin.to_vec() } else { self.after.clone() };
        if !self.after.is_empty() {
            // The key right behind the last one.
            first.push(0);
        }
        let range = self.snapshot.range(keyspace, first..end.to_vec());
        for (count, guard) in range.enumerate() {
            if chunk.len() >= CHUNK_BYTES || count >= CHUNK_RECORDS {
                return Ok(());
            }
            let (key, record) = Guard::into_inner(guard).map_err(read_error)?;
            self.after = key.to_vec();
            if key.as_ref() != keys::BATCH
                && let Some(line) = line(self, &key, &record)?
            {
                self.put(chunk, &line)?;
            }
        }
        self.enter(next);
        Ok(())
    }

    fn keyspace<'a>(&self, tables: &'a Tables) -> &'a Keyspace {
        match self.section {
            Section::Entries => &tables.entries,
            Section::Sends => &tables.sends,
            _ => &tables.state,
        }
    }

    fn put(&mut self, chunk: &mut Vec<u8>, line: &Line) -> Result<()> {
        self.lines += 1;
        let begin = chunk.len();
        serde_json::to_writer(&mut *chunk, line).map_err(|error| {
            Error::with_source(ErrorKind::Unavailable, "a line of the export cannot be written", error)
        })?;
        if self.lines > 1 {
            self.sum.add(chunk.get(begin..).unwrap_or_default());
        }
        // Lines that are left out count in the checksum, too.
        if self.lines <= self.skip {
            chunk.truncate(begin);
        } else {
            chunk.push(b'\n');
        }
        Ok(())
    }

    fn head(&self) -> Result<Line> {
        let number = |key: &[u8]| self.snapshot.get(&self.tables.state, key).map_err(read_error);
        let identity = number(keys::IDENTITY)?;
        let (id, generation) =
            identity.map(|record| records::decode_identity(&record)).transpose()?.unwrap_or_default();
        let batch = number(keys::BATCH)?.map(|record| records::decode_number(&record)).transpose()?;
        let batch = batch.unwrap_or_default();
        Ok(Line::Store { format: FORMAT, id: format!("{id:032x}"), generation, batch })
    }

    fn box_line(&mut self, key: &[u8], record: &[u8]) -> Result<Option<Line>> {
        let prefix = key.get(1..).unwrap_or_default();
        let extent = records::decode_extent(record)?;
        let (floor, top, last_ms) = (extent.floor.get(), extent.top.get(), extent.last_ms);
        // The floors of most boxes are 0.
        if floor > 0 {
            self.floors.insert(prefix.to_vec(), extent.floor);
        }
        Ok(Some(Line::Box { of: BoxName::of(prefix)?, floor, top, last_ms }))
    }

    fn row_line(key: &[u8], record: &[u8]) -> Result<Option<Line>> {
        let member = key.get(1..).unwrap_or_default();
        let end = member.iter().position(|byte| *byte == 0).unwrap_or(member.len());
        let history = keys::history(&keys::history_of_row(key)?);
        let row = records::decode_row(record)?;
        Ok(Some(Line::Conversation {
            member: text(member.get(..end).unwrap_or_default())?,
            of: BoxName::of(&history)?,
            read: row.read.get(),
            joined: row.joined.get(),
            cleared: row.cleared.get(),
            since_ms: row.since_ms,
            has_left: row.has_left,
        }))
    }

    fn floor(&self, prefix: &[u8]) -> Seq {
        self.floors.get(prefix).copied().unwrap_or_default()
    }

    fn entry_line(&mut self, key: &[u8], record: &[u8]) -> Result<Option<Line>> {
        let Some(prefix) = keys::prefix_of(key) else { return Ok(None) };
        let sequence = keys::sequence_of(key)?;
        if sequence <= self.floor(prefix) {
            return Ok(None);
        }
        let mut stored = EntryReader::of(prefix).entry(sequence, record)?;
        let of = BoxName::of(prefix)?;
        if self.is_expired(&of, &stored.entry) {
            // It is removed from here a little later.
            stored.body = None;
            stored.entry.message = Message::from_stored("{}");
            (stored.entry.kind, stored.entry.status) = (EntryKind::Tombstone, EntryStatus::Expired);
        }
        let message = self.message(&of, &stored)?;
        let Stored { entry, copies, told_at, .. } = stored;
        Ok(Some(Line::Entry(Box::new(EntryLine {
            of,
            sequence: sequence.get(),
            kind: entry.kind.into(),
            status: entry.status.into(),
            at_ms: entry.at_ms,
            tag: entry.tag.map(|tag| tag.get().to_string()),
            place: entry.place.get(),
            changed_at_ms: entry.changed_at_ms,
            told_at: told_at.get(),
            target: entry.target.get(),
            copies: copies.map(|(smaller, larger)| (smaller.get(), larger.get())),
            from: entry.from.map(|member| member.as_str().to_owned()),
            to: entry.to.as_ref().map(Into::into),
            message_id: entry.message_id.map(|id| id.as_str().to_owned()),
            message,
        }))))
    }

    /// Returns whether an entry is a copy of a message that its history does not have any more.
    fn is_expired(&self, of: &BoxName, entry: &Entry) -> bool {
        let history = || history_of(entry.from.as_ref(), entry.to.as_ref()?);
        let is_copy = matches!(of, BoxName::Inbox(_)) && entry.kind == EntryKind::Message;
        // Entries of older layouts do not know their place.
        is_copy
            && entry.place > Seq::ZERO
            && history().is_some_and(|prefix| entry.place <= self.floor(&prefix))
    }

    /// Returns the text of an entry; none if it shares that of its history.
    fn message(&self, of: &BoxName, stored: &Stored) -> Result<Option<String>> {
        match stored.body {
            Some(body) if self.is_in_history(of, &stored.entry, body)? => Ok(None),
            Some(body) => {
                let record = self.snapshot.get(&self.tables.bodies, body).map_err(read_error)?;
                let lost =
                    || Error::new(ErrorKind::Corrupt, "the text that a stored entry shares is missing");
                Ok(Some(records::decode_body(&record.ok_or_else(lost)?)?.as_str().to_owned()))
            }
            None => Ok(Some(stored.entry.message.as_str().to_owned())),
        }
    }

    /// Returns whether an entry is a copy whose text an import finds in the history.
    ///
    /// A salvage keeps copies also where the entry of the history is lost.
    fn is_in_history(&self, of: &BoxName, entry: &Entry, body: BodyKey) -> Result<bool> {
        let (BoxName::Inbox(_), Some(Destination::Group(group))) = (of, &entry.to) else { return Ok(false) };
        if entry.place == Seq::ZERO {
            return Ok(false);
        }
        let history = keys::history(&Conversation::group(group.clone()));
        let key = keys::entry(&history, entry.place);
        let record = self.snapshot.get(&self.tables.entries, key).map_err(read_error)?;
        let Some(record) = record else { return Ok(false) };
        Ok(EntryReader::of(&history).entry(entry.place, &record)?.body == Some(body))
    }

    fn send_line(&mut self, key: &[u8], record: &[u8]) -> Result<Option<Line>> {
        if let Some((b'c', rest)) = key.split_first() {
            let (Some(prefix), place) = (keys::prefix_of(rest), keys::sequence_of(rest)?) else {
                return Ok(None);
            };
            let BoxName::Group(group) = BoxName::of(prefix)? else { return Ok(None) };
            if place <= self.floor(prefix) {
                return Ok(None);
            }
            let copies = records::decode_copies(record)?;
            let copies =
                copies.into_iter().map(|(member, copy)| (member.as_str().to_owned(), copy.get())).collect();
            return Ok(Some(Line::Copies { group, place: place.get(), copies }));
        }
        let Some((prefix, message_id)) = keys::split_send(key) else { return Ok(None) };
        let answer = records::decode_answer(record)?;
        if answer.place > Seq::ZERO && answer.place <= self.floor(prefix) {
            return Ok(None);
        }
        Ok(Some(Line::Answer {
            of: BoxName::of(prefix)?,
            message_id: text(message_id)?,
            sequence: answer.sequence.get(),
            place: answer.place.get(),
            digest: line::hex(&answer.digest),
        }))
    }
}

/// Returns what the keys of the history begin with that a message to `to` is in.
fn history_of(from: Option<&MemberId>, to: &Destination) -> Option<Vec<u8>> {
    let conversation = match to {
        Destination::Member(to) => Conversation::single(from?.clone(), to.clone()),
        Destination::Group(group) => Conversation::group(group.clone()),
    };
    Some(keys::history(&conversation))
}

fn text(bytes: &[u8]) -> Result<String> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        Error::with_source(ErrorKind::Corrupt, "a stored key has a name that is not UTF-8", error)
    })?;
    Ok(text.to_owned())
}

impl fmt::Debug for Export {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Export")
            .field("section", &self.section)
            .field("lines", &self.lines)
            .finish_non_exhaustive()
    }
}
