//! Everything that can be read of the engine's files, whatever else is damaged.
//!
//! Tables are read block by block and journals batch by batch, each with its own checksum;
//! manifests and indexes, which say where these are, are not needed. Behind a damaged place reading
//! goes on at the next block or batch.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use lsm_tree::table::block::BlockType;
use lsm_tree::table::block::decoder::ParsedItem as _;
use lsm_tree::table::{Block, DataBlock};
use lsm_tree::{CompressionType, InternalValue, ValueType};

use super::super::inspect::files::Files;
use super::super::inspect::journal;
use super::report::Salvaged;
use crate::Result;

/// One record, with the engine's number: the highest of a key counts.
pub(super) struct EngineRecord<'a> {
    pub(super) keyspace: KeyspaceName,
    pub(super) key: &'a [u8],
    pub(super) value: Option<&'a [u8]>,
    pub(super) number: u64,
}

/// The keyspaces whose records are copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum KeyspaceName {
    Entries,
    State,
    Sends,
    Bodies,
}

impl KeyspaceName {
    /// The folder that every version gives it.
    pub(super) fn folder(self) -> u64 {
        match self {
            Self::Entries => 1,
            Self::State => 2,
            Self::Sends => 3,
            Self::Bodies => 4,
        }
    }
}

/// Reads all records of a store, those of tables first.
pub(super) fn read(
    store: &Path,
    report: &mut Salvaged,
    visit: impl FnMut(&EngineRecord<'_>) -> Result<()>,
) -> Result<()> {
    read_if(store, |_| true, report, visit)
}

/// Reads all records of one keyspace.
pub(super) fn read_of(
    store: &Path,
    keyspace: KeyspaceName,
    report: &mut Salvaged,
    visit: impl FnMut(&EngineRecord<'_>) -> Result<()>,
) -> Result<()> {
    read_if(store, |name| name == keyspace, report, visit)
}

fn read_if(
    store: &Path,
    is_wanted: impl Fn(KeyspaceName) -> bool,
    report: &mut Salvaged,
    mut visit: impl FnMut(&EngineRecord<'_>) -> Result<()>,
) -> Result<()> {
    let files = match Files::list(store) {
        Ok(files) => files,
        Err(error) => {
            report.problem(store, error);
            return Ok(());
        }
    };
    let names = names(store, report);
    let name = |id: u64| names.get(&id).copied().or_else(|| by_order(id)).filter(|name| is_wanted(*name));
    // A batch may be in a journal and in tables at once, so the same record may come twice.
    for id in &files.keyspaces {
        let Some(keyspace) = name(*id) else { continue };
        for path in tables(store, *id, report) {
            let mut result = Ok(());
            read_table(&path, report, |item| {
                if result.is_ok() {
                    let value = (item.key.value_type == ValueType::Value).then_some(&*item.value);
                    let (key, number) = (&*item.key.user_key, item.key.seqno);
                    result = visit(&EngineRecord { keyspace, key, value, number });
                }
            });
            result?;
        }
    }
    for (_, path) in &files.journals {
        let mut result = Ok(());
        let read = journal::read_all(path, |batch| {
            for item in &batch.items {
                if let Some(keyspace) = name(item.keyspace)
                    && result.is_ok()
                {
                    let (key, value, number) = (item.key, item.value, batch.engine_number);
                    result = visit(&EngineRecord { keyspace, key, value, number });
                }
            }
        });
        match read {
            Ok(0) => {}
            Ok(bytes) => report.problem(path, format_args!("{bytes} bytes are not a complete batch")),
            Err(error) => report.problem(path, error),
        }
        result?;
    }
    Ok(())
}

/// The keyspace of a folder, by the order in which every version made them.
fn by_order(id: u64) -> Option<KeyspaceName> {
    let all = [KeyspaceName::Entries, KeyspaceName::State, KeyspaceName::Sends, KeyspaceName::Bodies];
    all.into_iter().find(|keyspace| keyspace.folder() == id)
}

/// Reads the engine's list of keyspaces.
fn names(store: &Path, report: &mut Salvaged) -> HashMap<u64, KeyspaceName> {
    let mut names = HashMap::new();
    for path in tables(store, 0, report) {
        read_table(&path, report, |item| {
            let Some((b'n', id)) = item.key.user_key.split_first() else { return };
            let Ok(id) = id.try_into().map(u64::from_be_bytes) else { return };
            let keyspace = match &*item.value {
                b"entries" => KeyspaceName::Entries,
                b"state" => KeyspaceName::State,
                b"sends" => KeyspaceName::Sends,
                b"bodies" => KeyspaceName::Bodies,
                _ => return,
            };
            names.insert(id, keyspace);
        });
    }
    names
}

fn tables(store: &Path, id: u64, report: &mut Salvaged) -> Vec<std::path::PathBuf> {
    let folder = store.join("keyspaces").join(id.to_string()).join("tables");
    let list = || -> io::Result<Vec<_>> {
        let mut paths: Vec<_> =
            fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
        paths.sort_unstable();
        Ok(paths)
    };
    list().unwrap_or_else(|error| {
        // The engine's own list of keyspaces holds no messages, and their order says the same.
        if id != 0 || error.kind() != io::ErrorKind::NotFound {
            report.problem(&folder, error);
        }
        Vec::new()
    })
}

/// What the header of a block begins with.
const BLOCK: &[u8] = b"LSM\x03";

/// What the table of contents begins with, behind the last block.
const CONTENTS: &[u8] = b"TOC!";

/// How many bytes may lie between two blocks: the version of the table, before its last one.
///
/// Source: lsm-tree 3.1, `src/table/writer/mod.rs`.
const BETWEEN_BYTES: usize = 1;

fn read_table(path: &Path, report: &mut Salvaged, mut visit: impl FnMut(&InternalValue)) {
    // A table is as long as a memtable at most, 64 MiB, so it is read whole.
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => return report.problem(path, error),
    };
    // A block whose first bytes are damaged is not found, and one that was cut off is not there, so
    // what lies between blocks and behind them is looked at as well.
    let (mut at, mut is_told) = (0, false);
    while let Some(found) = bytes[at..].windows(BLOCK.len()).position(|window| window == BLOCK) {
        if found > BETWEEN_BYTES && !is_told {
            report.problem(path, format_args!("the {found} bytes from {at} on are not a block"));
        }
        at += found;
        let mut rest = &bytes[at..];
        // A header that is whole is believed by the engine, also when the block is not.
        let items = catch_unwind(AssertUnwindSafe(|| {
            let block = Block::from_reader(&mut rest, CompressionType::None).ok()?;
            if block.header.block_type != BlockType::Data {
                return Some(Vec::new());
            }
            let block = DataBlock::new(block);
            Some(block.iter().map(|item| item.materialize(block.as_slice())).collect())
        }));
        let after = bytes.len() - rest.len();
        match items {
            Ok(Some(items)) => {
                items.iter().for_each(&mut visit);
                (at, is_told) = (after, false);
            }
            Ok(None) | Err(_) => {
                report.problem(path, format_args!("the block at byte {at} is damaged"));
                (at, is_told) = (at + BLOCK.len(), true);
            }
        }
    }
    if !is_told && !bytes[at..].starts_with(CONTENTS) {
        report.problem(path, format_args!("what follows its {at} bytes of blocks is damaged, or missing"));
    }
}
