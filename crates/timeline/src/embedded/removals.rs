//! What acks have freed, and the batches that remove it.
//!
//! The truth is in the keyspace `state`. An ack writes there, in one batch with the floor of the
//! box, which of its entries are left to remove. Each batch of removals moves that on, and the last
//! one of a box takes it away. So nothing is removed before its floor is durable, and a crash
//! between any two batches costs nothing: the next start finds what is left.
//!
//! ```text
//!  an ack up to 2,500     floor 2,500, `f` box: after 0 up to 2,500     flushed, then answered
//!  a batch of removals    entries 1 to 1,000, `f` box: after 1,000      when nobody waits
//!  another one            entries 1,001 to 2,000, `f` box: after 2,000
//!  the last one           entries 2,001 to 2,500, no `f` box
//! ```
//!
//! Readers begin above the floor in every state of this.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use fjall::{OwnedWriteBatch as WriteBatch, Readable as _};

use super::records::Extent;
use super::tables::{Tables, read_error};
use super::{keys, metrics, records};
use crate::{Result, Seq};

/// How many entries one batch removes at most: a send that comes meanwhile waits for their keys to
/// be written, and for one flush.
const AT_ONCE: u64 = if cfg!(test) { 7 } else { 1_000 };

/// How many entries wait to be removed before that is done although sends wait, one batch after
/// each of theirs.
const BACKLOG: u64 = 64 * AT_ONCE;

/// How many boxes are kept at hand; 8 MiB with the longest ids.
const BOXES_MAX: usize = if cfg!(test) { 3 } else { 16_384 };

/// How long removing is put off after a batch of it failed. The tests have less time.
pub(super) const PUT_OFF: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 5 });

/// What the acks of one batch free of a box.
#[derive(Debug, Clone, Copy)]
pub(super) struct Freed {
    /// How many entries were freed by this batch.
    pub(super) entries: u64,
    /// Whether nothing was left to remove of the box before.
    pub(super) is_first: bool,
}

/// The boxes of which something is left to remove.
#[derive(Debug)]
pub(super) struct Removals {
    // Of each box that `state` names, this has what its keys begin with, unless `more` is set.
    boxes: VecDeque<Vec<u8>>,
    /// Whether `state` may name boxes that are not at hand.
    more: bool,
    /// How many entries are left to remove, once `state` was looked through.
    entries: u64,
    /// Whether `state` was looked through.
    is_counted: bool,
    put_off: Option<Instant>,
}

/// A batch that removes entries.
pub(super) struct RemovalBatch {
    pub(super) batch: WriteBatch,
    pub(super) entries: u64,
}

impl Removals {
    /// Begins with what is in `state`, which is looked through when there is time.
    pub(super) fn stored() -> Self {
        Self { boxes: VecDeque::new(), more: true, entries: 0, is_counted: false, put_off: None }
    }

    /// Notes what a batch has freed that is durable now.
    pub(super) fn note(&mut self, freed: impl IntoIterator<Item = (Vec<u8>, Freed)>) {
        for (prefix, Freed { entries, is_first }) in freed {
            self.entries += entries;
            // What was left before is at hand already, or `more` says that it is in `state`.
            if is_first && self.boxes.len() < BOXES_MAX {
                self.boxes.push_back(prefix);
            } else if is_first {
                self.more = true;
            }
        }
        metrics::to_remove(self.entries);
    }

    /// Returns whether something is to be removed, or may be.
    pub(super) fn is_due(&self) -> bool {
        (self.more || !self.boxes.is_empty()) && self.put_off.is_none_or(|until| Instant::now() >= until)
    }

    /// Returns whether so much is to be removed that it does not wait until nobody sends.
    ///
    /// What an earlier start or a failure has left may be as much, until it was counted.
    pub(super) fn is_pressing(&self) -> bool {
        (self.entries > BACKLOG || !self.is_counted) && self.is_due()
    }

    /// Makes the next batch, which has the number `number`; `None` if nothing is left to remove.
    ///
    /// A batch that is not committed has changed nothing; then, and after an error, what is at hand
    /// has to be taken from `state` [again](Self::put_off).
    pub(super) fn next(&mut self, tables: &Tables, number: u64) -> Result<Option<RemovalBatch>> {
        if self.boxes.is_empty() || !self.is_counted {
            self.find(tables)?;
        }
        let (mut batch, mut entries, mut is_empty) = (tables.batch(number), 0, true);
        while entries < AT_ONCE
            && let Some(prefix) = self.boxes.pop_front()
        {
            let Some(left) = tables.left_to_remove(&prefix)? else { continue };
            let (first, top) = (left.floor.next(), left.top);
            let last = top.min(Seq::new(left.floor.get().saturating_add(AT_ONCE - entries))?);
            // The keys follow from the sequences, so nothing has to be read for them.
            let mut sequence = first;
            while sequence <= last {
                batch.remove(&tables.entries, keys::entry(&prefix, sequence));
                (sequence, entries) = (sequence.next(), entries + 1);
            }
            is_empty = false;
            let key = keys::removal(&prefix);
            if last == top {
                batch.remove(&tables.state, key);
            } else {
                batch.insert(&tables.state, key, records::encode_extent(Extent { floor: last, ..left }));
                self.boxes.push_front(prefix);
            }
        }
        Ok((!is_empty).then_some(RemovalBatch { batch, entries }))
    }

    /// Notes that a batch was committed that removed so many entries.
    pub(super) fn removed(&mut self, entries: u64) {
        self.entries = self.entries.saturating_sub(entries);
        metrics::removed(entries);
        metrics::to_remove(self.entries);
    }

    /// Begins anew with what is in `state`, as the store was opened again.
    ///
    /// What is put off stays so: if a batch of removals was what failed, the next one may fail as
    /// well, and take the store away from senders each time.
    pub(super) fn begin_anew(&mut self) {
        *self = Self { put_off: self.put_off, ..Self::stored() };
    }

    /// Begins anew with what is in `state`, a little later.
    pub(super) fn put_off(&mut self) {
        *self = Self { put_off: Some(Instant::now() + PUT_OFF), ..Self::stored() };
    }

    /// Looks for what is left to remove.
    ///
    /// At the start and after a failure it reads a record for each box of which something is left,
    /// and later, when more boxes were freed at once than are kept at hand, for as many as are.
    fn find(&mut self, tables: &Tables) -> Result<()> {
        if !self.more {
            return Ok(());
        }
        let mut found = Self { more: false, is_counted: true, ..Self::stored() };
        let snapshot = tables.snapshot();
        for guard in snapshot.range(&tables.state, keys::removals()) {
            found.more = found.boxes.len() == BOXES_MAX;
            // The first look counts all. The later ones take what is at hand next, and no longer
            // than that, as senders wait meanwhile.
            if found.more && self.is_counted {
                found.entries = self.entries;
                break;
            }
            let (key, record) = guard.into_inner().map_err(read_error)?;
            let left = records::decode_extent(&record)?;
            found.entries += left.top.get() - left.floor.get();
            if !found.more {
                found.boxes.push_back(keys::box_of_removal(&key).to_vec());
            }
        }
        *self = found;
        metrics::to_remove(self.entries);
        Ok(())
    }
}

impl Tables {
    /// Returns what is left to remove of the box with `prefix`: the entries above the floor up to
    /// the top.
    pub(super) fn left_to_remove(&self, prefix: &[u8]) -> Result<Option<Extent>> {
        match self.state.get(keys::removal(prefix)).map_err(read_error)? {
            Some(record) => records::decode_extent(&record).map(Some),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests;
