//! The upgrade to layout 3: a row for each member of each conversation.
//!
//! ```text
//!  histories of groups ─► the time of the last entry, with the floor and the top
//!  histories of pairs  ─► the same; a row for each of the two
//!  groups              ─► a row for each member
//!  inboxes             ─► a row for each group that an entry was sent to
//! ```
//!
//! Rows that are there stay. So a salvage takes the same steps, for rows that it did not find.
//!
//! All that is there counts as read. Who is not in a group that the store knows, but has entries
//! that were sent to it, counts as one who has left it: the next send to them brings it back.

use std::collections::{HashMap, HashSet};
use std::ops::Bound;

use fjall::{OwnedWriteBatch as WriteBatch, Readable as _, Snapshot};

use super::UpgradeError;
use crate::conversation::Parties;
use crate::embedded::opened::Opened;
use crate::embedded::records::{EntryReader, Extent, Row, VERSION};
use crate::embedded::tables::Tables;
use crate::embedded::{keys, records};
use crate::{Conversation, Destination, GroupName, Seq};

/// How many histories, groups or entries of inboxes are walked over at once.
const AT_ONCE: usize = if cfg!(test) { 3 } else { 5_000 };

/// What is walked over, in this order: the first byte of the place in `UPGRADE`, and where the keys
/// lie. Those of the last one are in `entries`, the others in `state`.
const WALKS: [(u8, &[u8], &[u8]); 4] =
    [(b'1', b"bg", b"bh"), (b'2', b"bs", b"bt"), (b'3', b"o", b"p"), (b'4', b"i", b"j")];

/// Takes the next step, and returns how many rows it wrote; `None` when none is left.
pub(super) fn step(opened: &mut Opened) -> Result<Option<usize>, UpgradeError> {
    // Crash points: as for layout 1. Until the marker says `layout 3` the next start goes on, and
    // walks over all once more if only the marker is missing, which writes the same.
    let place = opened.tables.state.get(keys::UPGRADE).map_err(UpgradeError::Engine)?;
    let place = place.map(|place| place.to_vec()).unwrap_or_default();
    let walk = place.first().and_then(|id| WALKS.iter().position(|(known, ..)| known == id)).unwrap_or(0);
    let mut step = RowBatch::new(opened);
    let last = step.walk(walk, place.get(1..).unwrap_or_default())?;
    let RowBatch { mut batch, rows, .. } = step;
    // In this batch there is all that a program of layout 2 would not know, so it has the version.
    batch.insert(&opened.tables.state, keys::FORMAT, [VERSION]);
    let next = match &last {
        Some(_) => WALKS.get(walk),
        None => WALKS.get(walk + 1),
    };
    let Some((id, ..)) = next else {
        batch.remove(&opened.tables.state, keys::UPGRADE);
        opened.commit(batch)?;
        return Ok(None);
    };
    let mut place = vec![*id];
    place.extend(last.unwrap_or_default());
    batch.insert(&opened.tables.state, keys::UPGRADE, place);
    opened.commit(batch)?;
    Ok(Some(rows))
}

/// One step in the making.
struct RowBatch<'a> {
    tables: &'a Tables,
    snapshot: Snapshot,
    batch: WriteBatch,
    /// How many rows the batch has.
    rows: usize,
    reader: EntryReader,
    /// The groups that entries were sent to: what the keys of their histories begin with, and the
    /// row of one who is found by such an entry.
    groups: HashMap<GroupName, (Vec<u8>, Row)>,
    /// The keys of the rows that are there, and of those that the batch has.
    known: HashSet<Vec<u8>>,
}

impl<'a> RowBatch<'a> {
    fn new(opened: &'a Opened) -> Self {
        Self {
            tables: &opened.tables,
            snapshot: opened.tables.snapshot(),
            batch: opened.tables.batch(opened.last_batch + 1),
            rows: 0,
            reader: EntryReader::default(),
            groups: HashMap::new(),
            known: HashSet::new(),
        }
    }

    /// Walks on behind the key `after`, and returns the last key; `None` at the end.
    fn walk(&mut self, walk: usize, after: &[u8]) -> Result<Option<Vec<u8>>, UpgradeError> {
        let Some((id, first, end)) = WALKS.get(walk) else { return Ok(None) };
        let keyspace = if *id == b'4' { &self.tables.entries } else { &self.tables.state };
        let first = if after.is_empty() { Bound::Included(*first) } else { Bound::Excluded(after) };
        let mut last = None;
        let range = self.snapshot.range::<&[u8], _>(keyspace, (first, Bound::Excluded(*end)));
        for guard in range.take(AT_ONCE) {
            let (key, record) = guard.into_inner().map_err(UpgradeError::Engine)?;
            match id {
                b'1' | b'2' => self.history(&key, &record)?,
                b'3' => self.group(&key, &record)?,
                _ => self.inbox_entry(&key, &record)?,
            }
            last = Some(key.to_vec());
        }
        Ok(last)
    }

