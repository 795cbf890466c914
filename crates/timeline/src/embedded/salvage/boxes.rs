//! The places of a box after a salvage.
//!
//! What is lost at its beginning moves its floor, what is lost later gets a tombstone. What was
//! freed is no loss.

use std::collections::HashMap;

use fjall::Readable as _;

use super::super::records::{EntryReader, Extent};
use super::super::tables::read_error;
use super::super::{keys, records, upgrade};
use super::report::Salvaged;
use super::target::SalvageTarget;
use crate::{Result, Seq, Tag};

/// Gives every box its record, and every place of it an entry.
pub(super) fn fill(
    target: &mut SalvageTarget,
    mut extents: HashMap<Vec<u8>, Extent>,
    at_ms: u64,
    report: &mut Salvaged,
) -> Result<()> {
    let mut cursor = Vec::new();
    while let Some((prefix, _, end)) =
        upgrade::next_box(&target.opened, &cursor).map_err(SalvageTarget::failed)?
    {
        let before = extents.remove(&prefix);
        fill_box(target, &prefix, before.unwrap_or_default(), at_ms, report)?;
        cursor = end;
    }
    // Boxes of which nothing but the record is left keep their sequence.
    for (prefix, extent) in extents.into_iter().filter(|(_, extent)| extent.top > Seq::ZERO) {
        report.boxes += 1;
        // One that was acknowledged to its end has no entries, and lost none.
        report.shortened += u64::from(extent.floor < extent.top);
        target.put_extent(&prefix, Extent { floor: extent.top, top: extent.top })?;
    }
    target.commit()
}

fn fill_box(
    target: &mut SalvageTarget,
    prefix: &[u8],
    before: Extent,
    at_ms: u64,
    report: &mut Salvaged,
) -> Result<()> {
    // What becomes of the places of a box:
    //
    //  old floor        first entry found              last entry found        old top
    //      │ the floor moves │ entries, tombstones in holes │    tombstones       │
    //
    // The top never falls, so that no sequence is given out twice for what readers may have.
    report.boxes += 1;
    let (snapshot, mut reader) = (target.opened.tables.snapshot(), EntryReader::default());
    let entries = target.opened.tables.entries.clone();
    let bodies = target.opened.tables.bodies.clone();
    // What was freed may have been copied: marked as removed, it was still there.
    for guard in snapshot.range(&entries, keys::entry(prefix, Seq::ZERO)..=keys::entry(prefix, before.floor))
    {
        target.remove_entry(&guard.key().map_err(read_error)?)?;
    }
    let range = keys::entry(prefix, before.floor.next())..=keys::entry(prefix, Seq::MAX);
    // Where the box begins, and the last place that has an entry.
    let mut extent: Option<Extent> = None;
    for guard in snapshot.range(&entries, range) {
        let (key, record) = guard.into_inner().map_err(read_error)?;
        let sequence = keys::sequence_of(&key)?;
        let first = Seq::new(sequence.get().saturating_sub(1))?;
        let last = extent.get_or_insert(Extent { floor: first, top: first }).top;
        let readable = match reader.entry(sequence, &record) {
            Ok(stored) => match stored.body {
                Some(body) => snapshot.get(&bodies, body).map_err(read_error)?.is_some(),
                None => true,
            },
            Err(_) => false,
        };
        bury(target, prefix, last.next(), first, at_ms, report)?;
        if readable {
            report.entries += 1;
        } else {
            bury(target, prefix, sequence, sequence, at_ms, report)?;
        }
        extent = extent.map(|extent| Extent { top: sequence, ..extent });
    }
    let found = extent.unwrap_or(Extent { floor: before.top, top: before.top });
    if found.floor > before.floor {
        report.shortened += 1;
    }
    bury(target, prefix, found.top.next(), before.top, at_ms, report)?;
    target.put_extent(prefix, Extent { floor: found.floor, top: found.top.max(before.top) })
}

/// Puts a tombstone at each place from `first` to `last`.
fn bury(
    target: &mut SalvageTarget,
    prefix: &[u8],
    first: Seq,
    last: Seq,
    at_ms: u64,
    report: &mut Salvaged,
) -> Result<()> {
    let mut sequence = first;
    while sequence <= last {
        let record = records::encode_tombstone(at_ms, Tag::new(fastrand::u64(..)));
        target.put_entry(&keys::entry(prefix, sequence), record)?;
        report.tombstones += 1;
        sequence = sequence.next();
    }
    Ok(())
}
