//! The boxes that a batch writes to: entries, ends, and what goes from them.

use std::collections::HashMap;
use std::mem;

use fjall::{OwnedWriteBatch as WriteBatch, Slice};

use super::before::BeforeBatch;
use super::planned_box::{BoxEnds, Leaving, PlannedBox};
use crate::embedded::records::{EntryReader, Extent};
use crate::embedded::removals::Freed;
use crate::embedded::retention::floor_by_number;
use crate::embedded::tables::{Tables, read_error};
use crate::embedded::{keys, records};
use crate::{Conversation, Keep, MemberId, Result, Retention, Seq};

// A message of this batch may be changed by a later call of it, so each record goes into the batch
// at the end, once.
/// The boxes that a batch writes to.
#[derive(Default)]
pub(super) struct Boxes {
    // By what the keys of the box begin with.
    boxes: HashMap<Slice, PlannedBox, foldhash::fast::RandomState>,
    // Entries of earlier batches that are there in another way, by the key in `entries`.
    rewritten: HashMap<Vec<u8>, Slice, foldhash::fast::RandomState>,
    // How many entries the boxes get.
    grown: usize,
}

/// What becomes of a box with the next step; until it is [taken](Boxes::take) nothing has changed.
pub(super) struct BoxStep {
    pub(super) prefix: Slice,
    pub(super) extent: Extent,
    leaving: Option<Leaving>,
}

/// What of the boxes concerns others once the batch is durable.
pub(super) struct WrittenBoxes {
    pub(super) ends: BoxEnds,
    /// What was freed of inboxes, by what their keys begin with.
    pub(super) freed: Vec<(Vec<u8>, Freed)>,
    /// What the keys of the histories begin with of which entries go, and how many.
    pub(super) erasures: Vec<(Vec<u8>, u64)>,
}

impl Boxes {
    /// Returns where a box begins and ends, with what this batch gave out so far.
    pub(super) fn extent(&self, before: BeforeBatch<'_>, prefix: &[u8]) -> Result<Extent> {
        // The order matters: what this batch gave out counts first.
        match self.boxes.get(prefix) {
            Some(planned) => Ok(planned.extent),
            None => before.extent(prefix),
        }
    }

    /// Returns the record of an entry of a box, with what this batch wrote so far.
    pub(super) fn record(
        &self,
        before: BeforeBatch<'_>,
        prefix: &[u8],
        sequence: Seq,
    ) -> Result<Option<Slice>> {
        if let Some(record) = self.boxes.get(prefix).and_then(|planned| planned.new_record(sequence)) {
            return Ok(Some(record.clone()));
        }
        let key = keys::entry(prefix, sequence);
        match self.rewritten.get(&key) {
            Some(record) => Ok(Some(record.clone())),
            None => before.tables.entries.get(&key).map_err(read_error),
        }
    }

    /// Returns the step in which an inbox gets one entry more, and loses what it does not keep.
    pub(super) fn grow_inbox(&self, before: BeforeBatch<'_>, prefix: Slice) -> Result<BoxStep> {
        let keep = before.retention.map(Retention::of_inboxes).unwrap_or_default();
        self.grow(before, prefix, keep)
    }

    /// Returns the step in which a history gets one entry more, and loses what it does not keep.
    pub(super) fn grow_history(
        &self,
        before: BeforeBatch<'_>,
        prefix: Slice,
        conversation: &Conversation,
    ) -> Result<BoxStep> {
        let keep = before.retention.map(|retention| retention.of_history(conversation)).unwrap_or_default();
        self.grow(before, prefix, keep)
    }

    /// Returns the step in which a history gets one entry more, and loses all others.
    pub(super) fn grow_purged(&self, before: BeforeBatch<'_>, prefix: Slice) -> Result<BoxStep> {
        let extent = self.grown(before, &prefix)?;
        let top = self.extent(before, &prefix)?.top;
        self.leave(before, prefix, extent, top)
    }

    /// Returns the step in which an inbox loses its entries up to `floor`; `None` if it did before.
    pub(super) fn free(
        &self,
        before: BeforeBatch<'_>,
        member: &MemberId,
        floor: Seq,
    ) -> Result<Option<BoxStep>> {
        self.raise(before, keys::inbox(member).into(), floor)
    }

    /// Returns the step that takes the entries of a history up to `floor`, `None` if it did before.
    pub(super) fn erase(
        &self,
        before: BeforeBatch<'_>,
        prefix: Slice,
        floor: Seq,
    ) -> Result<Option<BoxStep>> {
        self.raise(before, prefix, floor)
    }

    /// Takes a step that writes no entry.
    pub(super) fn take(&mut self, step: BoxStep) {
        self.planned(step);
    }

    /// Takes a step with which a box has grown, and writes the entry.
    pub(super) fn push(&mut self, mut step: BoxStep, at_ms: u64, record: Slice) {
        step.extent.last_ms = at_ms;
        self.grown += 1;
        self.planned(step).records.push(record);
    }

    /// Writes an entry that is there in another way.
    pub(super) fn rewrite(&mut self, prefix: &[u8], sequence: Seq, record: Slice) {
        let planned = self.boxes.get_mut(prefix);
        if let Some(new) = planned.and_then(|planned| planned.new_record_mut(sequence)) {
            *new = record;
        } else {
            self.rewritten.insert(keys::entry(prefix, sequence), record);
        }
    }