    fn history(&mut self, key: &[u8], record: &[u8]) -> Result<(), UpgradeError> {
        let prefix = key.get(1..).unwrap_or_default();
        let extent = records::decode_extent(record).map_err(UpgradeError::Store)?;
        let last_ms = self.last_ms(prefix, extent.top)?.max(extent.last_ms);
        let record = records::encode_extent(Extent { last_ms, ..extent });
        self.batch.insert(&self.tables.state, key, record);
        let conversation = keys::conversation(prefix).map_err(UpgradeError::Store)?;
        if let Parties::Pair(smaller, larger) = conversation.parties() {
            let row = row_at(extent.top, last_ms);
            self.add(keys::row(smaller, prefix), &row)?;
            self.add(keys::row(larger, prefix), &row)?;
        }
        Ok(())
    }

    fn group(&mut self, key: &[u8], record: &[u8]) -> Result<(), UpgradeError> {
        let group = keys::group_of(key).and_then(|name| records::decode_group(name, record));
        let group = group.map_err(UpgradeError::Store)?;
        let prefix = keys::history(&Conversation::group(group.name.clone()));
        let extent = self.tables.extent(&self.snapshot, &prefix).map_err(UpgradeError::Store)?;
        let row = row_at(extent.top, extent.last_ms.max(group.created_at_ms));
        for known in &group.members {
            self.add(keys::row(&known.member, &prefix), &row)?;
        }
        Ok(())
    }

    fn inbox_entry(&mut self, key: &[u8], record: &[u8]) -> Result<(), UpgradeError> {
        let Some(prefix) = keys::prefix_of(key) else { return Ok(()) };
        let member = keys::member_of_inbox(prefix).map_err(UpgradeError::Store)?;
        let stored = self.reader.entry(Seq::ZERO, record).map_err(UpgradeError::Store)?;
        // Entries of layout 1 do not say whom they were sent to.
        let Some(Destination::Group(name)) = stored.entry.to else { return Ok(()) };
        let (history, row) = self.group_found(name)?;
        self.add(keys::row(&member, &history), &row)
    }

    /// Returns what the keys of a group's history begin with, and the row of one whose inbox has an
    /// entry that was sent to it.
    fn group_found(&mut self, name: GroupName) -> Result<(Vec<u8>, Row), UpgradeError> {
        if let Some(known) = self.groups.get(&name) {
            return Ok(known.clone());
        }
        let group =
            self.snapshot.get(&self.tables.state, keys::group(&name)).map_err(UpgradeError::Engine)?;
        let prefix = keys::history(&Conversation::group(name.clone()));
        let extent = self.tables.extent(&self.snapshot, &prefix).map_err(UpgradeError::Store)?;
        // The members have their rows already.
        let row = Row { has_left: group.is_some(), ..row_at(extent.top, extent.last_ms) };
        self.groups.insert(name, (prefix.clone(), row));
        Ok((prefix, row))
    }

    /// Returns the time of the last entry of a history; 0 if it is not there.
    fn last_ms(&mut self, prefix: &[u8], top: Seq) -> Result<u64, UpgradeError> {
        let record = self.snapshot.get(&self.tables.entries, keys::entry(prefix, top));
        match record.map_err(UpgradeError::Engine)? {
            Some(record) => {
                let stored = self.reader.entry(top, &record).map_err(UpgradeError::Store)?;
                Ok(stored.entry.at_ms)
            }
            None => Ok(0),
        }
    }

    /// Writes a row, unless there is one.
    fn add(&mut self, key: Vec<u8>, row: &Row) -> Result<(), UpgradeError> {
        if self.known.insert(key.clone())
            && self.snapshot.get(&self.tables.state, &key).map_err(UpgradeError::Engine)?.is_none()
        {
            self.batch.insert(&self.tables.state, key, records::encode_row(row));
            self.rows += 1;
        }
        Ok(())
    }
}

/// The row of a conversation that was there before rows were.
fn row_at(top: Seq, since_ms: u64) -> Row {
    Row { read: top, joined: top, cleared: Seq::ZERO, since_ms, has_left: false }
}
