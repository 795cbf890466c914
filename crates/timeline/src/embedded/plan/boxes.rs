//! The boxes that a batch writes to: entries, ends, and what goes from them.

use std::collections::HashMap;

use fjall::{OwnedWriteBatch as WriteBatch, Slice};

use super::Extents;
use crate::embedded::recent::Recent;
use crate::embedded::records::{EntryReader, Extent};
use crate::embedded::removals::Freed;
use crate::embedded::tables::{Tables, read_error};
use crate::embedded::{keys, records};
use crate::{Conversation, Keep, MemberId, Result, Retention, Seq};

/// The boxes that a batch writes to.
pub(super) struct Boxes<'a> {
    tables: &'a Tables,
    recent: &'a Recent,
    /// What is kept; everything without it.
    retention: Option<&'a Retention>,
    extents: Extents,
    // By the key in `entries`. A message of this batch may be changed by a later call of it, so
    // each record goes into the batch at the end, once.
    entries: HashMap<Vec<u8>, Slice, foldhash::fast::RandomState>,
    // By what the keys of the box begin with.
    leaving: HashMap<Vec<u8>, Leaving, foldhash::fast::RandomState>,
}

/// What becomes of a box with the next step; until it is [taken](Boxes::take) nothing has changed.
pub(super) struct BoxStep {
    pub(super) prefix: Vec<u8>,
    pub(super) extent: Extent,
    leaving: Option<Leaving>,
}

/// What is left to remove of a box, with what this batch frees of it.
#[derive(Clone)]
struct Leaving {
    /// Whose inbox it is; `None` for a history.
    member: Option<MemberId>,
    left: Extent,
    entries: u64,
    is_first: bool,
}

/// What of the boxes concerns others once the batch is durable.
pub(super) struct WrittenBoxes {
    pub(super) extents: Extents,
    /// What was freed of inboxes, by what their keys begin with.
    pub(super) freed: Vec<(Vec<u8>, Freed)>,
    /// What the keys of the histories begin with of which entries go, and how many.
    pub(super) erasures: Vec<(Vec<u8>, u64)>,
}

impl<'a> Boxes<'a> {
    pub(super) fn new(tables: &'a Tables, recent: &'a Recent) -> Self {
        Self {
            tables,
            recent,
            retention: None,
            extents: HashMap::default(),
            entries: HashMap::default(),
            leaving: HashMap::default(),
        }
    }

    pub(super) fn keep(&mut self, retention: &'a Retention) {
        self.retention = Some(retention);
    }

    /// Returns where a box begins and ends, with what this batch gave out so far.
    pub(super) fn extent(&self, prefix: &[u8]) -> Result<Extent> {
        // The order matters: what this batch gave out counts first. `recent` says the same as the
        // tables, and saves the look into them.
        match self.extents.get(prefix).copied().or_else(|| self.recent.get(prefix)) {
            Some(extent) => Ok(extent),
            None => self.tables.extent(&self.tables.snapshot(), prefix),
        }
    }

    /// Returns the record of an entry, with what this batch wrote so far.
    pub(super) fn record(&self, key: &[u8]) -> Result<Option<Slice>> {
        match self.entries.get(key) {
            Some(record) => Ok(Some(record.clone())),
            None => self.tables.entries.get(key).map_err(read_error),
        }
    }

    /// Returns the step in which an inbox gets one entry more, and loses what it does not keep.
    pub(super) fn grow_inbox(&self, member: &MemberId) -> Result<BoxStep> {
        let keep = self.retention.map(Retention::of_inboxes).unwrap_or_default();
        self.grow(keys::inbox(member), keep, Some(member))
    }

    /// Returns the step in which a history gets one entry more, and loses what it does not keep.
    pub(super) fn grow_history(&self, prefix: Vec<u8>, conversation: &Conversation) -> Result<BoxStep> {
        let keep = self.retention.map(|retention| retention.of_history(conversation)).unwrap_or_default();
        self.grow(prefix, keep, None)
    }

    /// Returns the step in which a history gets one entry more, and loses all others.
    pub(super) fn grow_purged(&self, prefix: Vec<u8>) -> Result<BoxStep> {
        let extent = self.grown(&prefix)?;
        let top = self.extent(&prefix)?.top;
        self.leave(prefix, extent, top, None)
    }

    /// Returns the step in which an inbox loses its entries up to `floor`; `None` if it did before.
    pub(super) fn free(&self, member: &MemberId, floor: Seq) -> Result<Option<BoxStep>> {
        self.raise(keys::inbox(member), floor, Some(member))
    }

    /// Returns the step that takes the entries of a history up to `floor`, `None` if it did before.
    pub(super) fn erase(&self, prefix: Vec<u8>, floor: Seq) -> Result<Option<BoxStep>> {
        self.raise(prefix, floor, None)
    }

    /// Takes a step that writes no entry.
    pub(super) fn take(&mut self, step: BoxStep) {
        let BoxStep { prefix, extent, leaving } = step;
        if let Some(leaving) = leaving {
            self.leaving.insert(prefix.clone(), leaving);
        }
        self.extents.insert(prefix, extent);
    }

