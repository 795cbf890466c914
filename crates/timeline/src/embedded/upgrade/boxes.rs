//! The upgrade from layout 1 to layout 2: a record for each box.
//!
//! Layout 1 had none: a box ended with its last entry. The upgrade walks from box to box and writes
//! one for each. Entries, cursors and answers stay as they are.

use std::ops::Bound;

use fjall::Readable as _;

use super::UpgradeError;
use crate::Seq;
use crate::embedded::marker::MarkerRecord;
use crate::embedded::opened::Opened;
use crate::embedded::records::{Extent, VERSION};
use crate::embedded::{keys, records};

/// How many boxes are written at once.
const BOXES: usize = if cfg!(test) { 7 } else { 1_000 };

/// Takes the next step, and returns how many boxes it wrote; `None` when none is left.
pub(super) fn step(opened: &mut Opened) -> Result<Option<usize>, UpgradeError> {
    // Crash points of a step: before the commit nothing of it is there; after it, the next start
    // goes on from the key in `UPGRADE`. The last step removes that key. A crash between it and the
    // marker's `whole` makes the next start walk over all boxes once more, which writes the same.
    let before =
        opened.tables.state.get(keys::UPGRADE).map_err(UpgradeError::Engine)?.map(|key| key.to_vec());
    let mut batch = opened.tables.batch(opened.last_batch + 1);
    // A program of layout 2 may have begun: the version is written with every step, so that it does
    // not go on with records that it cannot read.
    batch.insert(&opened.tables.state, keys::FORMAT, [VERSION]);
    if before.is_none() {
        let MarkerRecord { id, generation, .. } = *opened.marker.note();
        batch.insert(&opened.tables.state, keys::IDENTITY, records::encode_identity(id, generation));
    }
    let (mut cursor, mut walked) = (before.unwrap_or_default(), 0);
    while walked < BOXES
        && let Some((prefix, top, last)) = next_box(opened, &cursor)?
    {
        // The next upgrade reads the times of histories, and nobody needs those of inboxes.
        let record = records::encode_extent(Extent { floor: Seq::ZERO, top, last_ms: 0 });
        batch.insert(&opened.tables.state, keys::extent(&prefix), record);
        // The next box is looked for behind the last key that this one can have, not behind its
        // last entry: the entries in between are never read.
        (cursor, walked) = (last, walked + 1);
    }
    if walked > 0 {
        batch.insert(&opened.tables.state, keys::UPGRADE, cursor.as_slice());
    } else {
        batch.remove(&opened.tables.state, keys::UPGRADE);
    }
    opened.commit(batch)?;
    Ok((walked > 0).then_some(walked))
}

/// Returns the first box after the key `after`: what its keys begin with, its last sequence, its
/// last possible key.
pub(in crate::embedded) fn next_box(
    opened: &Opened,
    after: &[u8],
) -> Result<Option<(Vec<u8>, Seq, Vec<u8>)>, UpgradeError> {
    let (snapshot, entries) = (opened.tables.snapshot(), &opened.tables.entries);
    let mut from = Bound::Excluded(after.to_vec());
    loop {
        let Some(first) = snapshot.range(entries, (from, Bound::Unbounded)).next() else { return Ok(None) };
        let key = first.key().map_err(UpgradeError::Engine)?;
        let Some(prefix) = keys::prefix_of(&key) else {
            // This is the number of the last batch, which is not an entry.
            from = Bound::Excluded(key.to_vec());
            continue;
        };
        let end = keys::entry(prefix, Seq::MAX);
        let last = snapshot.range(entries, keys::entry(prefix, Seq::ZERO)..=end.clone()).next_back();
        let top = match last {
            Some(last) => {
                keys::sequence_of(&last.key().map_err(UpgradeError::Engine)?).map_err(UpgradeError::Store)?
            }
            None => Seq::ZERO,
        };
        return Ok(Some((prefix.to_vec(), top, end)));
    }
}
