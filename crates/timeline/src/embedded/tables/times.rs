//! Where the entries of a time lie in a box.
//!
//! The times of a box never fall, so a search by halves finds them.

use fjall::{Readable as _, Snapshot};

use super::{Tables, read_error};
use crate::embedded::keys;
use crate::embedded::records::{EntryReader, Extent};
use crate::{Result, Seq, page};

impl Tables {
    /// Returns the first sequence of a box whose entry is of `at_ms` or later.
    ///
    /// It is the one after the last if there is none.
    pub(in crate::embedded) fn first_since(
        &self,
        snapshot: &Snapshot,
        prefix: &[u8],
        extent: Extent,
        at_ms: u64,
    ) -> Result<Seq> {
        // The answer lies from `first` up to `end`. All before `first` are earlier; the one at
        // `end`, if there is one, is not.
        let (mut first, mut end) = (extent.floor.next(), extent.top.next());
        while first < end {
            let middle = Seq::new(first.get() + (end.get() - first.get()) / 2)?;
            if self.time_of(snapshot, prefix, middle)? < at_ms {
                first = middle.next();
            } else {
                end = middle;
            }
        }
        Ok(first)
    }

    /// Returns the time of the last entry of a box; 0 if it has none.
    pub(in crate::embedded) fn last_time(
        &self,
        snapshot: &Snapshot,
        prefix: &[u8],
        extent: Extent,
    ) -> Result<u64> {
        // The records of earlier layouts do not tell it.
        if extent.last_ms > 0 || extent.top == extent.floor {
            return Ok(extent.last_ms);
        }
        self.time_of(snapshot, prefix, extent.top)
    }

    /// Returns the time of an entry that is there.
    pub(in crate::embedded) fn time_of(
        &self,
        snapshot: &Snapshot,
        prefix: &[u8],
        sequence: Seq,
    ) -> Result<u64> {
        match snapshot.get(&self.entries, keys::entry(prefix, sequence)).map_err(read_error)? {
            Some(record) => Ok(EntryReader::of(prefix).entry(sequence, &record)?.entry.at_ms),
            None => page::check_contiguous(&[], sequence, sequence).map(|()| 0),
        }
    }
}
