//! The new store of a salvage.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::super::engine_error::EngineError;
use super::super::opened::Opened;
use super::super::records::Extent;
use super::super::{groups, keys, records, upgrade};
use super::report::Salvaged;
use super::source::{self, EngineRecord, KeyspaceName};
use crate::{Error, ErrorKind, Result, Seq};

/// The new store, and the batch that is being made for it.
pub(super) struct SalvageTarget {
    pub(super) opened: Opened,
    batch: fjall::OwnedWriteBatch,
    bytes: usize,
}

/// How many bytes are written at once.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

impl SalvageTarget {
    /// Begins with a store that counts as one of a salvage until it is finished.
    pub(super) fn new(opened: Opened) -> Self {
        let batch = opened.tables.batch(1);
        Self { opened, batch, bytes: 0 }
    }

    /// Copies every record but those of boxes, which are returned, and notes the first and the last
    /// batch of each keyspace. What is made of groups is made anew from their records.
    pub(super) fn copy(
        &mut self,
        store: &Path,
        numbers: &mut HashMap<KeyspaceName, (u64, u64)>,
        report: &mut Salvaged,
    ) -> Result<HashMap<Vec<u8>, Extent>> {
        let mut last: HashMap<Vec<u8>, (u64, Option<Vec<u8>>)> = HashMap::new();
        // Entries are removed below a floor alone: one that is marked as removed tells where it is.
        let mut floors: HashMap<Vec<u8>, Seq> = HashMap::new();
        // No group is ever removed: whatever names one tells that it was there.
        let mut named: HashSet<Vec<u8>> = HashSet::new();
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
            // Entries are written once and never changed, so their order does not matter. Those
            // that were removed may still be in older tables; what is below a floor is left out
            // later.
            (KeyspaceName::Entries, key) => match (keys::prefix_of(key), keys::sequence_of(key)) {
                (Some(prefix), Ok(sequence)) if record.value.is_none() => {
                    let floor = floors.entry(prefix.to_vec()).or_default();
                    *floor = (*floor).max(sequence);
                    Ok(())
                }
                (Some(_), _) => match record.value {
                    Some(value) => self.put(KeyspaceName::Entries, key, value.to_vec()),
                    None => Ok(()),
                },
                (None, _) => Ok(()),
            },
            (keyspace, key) => match record.value {
                Some(value) => self.put(keyspace, key, value.to_vec()),
                None => Ok(()),
            },
        })?;
        let mut extents = HashMap::new();
        for (key, (_, value)) in last {
            let Some(value) = value else { continue };
            match key.split_first() {
                Some((b'b', prefix)) => {
                    if let Ok(extent) = records::decode_extent(&value) {
                        extents.insert(prefix.to_vec(), extent);
                    }
                }
                Some((b'r', _)) => self.put(KeyspaceName::State, &key, value)?,
                Some((b'o', _)) => {
                    let name = keys::group_in(&key).unwrap_or_default();
                    if self.put_group(&key, &value)? {
                        report.groups += 1;
                        named.remove(name);
                    } else {
                        named.insert(name.to_vec());
                    }
                }
                Some(_) | None => {}
            }
        }
        for (prefix, removed) in floors {
            let extent: &mut Extent = extents.entry(prefix).or_default();
            extent.floor = extent.floor.max(removed);
            extent.top = extent.top.max(removed);
        }
        report.groups_lost = named.len() as u64;
        self.commit()?;
        Ok(extents)
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

    /// Removes an entry that was copied.
    pub(super) fn remove_entry(&mut self, key: &[u8]) -> Result<()> {
        self.bytes += key.len();
        self.batch.remove(&self.opened.tables.entries, key);
        if self.bytes >= BATCH_BYTES { self.commit() } else { Ok(()) }
    }

    pub(super) fn put_extent(&mut self, prefix: &[u8], extent: Extent) -> Result<()> {
        self.put(KeyspaceName::State, &keys::extent(prefix), records::encode_extent(extent))
    }

    fn put(&mut self, keyspace: KeyspaceName, key: &[u8], record: Vec<u8>) -> Result<()> {
        self.bytes += key.len() + record.len();
        let tables = &self.opened.tables;
        let keyspace = match keyspace {
            KeyspaceName::Entries => &tables.entries,
            KeyspaceName::State => &tables.state,
            KeyspaceName::Sends => &tables.sends,
            KeyspaceName::Bodies => &tables.bodies,
        };
        self.batch.insert(keyspace, key, record);
        if self.bytes >= BATCH_BYTES { self.commit() } else { Ok(()) }
    }

    /// Commits what was put.
    pub(super) fn commit(&mut self) -> Result<()> {
        // The batch at hand has the number after `last_batch`, which only rises with the commit
        // below; so this one is the second after it.
        let next = self.opened.tables.batch(self.opened.last_batch + 2);
        let batch = std::mem::replace(&mut self.batch, next);
        self.bytes = 0;
        self.opened.commit(batch).map_err(Self::failed)
    }

    pub(super) fn finish(mut self) -> Result<()> {
        self.opened
            .finish(records::VERSION)
            .map_err(|error| Self::failed(upgrade::UpgradeError::Marker(error)))
    }

    /// Says what a failure of the new store means.
    pub(super) fn failed(failure: upgrade::UpgradeError) -> Error {
        match failure {
            upgrade::UpgradeError::Engine(error) => {
                let error = EngineError::new(error);
                let text = format!("the new store cannot be written or read: {error}");
                Error::with_source(ErrorKind::Unavailable, text, error)
            }
            upgrade::UpgradeError::Marker(error) => {
                let text = format!("the new marker cannot be written: {error}");
                Error::with_source(ErrorKind::Unavailable, text, error)
            }
            upgrade::UpgradeError::Store(error) => error,
        }
    }
}
