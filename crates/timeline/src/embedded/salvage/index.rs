//! Whether the index of what is no message fits the entries.
//!
//! It is written in one batch with its entry and removed with it, so an entry that it names and
//! that is not there was lost. A row of a conversation that has no history is none: a group has
//! rows before its first message.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::super::{keys, records};
use super::report::Salvaged;
use super::source::{self, KeyspaceName};
use crate::Seq;
use crate::conversation::Parties;

/// Returns what is wrong with the index of a store whose tables are whole. Blocks.
///
/// It reads all tables of the entries, and holds the index and the record of each history in
/// memory: about 200 bytes for each.
pub(in crate::embedded) fn index_problem(directory: &Path) -> Option<String> {
    let store = directory.join("store");
    // Whatever cannot be read was told before.
    let mut unread = Salvaged::default();
    let mut newest: HashMap<Vec<u8>, (u64, Option<Vec<u8>>)> = HashMap::new();
    let read = source::read_of(&store, KeyspaceName::State, &mut unread, |record| {
        let is_older = newest.get(record.key).is_some_and(|(number, _)| *number > record.number);
        if matches!(record.key, [b'e', ..] | [b'b', b'g' | b's', ..]) && !is_older {
            newest.insert(record.key.to_vec(), (record.number, record.value.map(<[u8]>::to_vec)));
        }
        Ok(())
    });
    read.ok()?;
    let mut missing: HashSet<Vec<u8>> = newest
        .iter()
        .filter(|(_, (_, record))| record.is_some())
        .filter_map(|(key, _)| key.strip_prefix(b"e"))
        .filter(|entry| is_above_floor(&newest, entry))
        .map(<[u8]>::to_vec)
        .collect();
    let read = source::read_of(&store, KeyspaceName::Entries, &mut unread, |record| {
        if record.value.is_some() {
            missing.remove(record.key);
        }
        Ok(())
    });
    read.ok()?;
    missing.into_iter().min().map(|entry| problem(&entry))
}

/// Returns whether an entry is one that its history has: what is at or below the floor is being
/// removed, with the index.
fn is_above_floor(newest: &HashMap<Vec<u8>, (u64, Option<Vec<u8>>)>, entry: &[u8]) -> bool {
    let Some(prefix) = keys::prefix_of(entry) else { return false };
    let extent = newest.get(&keys::extent(prefix)).and_then(|(_, record)| record.as_deref());
    let floor = extent.and_then(|record| records::decode_extent(record).ok()).map(|extent| extent.floor);
    keys::sequence_of(entry).is_ok_and(|place| place > floor.unwrap_or(Seq::ZERO))
}

fn problem(entry: &[u8]) -> String {
    let place = keys::sequence_of(entry).unwrap_or_default();
    let conversation = keys::prefix_of(entry).and_then(|prefix| keys::conversation(prefix).ok());
    let of = match conversation.as_ref().map(|conversation| conversation.parties()) {
        Some(Parties::Pair(one, other)) => format!("the history of {one} and {other}"),
        Some(Parties::Group(group)) => format!("the history of the group {group}"),
        None => "a history".to_owned(),
    };
    format!("the entry {place} of {of} is missing, which the index names")
}
