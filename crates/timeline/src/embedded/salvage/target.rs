//! The new store of a salvage.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use fjall::{Keyspace, Readable as _};
use xxhash_rust::xxh3::xxh3_128;

use super::super::opened::Opened;
use super::super::records::{BodyKey, Extent};
use super::super::tables::read_error;
use super::super::upgrade::{self, UpgradeError};
use super::super::{groups, keys, records};
use super::found::Found;
use super::report::Salvaged;
use super::source::{self, EngineRecord, KeyspaceName};
use crate::{MessageId, Result, Seq};

/// The new store, and the batch that is being made for it.
pub(super) struct SalvageTarget {
    pub(super) opened: Opened,
    /// What is written next; without a record the key is removed. Of one key the last one counts.
    pending: HashMap<(KeyspaceName, Vec<u8>), Option<Vec<u8>>>,
    bytes: usize,
    /// The engine's numbers of the newest records that entries got later, by hashes of their keys.
    rewritten: HashMap<u128, u64>,
    /// The last sequences of inboxes that lists of copies name.
    // By what the keys of the inbox begin with.
    copied: HashMap<Vec<u8>, Seq>,
    /// The keys of rows that were removed with what was kept for their member.
    forgotten: Vec<Vec<u8>>,
}

/// The newest records of the state by their keys, with the engine's number; none for a key that was
/// removed.
type StateRecords = HashMap<Vec<u8>, (u64, Option<Vec<u8>>)>;

/// How many bytes are written at once.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

impl SalvageTarget {
    /// Begins with a store that counts as one of a salvage until it is finished.
    pub(super) fn new(opened: Opened) -> Self {
        let (pending, rewritten, copied) = (HashMap::new(), HashMap::new(), HashMap::new());
        Self { opened, pending, bytes: 0, rewritten, copied, forgotten: Vec::new() }
    }

