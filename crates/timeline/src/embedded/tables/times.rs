//! Where the entries of a time lie in a box.
//!
//! The times of a history never fall, so a search by halves finds them. Those of an inbox are those
//! of the histories of its entries, of which one may be ahead of the clock after that was set back.

use fjall::{Readable as _, Snapshot};

use super::{Tables, read_error};
use crate::embedded::keys;
use crate::embedded::records::{EntryReader, Extent};
use crate::{Result, Seq, page};

/// How many entries ahead of the clock are asked for one that is not.
const AHEAD_MOST: u64 = 1_000;

impl Tables {
    /// Returns the first place of a history whose entry is of `at_ms` or later.
    ///
    /// It is the one after the last if there is none.
    pub(in crate::embedded) fn first_since(
        &self,
        snapshot: &Snapshot,
        prefix: &[u8],
        extent: Extent,
        at_ms: u64,
    ) -> Result<Seq> {
        first_that(extent, |place| Ok(self.time_of(snapshot, prefix, place)? >= at_ms))
    }

    /// Returns the first sequence of an inbox whose entry was taken after `last_ms`.
    ///
    /// A time behind `now_ms` does not tell when an entry was taken. The next ones in the box do,
    /// which were taken later.
    pub(in crate::embedded) fn first_taken_after(
        &self,
        snapshot: &Snapshot,
        prefix: &[u8],
        extent: Extent,
        (last_ms, now_ms): (u64, u64),
    ) -> Result<Seq> {
        first_that(extent, |sequence| {
            let end = Seq::new(sequence.get().saturating_add(AHEAD_MOST))?.min(extent.top);
            let mut sequence = sequence;
            while sequence <= end {
                let at_ms = self.time_of(snapshot, prefix, sequence)?;
                if at_ms <= now_ms {
                    return Ok(at_ms > last_ms);
                }
                sequence = sequence.next();
            }
            // Nothing goes earlier than it is said.
            Ok(true)
        })
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

/// Returns the first sequence of a box for which `is_later` is true, as it is for all behind it.
///
/// It is the one after the last if there is none.
fn first_that(extent: Extent, is_later: impl Fn(Seq) -> Result<bool>) -> Result<Seq> {
    // The answer lies from `first` up to `end`. All before `first` are earlier; the one at `end`,
    // if there is one, is not.
    let (mut first, mut end) = (extent.floor.next(), extent.top.next());
    while first < end {
        let middle = Seq::new(first.get() + (end.get() - first.get()) / 2)?;
        if is_later(middle)? {
            end = middle;
        } else {
            first = middle.next();
        }
    }
    Ok(first)
}