    /// Returns how many entries are written.
    pub(super) fn written(&self) -> usize {
        self.grown + self.rewritten.len()
    }

    /// Returns how many records are written as a rule: entries, and where their boxes end.
    pub(super) fn records(&self) -> usize {
        self.written() + self.boxes.len()
    }

    /// Returns whether nothing of any box has changed.
    pub(super) fn is_empty(&self) -> bool {
        // Whatever changes a box writes where it ends.
        self.boxes.is_empty()
    }

    /// Writes all of it.
    pub(super) fn write(self, tables: &Tables, batch: &mut WriteBatch) -> WrittenBoxes {
        let Tables { entries, state, .. } = tables;
        for (key, record) in self.rewritten {
            batch.insert(entries, key, record);
        }
        let (mut key, mut boxes) = (Vec::new(), self.boxes);
        for (prefix, PlannedBox { extent, records, .. }) in &mut boxes {
            let before = extent.top.get() - records.len() as u64;
            for (sequence, record) in (before + 1..).zip(mem::take(records)) {
                keys::put_entry(&mut key, prefix, sequence);
                batch.insert(entries, key.as_slice(), record);
            }
        }
        for (prefix, planned) in &boxes {
            batch.insert(state, keys::extent(prefix), records::encode_extent(planned.extent));
        }
        let (mut freed, mut erasures) = (Vec::new(), Vec::new());
        for (prefix, planned) in &boxes {
            let Some(Leaving { left, entries, is_first }) = planned.leaving else { continue };
            let record = records::encode_extent(left);
            if keys::is_history(prefix) {
                batch.insert(state, keys::erasure(prefix), record);
                erasures.push((prefix.to_vec(), entries));
            } else {
                batch.insert(state, keys::removal(prefix), record);
                freed.push((prefix.to_vec(), Freed { entries, is_first }));
            }
        }
        WrittenBoxes { ends: BoxEnds(boxes), freed, erasures }
    }

    /// Takes a step, and returns its box.
    fn planned(&mut self, step: BoxStep) -> &mut PlannedBox {
        let BoxStep { prefix, extent, leaving } = step;
        let new = PlannedBox { extent, records: Vec::new(), leaving: None };
        let planned = self.boxes.entry(prefix).or_insert(new);
        planned.extent = extent;
        if leaving.is_some() {
            planned.leaving = leaving;
        }
        planned
    }

    fn grow(&self, before: BeforeBatch<'_>, prefix: Slice, keep: Keep) -> Result<BoxStep> {
        let extent = self.grown(before, &prefix)?;
        match floor_by_number(keep, extent) {
            Some(floor) => self.leave(before, prefix, extent, floor),
            None => Ok(BoxStep { prefix, extent, leaving: None }),
        }
    }

    /// Returns the extent of a box with one entry more, still with the time of the one before.
    fn grown(&self, before: BeforeBatch<'_>, prefix: &[u8]) -> Result<Extent> {
        let extent = self.extent(before, prefix)?;
        let last_ms = self.last_ms(before, prefix, extent)?;
        Ok(Extent { top: extent.top.next(), last_ms, ..extent })
    }

    fn last_ms(&self, before: BeforeBatch<'_>, prefix: &[u8], extent: Extent) -> Result<u64> {
        if extent.last_ms > 0 || extent.top == extent.floor {
            return Ok(extent.last_ms);
        }
        // Layouts before the third did not say it with the end of the box.
        match self.record(before, prefix, extent.top)? {
            Some(record) => Ok(EntryReader::default().entry(extent.top, &record)?.entry.at_ms),
            None => Ok(0),
        }
    }

    fn raise(&self, before: BeforeBatch<'_>, prefix: Slice, floor: Seq) -> Result<Option<BoxStep>> {
        let extent = self.extent(before, &prefix)?;
        let floor = floor.min(extent.top);
        if floor <= extent.floor {
            return Ok(None);
        }
        self.leave(before, prefix, extent, floor).map(Some)
    }

    /// Returns the step in which the floor of a box, which is lower in `extent`, rises.
    fn leave(&self, before: BeforeBatch<'_>, prefix: Slice, extent: Extent, floor: Seq) -> Result<BoxStep> {
        let entries = floor.get().saturating_sub(extent.floor.get());
        let planned = self.boxes.get(&prefix).and_then(|planned| planned.leaving.as_ref());
        let leaving = if let Some(planned) = planned {
            let left = Extent { top: floor, ..planned.left };
            Leaving { left, entries: planned.entries + entries, ..*planned }
        } else {
            // What went before may not be removed yet. Nothing is left of a box that has lost
            // nothing, which saves the look.
            let stored = if extent.floor == Seq::ZERO { None } else { before.left(&prefix)? };
            let after = stored.map_or(extent.floor, |left| left.floor);
            let left = Extent { floor: after, top: floor, last_ms: 0 };
            Leaving { left, entries, is_first: stored.is_none() }
        };
        Ok(BoxStep { prefix, extent: Extent { floor, ..extent }, leaving: Some(leaving) })
    }
}
