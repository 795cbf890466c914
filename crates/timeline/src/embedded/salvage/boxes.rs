//! The places of a box after a salvage.
//!
//! What is lost later than the beginning of a box gets a tombstone, and so does all that a history
//! has lost, as its floor says what is gone for everybody. What an inbox has lost at its beginning
//! moves its floor, and that of a history of which nobody knows any more where it began. What was
//! freed or removed is no loss.

use std::collections::{HashMap, HashSet};

use fjall::Readable as _;

use super::super::records::{BodyKey, EntryReader, Extent, Stored};
use super::super::tables::read_error;
use super::super::upgrade::{self, UpgradeError};
use super::super::{keys, records};
use super::found::{Found, Told};
use super::report::Salvaged;
use super::source::KeyspaceName;
use super::target::SalvageTarget;
use crate::conversation::Parties;
use crate::{Conversation, Entry, EntryKind, EntryStatus, Message, Result, Seq, Tag};

/// Gives every box its record, and every place of it an entry.
pub(super) fn fill(target: &mut SalvageTarget, found: Found, report: &mut Salvaged) -> Result<()> {
    let mut boxes = Boxes { target, found, report, floors: HashMap::new(), changed: HashSet::new() };
    // Histories come first: what became of a message is the same in all inboxes.
    for (first, end) in [(b"g", b"h"), (b"s", b"t"), (b"i", b"j")] {
        let mut cursor = first.to_vec();
        while let Some((prefix, _, last)) =
            upgrade::next_box(&boxes.target.opened, &cursor).map_err(UpgradeError::of_new_store)?
            && prefix.as_slice() < end.as_slice()
        {
            boxes.fill_box(&prefix)?;
            cursor = last;
        }
    }
    boxes.fill_empty()?;
    boxes.sweep_bodies()?;
    // A text that was left out may have been written into the new files before that was known.
    boxes.target.note_erasure()?;
    boxes.target.commit()
}

/// The boxes of the new store in the making.
pub(super) struct Boxes<'a> {
    pub(super) target: &'a mut SalvageTarget,
    pub(super) found: Found,
    pub(super) report: &'a mut Salvaged,
    /// The floors of histories, where they are above 0.
    pub(super) floors: HashMap<Vec<u8>, Seq>,
    /// The histories that have messages which are not as they were sent.
    pub(super) changed: HashSet<Vec<u8>>,
}