    /// Takes a step with which a box has grown, and writes the entry.
    pub(super) fn push(&mut self, mut step: BoxStep, at_ms: u64, record: Slice) {
        step.extent.last_ms = at_ms;
        self.entries.insert(keys::entry(&step.prefix, step.extent.top), record);
        self.take(step);
    }

    /// Writes an entry that is there in another way.
    pub(super) fn rewrite(&mut self, key: Vec<u8>, record: Slice) {
        self.entries.insert(key, record);
    }

    /// Returns how many entries are written.
    pub(super) fn written(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether nothing of any box has changed.
    pub(super) fn is_empty(&self) -> bool {
        // Whatever changes a box writes where it ends.
        self.extents.is_empty()
    }

    /// Writes all of it.
    pub(super) fn write(self, batch: &mut WriteBatch) -> WrittenBoxes {
        for (key, record) in self.entries {
            batch.insert(&self.tables.entries, key, record);
        }
        let state = &self.tables.state;
        for (prefix, extent) in &self.extents {
            batch.insert(state, keys::extent(prefix), records::encode_extent(*extent));
        }
        let (mut freed, mut erasures) = (Vec::new(), Vec::new());
        for (prefix, Leaving { member, left, entries, is_first }) in self.leaving {
            let record = records::encode_extent(left);
            if let Some(member) = member {
                batch.insert(state, keys::removal(&prefix), record);
                freed.push((prefix, Freed { member, entries, is_first }));
            } else {
                batch.insert(state, keys::erasure(&prefix), record);
                erasures.push((prefix, entries));
            }
        }
        WrittenBoxes { extents: self.extents, freed, erasures }
    }

    fn grow(&self, prefix: Vec<u8>, keep: Keep, member: Option<&MemberId>) -> Result<BoxStep> {
        let extent = self.grown(&prefix)?;
        match floor_of(keep, extent) {
            Some(floor) => self.leave(prefix, extent, floor, member),
            None => Ok(BoxStep { prefix, extent, leaving: None }),
        }
    }

    /// Returns the extent of a box with one entry more, still with the time of the one before.
    fn grown(&self, prefix: &[u8]) -> Result<Extent> {
        let extent = self.extent(prefix)?;
        let last_ms = self.last_ms(prefix, extent)?;
        Ok(Extent { top: extent.top.next(), last_ms, ..extent })
    }

    fn last_ms(&self, prefix: &[u8], extent: Extent) -> Result<u64> {
        if extent.last_ms > 0 || extent.top == extent.floor {
            return Ok(extent.last_ms);
        }
        // Layouts before the third did not say it with the end of the box.
        match self.record(&keys::entry(prefix, extent.top))? {
            Some(record) => Ok(EntryReader::default().entry(extent.top, &record)?.entry.at_ms),
            None => Ok(0),
        }
    }

    fn raise(&self, prefix: Vec<u8>, floor: Seq, member: Option<&MemberId>) -> Result<Option<BoxStep>> {
        let extent = self.extent(&prefix)?;
        let floor = floor.min(extent.top);
        if floor <= extent.floor {
            return Ok(None);
        }
        self.leave(prefix, extent, floor, member).map(Some)
    }

    /// Returns the step in which the floor of a box, which is lower in `extent`, rises.
    fn leave(
        &self,
        prefix: Vec<u8>,
        extent: Extent,
        floor: Seq,
        member: Option<&MemberId>,
    ) -> Result<BoxStep> {
        let entries = floor.get().saturating_sub(extent.floor.get());
        let leaving = if let Some(before) = self.leaving.get(&prefix) {
            let left = Extent { top: floor, ..before.left };
            Leaving { left, entries: before.entries + entries, ..before.clone() }
        } else {
            // What went before may not be removed yet. Nothing is left of a box that has lost
            // nothing, which saves the look.
            let before = if extent.floor == Seq::ZERO { None } else { self.left(&prefix, member)? };
            let after = before.map_or(extent.floor, |left| left.floor);
            let left = Extent { floor: after, top: floor, last_ms: 0 };
            Leaving { member: member.cloned(), left, entries, is_first: before.is_none() }
        };
        Ok(BoxStep { prefix, extent: Extent { floor, ..extent }, leaving: Some(leaving) })
    }

    fn left(&self, prefix: &[u8], member: Option<&MemberId>) -> Result<Option<Extent>> {
        if member.is_some() {
            return self.tables.left_to_remove(prefix);
        }
        self.tables.left_to_erase(prefix)
    }
}

/// Returns up to where a box goes that has more entries than it keeps.
fn floor_of(keep: Keep, extent: Extent) -> Option<Seq> {
    let (limit, entries) = (keep.entries_limit()?, keep.entries_min()?);
    let (floor, top) = (extent.floor.get(), extent.top.get());
    if top.saturating_sub(floor) <= limit {
        return None;
    }
    Seq::new(top.saturating_sub(entries)).ok()
}
