//! A box as a batch leaves it.

use std::collections::HashMap;

use fjall::Slice;

use crate::Seq;
use crate::embedded::recent::Recent;
use crate::embedded::records::Extent;

/// A box as this batch leaves it.
pub(super) struct PlannedBox {
    pub(super) extent: Extent,
    /// The records of its new entries: the last one is that of its top.
    pub(super) records: Vec<Slice>,
    pub(super) leaving: Option<Leaving>,
}

/// What is left to remove of a box, with what this batch frees of it.
#[derive(Clone, Copy)]
pub(super) struct Leaving {
    pub(super) left: Extent,
    pub(super) entries: u64,
    pub(super) is_first: bool,
}

/// Where the boxes of a batch begin and end, by what their keys begin with.
pub(super) struct BoxEnds(pub(super) HashMap<Slice, PlannedBox, foldhash::fast::RandomState>);

impl BoxEnds {
    /// Returns where a box begins and ends, if the batch writes to it.
    pub(super) fn extent(&self, prefix: &[u8]) -> Option<Extent> {
        self.0.get(prefix).map(|planned| planned.extent)
    }

    /// Returns what is left to remove of a box, if the batch frees some of it.
    pub(super) fn left(&self, prefix: &[u8]) -> Option<Extent> {
        self.0.get(prefix)?.leaving.map(|leaving| leaving.left)
    }

    /// Returns what the keys of the boxes begin with.
    pub(super) fn prefixes(&self) -> impl Iterator<Item = &Slice> {
        self.0.keys()
    }

    /// Notes what is durable now.
    pub(super) fn note(self, recent: &mut Recent) {
        for (prefix, planned) in self.0 {
            recent.insert(prefix, planned.extent);
        }
    }
}

impl PlannedBox {
    /// Returns the record of an entry that the box gets with this batch.
    pub(super) fn new_record(&self, sequence: Seq) -> Option<&Slice> {
        self.records.get(self.index(sequence)?)
    }

    pub(super) fn new_record_mut(&mut self, sequence: Seq) -> Option<&mut Slice> {
        let index = self.index(sequence)?;
        self.records.get_mut(index)
    }

    fn index(&self, sequence: Seq) -> Option<usize> {
        let behind = self.extent.top.get().checked_sub(sequence.get())?;
        self.records.len().checked_sub(usize::try_from(behind).ok()? + 1)
    }
}
