//! What histories have lost to purges and retention, and how it is erased.
//!
//! As with [removals](super::removals) the truth is in the keyspace `state`: with the floor of a
//! history a batch writes which of its entries are left to erase, and readers see none of them from
//! then on. An entry takes more with it than one of an inbox: its text if that lies elsewhere, the
//! answer to its message id, and the copies in the inboxes. Those are overwritten with tombstones,
//! as an inbox has no gap.
//!
//! ```text
//!  a purge                floor 2,500, `d` history: after 0 up to 2,500     durable, then answered
//!  a batch of erasures    entries 1 to 300 and their 600 copies, `d` history: after 300
//!  ...
//!  the last one           entries 2,301 to 2,500 and their copies, no `d` history
//! ```
//!
//! A message with more copies than a batch has keys goes in several: its copies first, and with the
//! last of them the entry, which is what tells where they are. Which of them are overwritten is not
//! written down. After a crash they are overwritten once more, which changes nothing.
//!
//! Senders that never pause may take away more than one small batch after each of theirs erases.
//! So once much is left these batches grow to what 20 ms allow, and those of the sends shrink.

mod erasing;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use fjall::{OwnedWriteBatch as WriteBatch, Readable as _};

use self::erasing::Erasing;
use super::records::Extent;
use super::tables::{Tables, read_error};
use super::{keys, metrics, records};
use crate::{Result, Seq};

/// How many keys are about to be written for what waits before that is done although sends wait,
/// one batch after each of theirs, and each as large as the time allows.
const BACKLOG: u64 = if cfg!(test) { 128 } else { 64_000 };

/// From how many keys it is estimated how many an entry takes: those of a few messages to the
/// largest groups.
const PACE_KEYS: u64 = 64_000;

/// How many keys an entry takes as long as none was erased: itself, and the copies of a pair.
const PAIR_KEYS: u64 = 3;

/// How many histories are kept at hand; 16 MiB with the longest ids.
const HISTORIES_MAX: usize = if cfg!(test) { 3 } else { 16_384 };

/// How long erasing waits at most for a pause of the senders.
const PAUSE_WITHIN: Duration = Duration::from_secs(1);

/// How long erasing is put off after a batch of it failed. The tests have less time.
const PUT_OFF: Duration = Duration::from_secs(if cfg!(test) { 1 } else { 5 });

/// The histories of which something is left to erase.
#[derive(Debug)]
pub(super) struct Erasures {
    // Of each history that `state` names, this has what its keys begin with, unless `more` is set;
    // and how many of its entries are counted in `entries`.
    histories: BTreeMap<Vec<u8>, u64>,
    /// Whether `state` may name histories that are not at hand.
    more: bool,
    /// How many entries are left to erase, as far as `state` was looked at.
    entries: u64,
    pace: Pace,
    /// Whether `state` was looked through.
    is_counted: bool,
    /// The message of which only copies were overwritten so far.
    begun: Option<BegunEntry>,
    /// When the last batch was made.
    last: Instant,
    put_off: Option<Instant>,
}

/// How many keys were written for how many entries, of late.
///
/// What is noted in `state` are entries. A message to a group takes as many keys as it has copies,
/// which its entry alone tells.
#[derive(Debug, Clone, Copy, Default)]
struct Pace {
    entries: u64,
    keys: u64,
}

/// An entry with more copies than fit into a batch.
#[derive(Debug)]
struct BegunEntry {
    history: Vec<u8>,
    place: Seq,
    /// How many of its copies are overwritten.
    copies: usize,
}

/// A batch that erases entries.
pub(super) struct ErasureBatch {
    pub(super) batch: WriteBatch,
    pub(super) entries: u64,
    /// How many keys it writes, or has looked at in vain.
    pub(super) keys: u64,
    /// Whether it takes texts away, which the files of the store still have: it notes that in
    /// `state`.
    pub(super) texts: bool,
}

impl Erasures {
    /// Begins with what is in `state`, which is looked through when there is time.
    pub(super) fn stored() -> Self {
        Self {
            histories: BTreeMap::new(),
            more: true,
            entries: 0,
            pace: Pace::default(),
            is_counted: false,
            begun: None,
            last: Instant::now(),
            put_off: None,
        }
    }

    /// Notes the histories of which a batch has taken so many entries, which is durable now.
    pub(super) fn note(&mut self, taken: impl IntoIterator<Item = (Vec<u8>, u64)>) {
        for (history, entries) in taken {
            self.entries += entries;
            if self.histories.len() < HISTORIES_MAX || self.histories.contains_key(&history) {
                *self.histories.entry(history).or_default() += entries;
            } else {
                self.more = true;
            }
        }
        metrics::to_erase(self.entries);
    }

    /// Returns whether something is to be erased, or may be.
    pub(super) fn is_due(&self) -> bool {
        (self.more || !self.histories.is_empty()) && self.put_off.is_none_or(|until| Instant::now() >= until)
    }

