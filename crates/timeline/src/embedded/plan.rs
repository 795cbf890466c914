//! One batch in the making: its sequences and its records.

mod before;
mod boxes;
mod changing;
mod grouping;
mod members;
mod planned_box;
mod planned_row;
mod prepared_send;
mod purging;
mod rows;
mod sending;
mod telling;
mod texts;
mod unwritten;

use std::collections::HashMap;

use fjall::{OwnedWriteBatch as WriteBatch, Slice};

pub(super) use self::before::BeforeBatch;
use self::boxes::{BoxStep, Boxes, WrittenBoxes};
pub(super) use self::changing::bytes_of_change;
pub(super) use self::prepared_send::PreparedSend;
use self::rows::Rows;
use self::texts::Texts;
pub(super) use self::unwritten::Unwritten;
use super::groups::PlannedGroups;
use super::records::{StoredAnswer, VERSION};
use super::removals::Freed;
use super::tables::Tables;
use super::{keys, records};
use crate::{Entry, MemberId, ReadCursor, Seq};

// A call goes through two parts: everything that can fail, which looks and gives steps, and then
// what takes the steps. So an error leaves no half of a call in the batch.
/// Plans the calls of one batch.
///
/// What it gave out so far is in the draft, what was there before in `before`.
pub(super) struct Plan<'a> {
    before: BeforeBatch<'a>,
    draft: &'a mut DraftBatch,
}

/// One batch in the making.
///
/// Dropped instead of committed it has changed nothing, so a failed batch leaves no gap.
pub(super) struct DraftBatch {
    unix_ms: u64,
    number: u64,
    boxes: Boxes,
    rows: Rows,
    texts: Texts,
    groups: PlannedGroups,
    // By the key in `state`; `None` for a cursor that goes.
    received: HashMap<Vec<u8>, Option<Seq>, foldhash::fast::RandomState>,
    // By the key in `sends`.
    answers: HashMap<Slice, StoredAnswer, foldhash::fast::RandomState>,
    // Where the copies of messages to groups are, by the key in `sends`.
    copies: HashMap<Vec<u8>, Slice, foldhash::fast::RandomState>,
    /// The keys in `state` that say which entries are no messages.
    non_messages: Vec<Vec<u8>>,
    /// Whether texts go that tables may have.
    has_erased: bool,
    // The cursors that rise, by the key of the row: of several of one row the last is told.
    cursors: HashMap<Slice, ReadCursor, foldhash::fast::RandomState>,
    /// Whether somebody hears of the `news`.
    is_observed: bool,
    news: Vec<(MemberId, Entry)>,
    /// In which records are made, one after the other.
    buffer: Vec<u8>,
}

/// What a batch writes and whom it concerns.
pub(super) struct Planned {
    pub(super) batch: WriteBatch,
    /// What the observer hears.
    pub(super) news: Vec<(MemberId, Entry)>,
    /// How far conversations were read.
    pub(super) cursors: Vec<ReadCursor>,
    /// What is freed of inboxes, by what their keys begin with.
    pub(super) freed: Vec<(Vec<u8>, Freed)>,
    /// What the keys of the histories begin with of which entries go, and how many.
    pub(super) erasures: Vec<(Vec<u8>, u64)>,
    /// When texts were erased that tables may have, if any were.
    pub(super) erased_ms: Option<u64>,
    pub(super) unwritten: Unwritten,
}

/// After how many entries a batch takes no further call.
///
/// It is more than a batch of the smallest sends has; changes of three messages to 10,000 members
/// have about as many.
const ENTRIES_MAX: usize = if cfg!(test) { 64 } else { 65_536 };

impl<'a> Plan<'a> {
    /// Begins to plan calls, or goes on.
    pub(super) fn new(before: BeforeBatch<'a>, draft: &'a mut DraftBatch) -> Self {
        Self { before, draft }
    }

    /// Returns whether another call is to go into another batch.
    ///
    /// How much a call writes that changes a message to a group, or purges it, is known only now.
    /// While much `is_behind` that is done between the batches, they are smaller.
    pub(super) fn is_full(&self, is_behind: bool) -> bool {
        self.draft.boxes.written() >= if is_behind { ENTRIES_MAX / 16 } else { ENTRIES_MAX }
    }

    /// Returns the time of an entry that a history gets: that of the clock, and never before its
    /// last entry.
    ///
    /// The copies have the same, whatever their inboxes had before: a history that is ahead of the
    /// clock, which was set back, would else take all others along that have a member in common.
    fn at_ms(&self, history: &BoxStep) -> u64 {
        history.extent.last_ms.max(self.draft.unix_ms)
    }
}

impl DraftBatch {
    /// Begins the batch `number`.
    pub(super) fn new(number: u64, unix_ms: u64) -> Self {
        Self {
            unix_ms,
            number,
            boxes: Boxes::default(),
            rows: Rows::default(),
            texts: Texts::new(number),
            groups: PlannedGroups::default(),
            received: HashMap::default(),
            answers: HashMap::default(),
            copies: HashMap::default(),
            non_messages: Vec::new(),
            has_erased: false,
            cursors: HashMap::default(),
            is_observed: true,
            news: Vec::new(),
            buffer: Vec::new(),
        }
    }

    /// Makes room for so many calls.
    pub(super) fn expecting(mut self, calls: usize) -> Self {
        self.answers.reserve(calls);
        self
    }

    /// Says whether anybody observes what inboxes get; if not, it is not put together.
    pub(super) fn observed(self, is_observed: bool) -> Self {
        Self { is_observed, ..self }
    }

    /// Returns the number of the batch.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Returns what is to be written, or `None` when nothing is.
    pub(super) fn finish(self, tables: &Tables) -> Option<Planned> {
        let is_empty = self.boxes.is_empty() && self.rows.is_empty() && self.received.is_empty();
        if is_empty && !self.groups.has_changes() {
            return None;
        }
        // A batch of many sends is large; all that they write is here by now.
        let records = self.boxes.records() + self.rows.len() + self.answers.len() + self.copies.len();
        let mut batch = tables.batch_of(self.number, records);
        self.groups.write(tables, &mut batch);
        for (key, sequence) in self.received {
            match sequence {
                Some(sequence) => batch.insert(&tables.state, key, records::encode_sequence(sequence)),
                None => batch.remove(&tables.state, key),
            }
        }
        for (key, answer) in &self.answers {
            batch.insert(&tables.sends, key.clone(), records::encode_answer(answer));
        }
        for (key, copies) in self.copies {
            batch.insert(&tables.sends, key, copies);
        }
        for key in self.non_messages {
            batch.insert(&tables.state, key, [VERSION]);
        }
        self.texts.write(tables, &mut batch);
        // The order matters: entries come before the ends of their boxes, and these before the
        // rows. A reader before whom a batch appears finds no end whose entry is not there, and no
        // cursor beyond an end.
        let WrittenBoxes { ends, freed, erasures } = self.boxes.write(tables, &mut batch);
        let rows = self.rows.write(tables, &mut batch);
        // The tables have the text of what is removed until they were merged.
        let has_erased = self.has_erased || !erasures.is_empty();
        if has_erased {
            tables.note_erased(&mut batch, self.unix_ms);
        }
        Some(Planned {
            batch,
            news: self.news,
            cursors: self.cursors.into_values().collect(),
            freed,
            erasures,
            erased_ms: has_erased.then_some(self.unix_ms),
            unwritten: Unwritten { ends, rows, answers: self.answers },
        })
    }
}

#[cfg(test)]
mod tests;
