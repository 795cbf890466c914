//! One batch of erasures in the making.

use std::time::{Duration, Instant};

use fjall::{OwnedWriteBatch as WriteBatch, Readable as _, Slice, Snapshot};

use super::ErasureBatch;
use crate::conversation::Parties;
use crate::embedded::records::{EntryReader, Extent, Stored};
use crate::embedded::tables::{Tables, read_error};
use crate::embedded::{clock, keys, records};
use crate::{Entry, EntryKind, EntryStatus, MemberId, MessageId, Result, Seq};

/// How many keys one batch writes, and a few: a send that comes meanwhile waits for that, and for
/// one flush.
const AT_ONCE: u64 = if cfg!(test) { 7 } else { 1_000 };

/// How many keys one batch writes at most while much is left.
const AT_ONCE_BEHIND: u64 = if cfg!(test) { 70 } else { 20_000 };

/// How long such a batch is made. To write it takes about as long again: a send that comes
/// meanwhile waits for 20 ms and a flush.
const MADE_WITHIN: Duration = Duration::from_millis(10);

/// A batch that erases entries of histories.
pub(super) struct Erasing<'a> {
    tables: &'a Tables,
    snapshot: Snapshot,
    batch: WriteBatch,
    /// How many keys were written, or looked at in vain.
    keys: u64,
    entries: u64,
    texts: bool,
    /// Whether it writes as many keys as the time allows.
    is_behind: bool,
    begun: Instant,
}

impl<'a> Erasing<'a> {
    /// Begins the batch `number`, which is a larger one if much `is_behind`.
    pub(super) fn new(tables: &'a Tables, number: u64, is_behind: bool) -> Self {
        Self {
            tables,
            snapshot: tables.snapshot(),
            batch: tables.batch(number),
            keys: 0,
            entries: 0,
            texts: false,
            is_behind,
            begun: Instant::now(),
        }
    }

    /// Returns whether nothing more is to go into the batch.
    pub(super) fn is_full(&self) -> bool {
        if self.is_behind && self.keys < AT_ONCE_BEHIND {
            return self.keys >= AT_ONCE && self.begun.elapsed() >= MADE_WITHIN;
        }
        self.keys >= AT_ONCE
    }

    /// Erases the entry at a place, whose first copies are `overwritten` already.
    ///
    /// If the batch is full before all of them are, the entry stays, and the number of those that
    /// are is returned.
    pub(super) fn erase(&mut self, history: &[u8], place: Seq, overwritten: usize) -> Result<Option<usize>> {
        // Also where nothing is, so that a batch ends.
        self.keys += 1;
        let key = keys::entry(history, place);
        if let Some(record) = self.snapshot.get(&self.tables.entries, &key).map_err(read_error)? {
            let stored = EntryReader::of(history).entry(place, &record)?;
            let list = keys::copies(history, place);
            let listed = self.snapshot.get(&self.tables.sends, &list).map_err(read_error)?;
            if stored.entry.kind == EntryKind::Message {
                self.texts = true;
                let copies = match &listed {
                    Some(record) => records::decode_copies(record)?,
                    None => copies_of_pair(history, &stored)?,
                };
                if let Some(overwritten) = self.overwrite(&stored, &copies, overwritten)? {
                    return Ok(Some(overwritten));
                }
            } else {
                self.keys += 1;
                self.batch.remove(&self.tables.state, keys::non_message(history, place));
            }
            if listed.is_some() {
                self.keys += 1;
                self.batch.remove(&self.tables.sends, list);
            }
            self.remove_beside(history, &stored)?;
            self.batch.remove(&self.tables.entries, key);
        }
        self.entries += 1;
        Ok(None)
    }

    /// Writes down what is left of a history: the entries above the floor up to the top.
    pub(super) fn left(&mut self, history: &[u8], left: Extent) {
        let key = keys::erasure(history);
        if left.floor == left.top {
            self.batch.remove(&self.tables.state, key);
        } else {
            self.batch.insert(&self.tables.state, key, records::encode_extent(left));
        }
    }

    pub(super) fn finish(mut self) -> ErasureBatch {
        if self.texts {
            self.tables.note_erased(&mut self.batch, clock::unix_ms());
        }
        ErasureBatch { batch: self.batch, entries: self.entries, keys: self.keys, texts: self.texts }
    }

    /// Overwrites the copies behind the first ones; if the batch is full before, it returns how
    /// many are overwritten.
    fn overwrite(
        &mut self,
        stored: &Stored,
        copies: &[(MemberId, Seq)],
        first: usize,
    ) -> Result<Option<usize>> {
        // The copies share one record in memory.
        let tombstone = Slice::from(records::encode_tombstone(&stored.entry, EntryStatus::Expired));
        for (index, (member, sequence)) in copies.iter().enumerate().skip(first) {
            if self.is_full() {
                return Ok(Some(index));
            }
            self.keys += 1;
            let key = keys::entry(&keys::inbox(member), *sequence);
            // One that was acknowledged and is not removed yet still will be: the look at the floor
            // of each inbox would take longer than to write it.
            if self.is_copy(&key, &stored.entry)? {
                self.batch.insert(&self.tables.entries, key, tombstone.clone());
            }
        }
        Ok(None)
    }

    /// Returns whether a copy of a message lies under a key, and not an entry that came there after
    /// a salvage.
    ///
    /// What was removed is not there, and so does not come back.
    fn is_copy(&self, key: &[u8], message: &Entry) -> Result<bool> {
        let record = self.snapshot.get(&self.tables.entries, key).map_err(read_error)?;
        Ok(record.is_some_and(|record| records::is_copy(&record, message)))
    }

    /// Removes the answer to the message id of an entry, and its text if that lies elsewhere.
    fn remove_beside(&mut self, history: &[u8], stored: &Stored) -> Result<()> {
        if let Some(body) = stored.body {
            self.keys += 1;
            self.batch.remove(&self.tables.bodies, body);
        }
        let Some(id) = &stored.entry.message_id else { return Ok(()) };
        if self.is_answered_by(history, id, stored.entry.place)? {
            self.keys += 1;
            self.batch.remove(&self.tables.sends, keys::send(history, id));
        }
        Ok(())
    }

    /// Returns whether the answer to a message id is that of the entry at a place.
    ///
    /// An id whose entry is gone is free. So the answer may be that of a later send.
    fn is_answered_by(&self, history: &[u8], id: &MessageId, place: Seq) -> Result<bool> {
        let record = self.snapshot.get(&self.tables.sends, keys::send(history, id)).map_err(read_error)?;
        let answer = record.map(|record| records::decode_answer(&record)).transpose()?;
        // Answers of earlier layouts do not tell. Those have no later send: its answer would tell.
        Ok(answer.is_some_and(|answer| answer.place == place || answer.place == Seq::ZERO))
    }
}

/// Returns where the copies of a message of a pair are, as far as its entry tells.
fn copies_of_pair(history: &[u8], stored: &Stored) -> Result<Vec<(MemberId, Seq)>> {
    let Some((of_smaller, of_larger)) = stored.copies else { return Ok(Vec::new()) };
    let conversation = keys::conversation(history)?;
    let Parties::Pair(smaller, larger) = conversation.parties() else { return Ok(Vec::new()) };
    let mut copies = vec![(smaller.clone(), of_smaller)];
    if smaller != larger {
        copies.push((larger.clone(), of_larger));
    }
    // Whoever was no recipient has none.
    copies.retain(|(_, sequence)| *sequence > Seq::ZERO);
    Ok(copies)
}
