//! What the tables of a tree say, read one by one without opening the tree.
//!
//! The engine removes every table and every manifest that `current` does not name when it opens a
//! tree. After a `current` was put back from an older copy those are the newer ones, so no tree is
//! opened before it is known that nothing is missing. A single table is only read.
//!
//! Source: lsm-tree 3.1, `src/tree/mod.rs`, `src/table/mod.rs`.

use std::path::Path;
use std::sync::Arc;

use lsm_tree::{Cache, Checksum, InternalValue, SeqNo, Slice, Table, ValueType};
use xxhash_rust::xxh3::xxh3_64;

use super::tree::{self, NamedTable};

/// What the tables of a tree have.
#[derive(Debug)]
pub(super) struct Persisted {
    /// The highest of the engine's numbers; `None` without tables.
    pub(super) engine: Option<u64>,
    /// The newest record of each key that was asked for, in their order.
    pub(super) records: Vec<Option<Slice>>,
}

impl Persisted {
    /// Reads the tables that the manifest of a folder names. Changes nothing.
    pub(super) fn read(folder: &Path, keys: &[&[u8]]) -> lsm_tree::Result<Self> {
        let cache = Arc::new(Cache::with_capacity_bytes(CACHE_BYTES));
        let mut engine: Option<u64> = None;
        let mut newest: Vec<Option<InternalValue>> = vec![None; keys.len()];
        for NamedTable { id, check, number } in tree::named(folder)? {
            let path = folder.join("tables").join(id.to_string());
            let check = Checksum::from_raw(check);
            // Each table is closed before the next is opened, as there may be more of them than a
            // process may have open.
            let table = Table::recover(path, check, number, TREE, Arc::clone(&cache), None, false, true)?;
            // The cache knows a table by the id in it.
            if table.id() != id {
                return Err(lsm_tree::Error::Unrecoverable);
            }
            engine = engine.max(Some(table.get_highest_seqno()));
            for (key, newest) in keys.iter().zip(&mut newest) {
                if !table.metadata.key_range.contains_key(key) {
                    continue;
                }
                if let Some(found) = table.get(key, SeqNo::MAX, xxh3_64(key))?
                    && newest.as_ref().is_none_or(|newest| newest.key.seqno < found.key.seqno)
                {
                    *newest = Some(found);
                }
            }
        }
        let value =
            |record: InternalValue| (record.key.value_type == ValueType::Value).then_some(record.value);
        Ok(Self { engine, records: newest.into_iter().map(|newest| newest.and_then(value)).collect() })
    }
}

/// What the engine calls the tree in its cache, in which there is no other one.
const TREE: u64 = 0;

/// Enough for the blocks of a table that are looked at more than once.
const CACHE_BYTES: u64 = 4 * 1024 * 1024;