    /// Copies every record but those of boxes, and notes the first and the last batch of each
    /// keyspace. What is made of groups is made anew from their records.
    pub(super) fn copy(
        &mut self,
        store: &Path,
        numbers: &mut HashMap<KeyspaceName, (u64, u64)>,
        report: &mut Salvaged,
    ) -> Result<Found> {
        let mut last = StateRecords::new();
        // Entries are removed below a floor alone: one that is marked as removed tells where it is.
        let mut floors: HashMap<Vec<u8>, Seq> = HashMap::new();
        // No group is ever removed: whatever names one tells that it was there.
        let mut named: HashSet<Vec<u8>> = HashSet::new();
        let mut removed: HashSet<BodyKey> = HashSet::new();
        source::read(store, report, |record: &EngineRecord<'_>| match (record.keyspace, record.key) {
            (keyspace, key) if key == keys::BATCH => {
                if let Some(number) = record.value.and_then(|value| records::decode_number(value).ok()) {
                    let (first, last) = numbers.entry(keyspace).or_insert((number, number));
                    (*first, *last) = ((*first).min(number), (*last).max(number));
                }
                Ok(())
            }
            (KeyspaceName::State, key) if matches!(key.first(), Some(b't' | b'm')) => {
                named.extend(keys::group_in(key).map(<[u8]>::to_vec));
                Ok(())
            }
            (KeyspaceName::State, key) => {
                // Boxes, cursors and groups change, so the newest record counts, and none is
                // written before all were seen.
                let known = last.get(key).is_some_and(|(number, _)| *number > record.number);
                if !known {
                    last.insert(key.to_vec(), (record.number, record.value.map(<[u8]>::to_vec)));
                }
                Ok(())
            }
            // Those that were removed may still be in older tables; what is below a floor is left
            // out later.
            (KeyspaceName::Entries, key) => match (keys::prefix_of(key), keys::sequence_of(key)) {
                (Some(prefix), Ok(sequence)) if record.value.is_none() => {
                    let floor = floors.entry(prefix.to_vec()).or_default();
                    *floor = (*floor).max(sequence);
                    Ok(())
                }
                (Some(_), _) => {
                    record.value.map_or(Ok(()), |value| self.copy_entry(key, value, record.number))
                }
                (None, _) => Ok(()),
            },
            (KeyspaceName::Sends, key) => record.value.map_or(Ok(()), |value| self.copy_send(key, value)),
            // Texts are written once, so one that was removed stays so, wherever it is found.
            (KeyspaceName::Bodies, key) => match (BodyKey::try_from(key), record.value) {
                (Ok(_), Some(value)) => self.put(KeyspaceName::Bodies, key, value.to_vec()),
                (Ok(key), None) => {
                    removed.insert(key);
                    Ok(())
                }
                (Err(_), _) => Ok(()),
            },
        })?;
        for key in removed {
            self.remove(KeyspaceName::Bodies, &key)?;
        }
        let mut found = Found::default();
        for (prefix, last) in std::mem::take(&mut self.copied) {
            found.reach(&prefix, last);
        }
        self.copy_state(last, &mut named, &mut found, report)?;
        for (prefix, floor) in floors {
            found.removed(&prefix, floor);
        }
        report.groups_lost = named.len() as u64;
        self.rewritten = HashMap::new();
        self.commit()?;
        Ok(found)
    }

    /// Copies the newest records of the state, and takes out of `named` the groups that are there.
    fn copy_state(
        &mut self,
        last: StateRecords,
        named: &mut HashSet<Vec<u8>>,
        found: &mut Found,
        report: &mut Salvaged,
    ) -> Result<()> {
        for (key, (_, value)) in last {
            let Some(value) = value else {
                if key.first() == Some(&b'k') {
                    self.forgotten.push(key);
                }
                continue;
            };
            if key.first() == Some(&b'o') {
                let name = keys::group_in(&key).unwrap_or_default();
                if self.put_group(&key, &value)? {
                    report.groups += 1;
                    named.remove(name);
                } else {
                    named.insert(name.to_vec());
                }
            } else if found.note(&key, &value) {
                self.put(KeyspaceName::State, &key, value)?;
            }
        }
        Ok(())
    }

    /// Copies the newest record of an entry.
    fn copy_entry(&mut self, key: &[u8], record: &[u8], number: u64) -> Result<()> {
        // Most entries have one record. Those that were written once more say so themselves, so
        // that the numbers of the others need not be kept.
        let hash = xxh3_128(key);
        let is_rewritten = records::is_rewritten(record);
        if self.rewritten.get(&hash).is_some_and(|known| *known > number || !is_rewritten) {
            return Ok(());
        }
        if is_rewritten {
            self.rewritten.insert(hash, number);
        }
        self.put(KeyspaceName::Entries, key, record.to_vec())
    }

    /// Copies an answer, or where the copies of a message are.
    fn copy_send(&mut self, key: &[u8], record: &[u8]) -> Result<()> {
        if key.first() == Some(&b'c') {
            for (member, sequence) in records::decode_copies(record).into_iter().flatten() {
                let last = self.copied.entry(keys::inbox(&member)).or_default();
                *last = (*last).max(sequence);
            }
        }
        // A message id that is used again has an answer of a higher place than before. Where copies
        // are is written once.
        if key.first() != Some(&b'c')
            && let Ok(answer) = records::decode_answer(record)
            && let Some(known) = self.get(KeyspaceName::Sends, key)?
            && records::decode_answer(&known).is_ok_and(|known| known.place > answer.place)
        {
            return Ok(());
        }
        self.put(KeyspaceName::Sends, key, record.to_vec())
    }

    /// Puts a group with what is made of it; returns false if its record cannot be read.
    fn put_group(&mut self, key: &[u8], record: &[u8]) -> Result<bool> {
        let Ok(group) = keys::group_of(key).and_then(|name| records::decode_group(name, record)) else {
            return Ok(false);
        };
        for (key, record) in groups::rows(None, &group) {
            if let Some(record) = record {
                self.put(KeyspaceName::State, &key, record)?;
            }
        }
        Ok(true)
    }

    pub(super) fn put_entry(&mut self, key: &[u8], record: Vec<u8>) -> Result<()> {
        self.put(KeyspaceName::Entries, key, record)
    }

    pub(super) fn put_extent(&mut self, prefix: &[u8], extent: Extent) -> Result<()> {
        self.put(KeyspaceName::State, &keys::extent(prefix), records::encode_extent(extent))
    }

    /// Notes that the entry at a place of a history is no message.
    pub(super) fn put_non_message(&mut self, prefix: &[u8], place: Seq) -> Result<()> {
        self.put(KeyspaceName::State, &keys::non_message(prefix, place), vec![records::VERSION])
    }

    /// Notes that the files may have texts that were left out.
    ///
    /// When they were erased nobody knows any more, so the files are replaced at the first start.
    pub(super) fn note_erasure(&mut self) -> Result<()> {
        self.put(KeyspaceName::State, keys::ERASED, records::encode_number(0))
    }

    /// Gives members the rows that are not there, but for those who were forgotten.
    pub(super) fn add_rows(&mut self) -> Result<()> {
        upgrade::add_rows(&mut self.opened).map_err(UpgradeError::of_new_store)?;
        for key in std::mem::take(&mut self.forgotten) {
            self.remove(KeyspaceName::State, &key)?;
        }
        self.commit()
    }

    /// Removes what is kept for the places of a history up to its floor, beside the entries.
    pub(super) fn remove_below(&mut self, prefix: &[u8], floor: Seq) -> Result<()> {
        // All of it was copied and committed before.
        let snapshot = self.opened.tables.snapshot();
        let range = keys::non_message(prefix, Seq::ZERO)..=keys::non_message(prefix, floor);
        for guard in snapshot.range(self.keyspace(KeyspaceName::State), range) {
            self.remove(KeyspaceName::State, &guard.key().map_err(read_error)?)?;
        }
        let range = keys::copies(prefix, Seq::ZERO)..=keys::copies(prefix, floor);
        for guard in snapshot.range(self.keyspace(KeyspaceName::Sends), range) {
            self.remove(KeyspaceName::Sends, &guard.key().map_err(read_error)?)?;
        }
        for guard in snapshot.prefix(self.keyspace(KeyspaceName::Sends), prefix) {
            let (key, record) = guard.into_inner().map_err(read_error)?;
            // Those of layout 2 do not tell their places, and went with their entries.
            let place = records::decode_answer(&record).map_or(Seq::ZERO, |answer| answer.place);
            if place > Seq::ZERO && place <= floor {
                self.remove(KeyspaceName::Sends, &key)?;
            }
        }
        Ok(())
    }

    /// Removes the answer to a message id if it does not tell of which place it is, as those of
    /// earlier layouts: it is that of the entry with the id.
    pub(super) fn remove_unplaced_answer(&mut self, prefix: &[u8], message_id: &MessageId) -> Result<()> {
        let key = keys::send(prefix, message_id);
        let answer = self.get(KeyspaceName::Sends, &key)?.map(|record| records::decode_answer(&record));
        if answer.is_some_and(|answer| answer.is_ok_and(|answer| answer.place == Seq::ZERO)) {
            self.remove(KeyspaceName::Sends, &key)?;
        }
        Ok(())
    }

    /// Removes what was copied.
    pub(super) fn remove(&mut self, keyspace: KeyspaceName, key: &[u8]) -> Result<()> {
        self.pend(keyspace, key, None)
    }

    fn put(&mut self, keyspace: KeyspaceName, key: &[u8], record: Vec<u8>) -> Result<()> {
        self.pend(keyspace, key, Some(record))
    }

    fn pend(&mut self, keyspace: KeyspaceName, key: &[u8], record: Option<Vec<u8>>) -> Result<()> {
        self.bytes += key.len() + record.as_ref().map_or(0, Vec::len);
        self.pending.insert((keyspace, key.to_vec()), record);
        if self.bytes >= BATCH_BYTES { self.commit() } else { Ok(()) }
    }

    /// Returns what was put under a key.
    pub(super) fn get(&self, keyspace: KeyspaceName, key: &[u8]) -> Result<Option<Vec<u8>>> {
        if let Some(pending) = self.pending.get(&(keyspace, key.to_vec())) {
            return Ok(pending.clone());
        }
        let record = self.keyspace(keyspace).get(key).map_err(read_error)?;
        Ok(record.map(|record| record.to_vec()))
    }

    pub(super) fn keyspace(&self, keyspace: KeyspaceName) -> &Keyspace {
        let tables = &self.opened.tables;
        match keyspace {
            KeyspaceName::Entries => &tables.entries,
            KeyspaceName::State => &tables.state,
            KeyspaceName::Sends => &tables.sends,
            KeyspaceName::Bodies => &tables.bodies,
        }
    }

    /// Commits what was put.
    pub(super) fn commit(&mut self) -> Result<()> {
        let mut batch = self.opened.tables.batch(self.opened.last_batch + 1);
        for ((keyspace, key), record) in std::mem::take(&mut self.pending) {
            match record {
                Some(record) => batch.insert(self.keyspace(keyspace), key, record),
                None => batch.remove(self.keyspace(keyspace), key),
            }
        }
        self.bytes = 0;
        self.opened.commit(batch).map_err(UpgradeError::of_new_store)
    }

    pub(super) fn finish(mut self) -> Result<()> {
        self.opened.finish(records::VERSION).map_err(|error| UpgradeError::Marker(error).of_new_store())
    }
}