    /// Returns whether it does not wait until nobody sends.
    ///
    /// That is so if much is to be erased, or may be as it was not counted yet; and once a second,
    /// as texts shall not stay only because there is always somebody who sends.
    pub(super) fn is_pressing(&self) -> bool {
        let is_long_ago = self.last.elapsed() >= PAUSE_WITHIN;
        (self.is_behind() || !self.is_counted || is_long_ago) && self.is_due()
    }

    /// Returns whether so much is left that sends and erasures take turns.
    pub(super) fn is_behind(&self) -> bool {
        self.pace.keys_of(self.entries) > BACKLOG
    }

    /// Makes the next batch, which has the number `number`; `None` if nothing is left to erase.
    ///
    /// A batch that is not committed has changed nothing; then, and after an error, what is at hand
    /// has to be taken from `state` [again](Self::put_off).
    pub(super) fn next(&mut self, tables: &Tables, number: u64) -> Result<Option<ErasureBatch>> {
        self.last = Instant::now();
        if self.histories.is_empty() || !self.is_counted {
            self.find(tables)?;
        }
        let (mut erasing, mut is_empty) = (Erasing::new(tables, number, self.is_behind()), true);
        while !erasing.is_full()
            && let Some((history, counted)) = self.histories.pop_first()
        {
            self.entries = self.entries.saturating_sub(counted);
            let Some(left) = tables.left_to_erase(&history)? else { continue };
            is_empty = false;
            self.entries += left.top.get() - left.floor.get();
            let after = self.erase(&mut erasing, &history, left)?;
            erasing.left(&history, Extent { floor: after, ..left });
            if after < left.top {
                self.histories.insert(history, left.top.get() - after.get());
            }
        }
        Ok((!is_empty).then(|| erasing.finish()))
    }

    /// Erases what is left of a history, as much as the batch takes, and returns up to where.
    fn erase(&mut self, erasing: &mut Erasing<'_>, history: &[u8], left: Extent) -> Result<Seq> {
        let begun = self.begun.take_if(|begun| begun.history == history);
        let mut after = left.floor;
        while after < left.top && !erasing.is_full() {
            let place = after.next();
            let overwritten = begun.as_ref().filter(|begun| begun.place == place);
            let copies = erasing.erase(history, place, overwritten.map_or(0, |begun| begun.copies))?;
            if let Some(copies) = copies {
                self.begun = Some(BegunEntry { history: history.to_vec(), place, copies });
                break;
            }
            after = place;
        }
        Ok(after)
    }

    /// Notes that a batch was committed that erased so many entries, with so many keys.
    pub(super) fn erased(&mut self, entries: u64, keys: u64) {
        self.pace.note(entries, keys);
        self.entries = self.entries.saturating_sub(entries);
        metrics::erased(entries);
        metrics::to_erase(self.entries);
    }

    /// Begins anew with what is in `state`, as the store was opened again.
    ///
    /// What is put off stays so, as with removals.
    pub(super) fn begin_anew(&mut self) {
        *self = Self { put_off: self.put_off, pace: self.pace, ..Self::stored() };
    }

    /// Begins anew with what is in `state`, a little later.
    pub(super) fn put_off(&mut self) {
        *self = Self { put_off: Some(Instant::now() + PUT_OFF), pace: self.pace, ..Self::stored() };
    }

    /// Looks for what is left to erase, as removals look for theirs.
    fn find(&mut self, tables: &Tables) -> Result<()> {
        if !self.more {
            return Ok(());
        }
        let mut found = Self { more: false, is_counted: true, ..Self::stored() };
        let snapshot = tables.snapshot();
        for guard in snapshot.range(&tables.state, keys::erasures()) {
            found.more = found.histories.len() == HISTORIES_MAX;
            if found.more && self.is_counted {
                found.entries = self.entries;
                break;
            }
            let (key, record) = guard.into_inner().map_err(read_error)?;
            let left = records::decode_extent(&record)?;
            let entries = left.top.get() - left.floor.get();
            found.entries += entries;
            if !found.more {
                found.histories.insert(keys::history_of_erasure(&key).to_vec(), entries);
            }
        }
        *self = Self { begun: self.begun.take(), pace: self.pace, ..found };
        metrics::to_erase(self.entries);
        Ok(())
    }
}

impl Pace {
    fn note(&mut self, entries: u64, keys: u64) {
        self.entries += entries;
        self.keys += keys;
        if self.keys > PACE_KEYS {
            // What was earlier counts less and less.
            (self.entries, self.keys) = (self.entries / 2, self.keys / 2);
        }
    }

    /// Returns about how many keys are written to erase so many entries.
    fn keys_of(self, entries: u64) -> u64 {
        if self.keys == 0 {
            return entries.saturating_mul(PAIR_KEYS);
        }
        // Of the first entry only copies may be overwritten so far.
        entries.saturating_mul(self.keys) / self.entries.max(1)
    }
}

impl Tables {
    /// Returns what is left to erase of a history: the entries above the floor up to the top.
    pub(super) fn left_to_erase(&self, history: &[u8]) -> Result<Option<Extent>> {
        match self.state.get(keys::erasure(history)).map_err(read_error)? {
            Some(record) => records::decode_extent(&record).map(Some),
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests;