impl Boxes<'_> {
    fn fill_box(&mut self, prefix: &[u8]) -> Result<()> {
        // What becomes of the places of a box:
        //
        //  old floor        first entry found              last entry found        old top
        //      │ the floor moves │ entries, tombstones in holes │    tombstones       │
        //
        // The top never falls, so that no sequence is given out twice for what readers may have.
        self.report.boxes += 1;
        let is_history = keys::is_history(prefix);
        if is_history {
            self.listen(prefix)?;
        }
        let (before, top) = self.found.take_extent(prefix);
        let floor = before.map_or(Seq::ZERO, |before| before.floor);
        self.remove_entries(prefix, floor)?;
        let mut filled = before.filter(|_| is_history).map(|_| Extent { floor, top: floor, last_ms: 0 });
        // The messages that could have been changed, and those of them before a lost place.
        let (mut kept, mut doubtful) = (0, 0);
        let (snapshot, mut reader) = (self.target.opened.tables.snapshot(), EntryReader::of(prefix));
        let range = keys::entry(prefix, floor.next())..=keys::entry(prefix, Seq::MAX);
        for guard in snapshot.range(self.target.keyspace(KeyspaceName::Entries), range) {
            let (key, record) = guard.into_inner().map_err(read_error)?;
            let sequence = keys::sequence_of(&key)?;
            let first = Seq::new(sequence.get().saturating_sub(1))?;
            let mut extent = filled.unwrap_or(Extent { floor: first, top: first, last_ms: 0 });
            let lost = self.report.tombstones;
            self.bury(prefix, &mut extent, first)?;
            match reader.entry(sequence, &record) {
                Ok(stored) => {
                    extent =
                        Extent { top: sequence, last_ms: extent.last_ms.max(stored.entry.at_ms), ..extent };
                    kept += u64::from(self.keep(prefix, &stored)?);
                }
                Err(_) => self.bury(prefix, &mut extent, sequence)?,
            }
            if is_history && self.report.tombstones > lost {
                doubtful = kept;
            }
            filled = Some(extent);
        }
        let mut extent = filled.unwrap_or(Extent { floor: top, top, last_ms: 0 });
        self.report.shortened += u64::from(extent.floor > floor);
        self.report.doubtful += if is_history && extent.top < top { kept } else { doubtful };
        self.bury(prefix, &mut extent, top)?;
        self.put_extent(prefix, extent)
    }

    /// Gives their records to boxes of which nothing but the record is left, so that they keep
    /// their sequence.
    fn fill_empty(&mut self) -> Result<()> {
        for (prefix, before) in self.found.take_rest() {
            if before.top == Seq::ZERO {
                continue;
            }
            self.report.boxes += 1;
            let mut extent = Extent { top: before.floor, ..before };
            if keys::is_history(&prefix) {
                self.bury(&prefix, &mut extent, before.top)?;
            } else {
                // One that was acknowledged to its end has no entries, and lost none.
                self.report.shortened += u64::from(before.floor < before.top);
                extent = Extent { floor: before.top, top: before.top, last_ms: before.last_ms };
            }
            self.put_extent(&prefix, extent)?;
        }
        Ok(())
    }

    fn put_extent(&mut self, prefix: &[u8], extent: Extent) -> Result<()> {
        if keys::is_history(prefix) && extent.floor > Seq::ZERO {
            self.target.remove_below(prefix, extent.floor)?;
            self.floors.insert(prefix.to_vec(), extent.floor);
        }
        self.target.put_extent(prefix, extent)
    }

    /// Removes the entries up to the floor: marked as removed, they may still have been there.
    fn remove_entries(&mut self, prefix: &[u8], floor: Seq) -> Result<()> {
        let range = keys::entry(prefix, Seq::ZERO)..=keys::entry(prefix, floor);
        let (snapshot, mut reader) = (self.target.opened.tables.snapshot(), EntryReader::of(prefix));
        for guard in snapshot.range(self.target.keyspace(KeyspaceName::Entries), range) {
            let (key, record) = guard.into_inner().map_err(read_error)?;
            self.target.remove(KeyspaceName::Entries, &key)?;
            if keys::is_history(prefix)
                && let Ok(Stored { entry, .. }) = reader.entry(keys::sequence_of(&key)?, &record)
                && let Some(message_id) = entry.message_id
            {
                self.target.remove_unplaced_answer(prefix, &message_id)?;
            }
        }
        Ok(())
    }

    /// Notes what the entries of a history tell of others.
    fn listen(&mut self, prefix: &[u8]) -> Result<()> {
        let conversation = keys::conversation(prefix).ok();
        let range = keys::entry(prefix, Seq::ZERO)..=keys::entry(prefix, Seq::MAX);
        let (snapshot, mut reader) = (self.target.opened.tables.snapshot(), EntryReader::of(prefix));
        for guard in snapshot.range(self.target.keyspace(KeyspaceName::Entries), range) {
            let (key, record) = guard.into_inner().map_err(read_error)?;
            let at = keys::sequence_of(&key)?;
            // One that cannot be read is told of when its place is filled.
            let Ok(Stored { entry, copies, .. }) = reader.entry(at, &record) else { continue };
            if let Some((of_smaller, of_larger)) = copies
                && let Some(Parties::Pair(smaller, larger)) = conversation.as_ref().map(Conversation::parties)
            {
                // Their inboxes come later, and give out none of these again.
                self.found.reach(&keys::inbox(smaller), of_smaller);
                self.found.reach(&keys::inbox(larger), of_larger);
            }
            match entry.kind {
                EntryKind::Edit | EntryKind::Recall | EntryKind::Deletion => {
                    self.found.tells(prefix, entry.target, Told { kind: entry.kind, at });
                }
                EntryKind::Purge => self.found.removed(prefix, entry.target),
                EntryKind::Message | EntryKind::Tombstone => {}
            }
        }
        Ok(())
    }

    /// Puts a tombstone at each place behind the top of a box, up to `last`.
    fn bury(&mut self, prefix: &[u8], extent: &mut Extent, last: Seq) -> Result<()> {
        let is_history = keys::is_history(prefix);
        while extent.top < last {
            let sequence = extent.top.next();
            let place = if is_history { sequence } else { Seq::ZERO };
            // The times of a box never fall.
            let (at_ms, tag) = (extent.last_ms, Some(Tag::new(fastrand::u64(..))));
            let entry = Entry { at_ms, tag, place, ..Entry::new(sequence, Message::from_stored("{}")) };
            let record = records::encode_tombstone(&entry, EntryStatus::Lost);
            self.target.put_entry(&keys::entry(prefix, sequence), record)?;
            if is_history {
                self.target.put_non_message(prefix, sequence)?;
                self.changed.insert(prefix.to_vec());
            }
            self.report.tombstones += 1;
            extent.top = sequence;
        }
        Ok(())
    }

    /// Leaves out the texts that no entry has.
    fn sweep_bodies(&mut self) -> Result<()> {
        let snapshot = self.target.opened.tables.snapshot();
        for guard in snapshot.iter(self.target.keyspace(KeyspaceName::Bodies)) {
            let key = guard.key().map_err(read_error)?;
            // The number of the last batch lies there, too, under a key of one byte.
            if BodyKey::try_from(&*key).is_ok_and(|key| !self.found.bodies.contains(&key)) {
                self.target.remove(KeyspaceName::Bodies, &key)?;
            }
        }
        Ok(())
    }
}
