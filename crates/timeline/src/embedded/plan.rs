//! One batch in the making: the sequences it gives out and the records it will write.

use std::collections::HashMap;

use fjall::{OwnedWriteBatch as WriteBatch, Slice};

use super::recent::Recent;
use super::tables::Tables;
use super::{keys, records, tables};
use crate::store::{Append, Appended};
use crate::{Entry, Error, ErrorKind, MemberId, Result, Seq};

/// One batch in the making.
///
/// What it gave out so far is in its maps, what was committed before in the tables. Dropped instead of committed it has
/// changed nothing, so a failed batch leaves no gap.
pub(super) struct Plan<'a> {
    tables: &'a Tables,
    recent: &'a Recent,
    unix_ms: u64,
    batch: WriteBatch,
    bytes: usize,
    // By what the keys of a box begin with.
    latest: HashMap<Vec<u8>, Seq, foldhash::fast::RandomState>,
    // By the key in `state`.
    cursors: HashMap<Vec<u8>, Seq, foldhash::fast::RandomState>,
    // By the key in `sends`.
    answers: HashMap<Vec<u8>, (Seq, [u8; 16]), foldhash::fast::RandomState>,
    news: Vec<(MemberId, Entry)>,
}

/// What a plan writes and whom it concerns.
pub(super) struct Planned {
    pub(super) batch: WriteBatch,
    pub(super) news: Vec<(MemberId, Entry)>,
    /// The last sequences of the boxes once it is written.
    pub(super) latest: HashMap<Vec<u8>, Seq, foldhash::fast::RandomState>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(tables: &'a Tables, recent: &'a Recent, unix_ms: u64) -> Self {
        Self {
            tables,
            recent,
            unix_ms,
            batch: tables.database.batch(),
            bytes: 0,
            latest: HashMap::default(),
            cursors: HashMap::default(),
            answers: HashMap::default(),
            news: Vec::new(),
        }
    }

    /// Returns about how many bytes it will write.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Plans a send, or finds that it was done before. An error changes nothing.
    pub(super) fn append(&mut self, append: &Append) -> Result<Appended> {
        let history = keys::history(&append.conversation);
        let send = append.token.as_ref().map(|token| (keys::send(&history, &token.message_id), token));
        if let Some((key, token)) = &send
            && let Some((answer, digest)) = self.answer(key)?
        {
            if digest != token.digest {
                let text = format!("the message id {} was used before for another message", token.message_id);
                return Err(Error::new(ErrorKind::Conflict, text));
            }
            return Ok(Appended::new(answer, Vec::new()));
        }

        // Everything that can fail comes first, so that an error leaves no half of a send in the batch.
        let place = self.latest(&history)?.next();
        let mut inboxes = Vec::with_capacity(append.recipients.len());
        for member in &append.recipients {
            let inbox = keys::inbox(member);
            let place = self.latest(&inbox)?.next();
            inboxes.push((member, inbox, place));
        }

        // The copies share one record in memory.
        let record = Slice::from(records::encode_entry(self.unix_ms, &append.message));
        self.write_entry(history, place, &record);
        let mut answer = Seq::ZERO;
        for (member, inbox, place) in inboxes {
            self.write_entry(inbox, place, &record);
            self.news.push((member.clone(), Entry::new(place, append.message.clone())));
            answer = place;
        }
        if let Some((key, token)) = send {
            self.insert_sends(&key, records::encode_answer(answer, token));
            self.answers.insert(key, (answer, token.digest));
        }
        Ok(Appended::new(answer, Vec::new()))
    }

    /// Plans to raise a member's cursor. An error changes nothing.
    pub(super) fn received(&mut self, member: &MemberId, sequence: Seq) -> Result<Seq> {
        let latest = self.latest(&keys::inbox(member))?;
        if sequence > latest {
            let text = format!("{sequence} is beyond the latest entry of the inbox, {latest}");
            return Err(Error::invalid(text).in_field("sequence"));
        }
        let key = keys::received(member);
        let before = match self.cursors.get(&key) {
            Some(before) => *before,
            None => self.tables.cursor(&self.tables.snapshot(), &key)?,
        };
        if sequence > before {
            self.cursors.insert(key, sequence);
        }
        Ok(before.max(sequence))
    }

    /// Returns what is to be written, or `None` when nothing is.
    pub(super) fn finish(mut self) -> Option<Planned> {
        for (key, sequence) in self.cursors {
            self.batch.insert(&self.tables.state, key, records::encode_sequence(sequence));
        }
        if self.batch.is_empty() {
            return None;
        }
        Some(Planned { batch: self.batch, news: self.news, latest: self.latest })
    }

    fn write_entry(&mut self, prefix: Vec<u8>, place: Seq, record: &Slice) {
        let key = keys::entry(&prefix, place);
        self.bytes += key.len() + record.len();
        self.batch.insert(&self.tables.entries, key, record.clone());
        self.latest.insert(prefix, place);
    }

    fn insert_sends(&mut self, key: &[u8], record: Vec<u8>) {
        self.bytes += key.len() + record.len();
        self.batch.insert(&self.tables.sends, key, record);
    }

    fn latest(&self, prefix: &[u8]) -> Result<Seq> {
        match self.latest.get(prefix).copied().or_else(|| self.recent.get(prefix)) {
            Some(latest) => Ok(latest),
            None => self.tables.latest(&self.tables.snapshot(), prefix),
        }
    }

    fn answer(&self, key: &[u8]) -> Result<Option<(Seq, [u8; 16])>> {
        if let Some(answer) = self.answers.get(key) {
            return Ok(Some(*answer));
        }
        match self.tables.sends.get(key).map_err(tables::read_error)? {
            Some(record) => records::decode_answer(&record).map(Some),
            None => Ok(None),
        }
    }
}
