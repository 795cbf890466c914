//! Where histories end, what is left of them, and what their last entries are.
//!
//! The index on box and sequence is walked backwards, one step for each history. For that both keys
//! of the sort have to fall.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};

use super::super::box_id::{BoxId, Side};
use super::super::database::Database;
use super::super::documents::{HOLE, Head, kind_number};
use super::super::fields::{number, text};
use super::super::last_entries::last_entries;
use crate::{EntryKind, Result, Seq};

/// How many histories one command is about.
const HISTORIES_MAX: usize = 512;

/// How many of these commands of one call are under way at once.
const COMMANDS_MAX: usize = 4;

/// Where a history ends, and what is left of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) floor: Seq,
    pub(super) top: Seq,
    /// The time of the last entry, whether it is left or not; 0 if there was none.
    pub(super) last_ms: u64,
    /// The entry at the top, if it is there.
    pub(super) last: Option<LastEntry>,
}

/// What the last entry of a history is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LastEntry {
    /// The number of its kind.
    pub(super) kind: i64,
    /// How many bytes its message has.
    pub(super) bytes: u64,
}

impl Extent {
    /// Returns whether the last entry is there, and a message or a tombstone.
    pub(super) fn ends_with_message(&self) -> bool {
        self.last.is_some_and(|last| is_message(last.kind))
    }

    /// Returns whether the last entry closes a place that was given out in vain.
    pub(super) fn ends_with_hole(&self) -> bool {
        self.last.is_some_and(|last| last.kind == i64::from(HOLE))
    }

    /// Returns whether all that is left is the entry that tells of a purge.
    ///
    /// A purge raises the floor up to itself, so that no other entry has to be looked at.
    pub(super) fn is_purged(&self) -> bool {
        let is_purge = |last: LastEntry| last.kind == i64::from(kind_number(EntryKind::Purge));
        self.floor.next() == self.top && self.last.is_some_and(is_purge)
    }
}

/// The kinds of entries that stand for a message, also where that is gone.
///
/// A closed hole is none: it may be that of a change which came too late.
fn is_message(kind: i64) -> bool {
    [EntryKind::Message, EntryKind::Tombstone].map(|of| i64::from(kind_number(of))).contains(&kind)
}

/// Returns the extents of histories by their ids; those that never had an entry are left out.
///
/// # Errors
///
/// [`Unavailable`](crate::ErrorKind::Unavailable) if the primary does not answer;
/// [`Corrupt`](crate::ErrorKind::Corrupt) if a document cannot be read.
pub(super) async fn read(database: &Database, histories: &[&str]) -> Result<HashMap<String, Extent>> {
    let mut extents = HashMap::with_capacity(histories.len());
    for round in histories.chunks(HISTORIES_MAX * COMMANDS_MAX) {
        let reading: Vec<_> = round.chunks(HISTORIES_MAX).map(|some| read_some(database, some)).collect();
        for part in try_join_all(reading).await? {
            extents.extend(part);
        }
    }
    Ok(extents)
}

async fn read_some(database: &Database, histories: &[&str]) -> Result<HashMap<String, Extent>> {
    let ids: Vec<String> = histories.iter().map(|id| (*id).to_owned()).collect();
    let last_of = |filter| last_of(database, filter);
    let (last_entries, heads) = tokio::try_join!(last_entries(&ids, last_of), heads(database, ids.clone()))?;
    let mut extents = HashMap::<String, Extent>::with_capacity(last_entries.len());
    for document in &last_entries {
        let Some(id) = text(document, "_id") else { continue };
        let top = number(document, "seq").and_then(|seq| Seq::new(seq).ok()).unwrap_or_default();
        if top == Seq::ZERO {
            // The head alone.
            continue;
        }
        let kind = number(document, "kind").and_then(|kind| i64::try_from(kind).ok()).unwrap_or_default();
        let last = Some(LastEntry { kind, bytes: number(document, "bytes").unwrap_or_default() });
        let last_ms = number(document, "at").unwrap_or_default();
        extents.insert(id.to_owned(), Extent { floor: Seq::ZERO, top, last_ms, last });
    }
    for document in &heads {
        let Some(id) = text(document, "id") else { continue };
        let head = Head::read(document, &BoxId::stored(Side::History, id))?;
        with_head(extents.entry(id.to_owned()).or_default(), &head);
    }
    Ok(extents)
}

/// Notes what the head of a history knows of it.
fn with_head(extent: &mut Extent, head: &Head) {
    let top = extent.top.max(head.top).max(head.floor);
    if top > extent.top {
        // What was the last entry is removed.
        (extent.top, extent.last) = (top, None);
    }
    extent.floor = head.floor;
    extent.last_ms = extent.last_ms.max(head.last_at_ms);
}

async fn last_of(database: &Database, filter: Document) -> Result<Vec<RawDocumentBuf>> {
    let pipeline = [
        doc! { "$match": filter },
        doc! { "$sort": { "id": -1, "seq": -1 } },
        doc! { "$group": {
            "_id": "$id",
            "seq": { "$first": "$seq" },
            "at": { "$first": "$at" },
            "kind": { "$first": "$kind" },
            "bytes": { "$first": message_bytes() },
        } },
    ];
    database
        .call(move |collections| async move {
            let found = collections.histories.aggregate(pipeline).with_type::<RawDocumentBuf>();
            found.batch_size(BATCH).await?.try_collect().await
        })
        .await
}

async fn heads(database: &Database, ids: Vec<String>) -> Result<Vec<RawDocumentBuf>> {
    let fields = doc! { "_id": 0, "id": 1, "floor": 1, "top": 1, "last_at": 1 };
    database
        .call(move |collections| async move {
            let histories = collections.histories.clone_with_type::<RawDocumentBuf>();
            let found = histories.find(doc! { "id": { "$in": ids }, "seq": 0_i64 }).projection(fields);
            found.batch_size(BATCH).await?.try_collect().await
        })
        .await
}

/// How many documents one answer of the server has: no command of these finds more.
pub(super) const BATCH: u32 = 2_000;

/// Returns what tells the server to count the bytes of a message, a text or a document.
pub(super) fn message_bytes() -> Bson {
    let is = |name: &str| doc! { "$eq": [{ "$type": "$message" }, name] };
    let branches: [Document; 2] = [
        doc! { "case": is("string"), "then": { "$strLenBytes": "$message" } },
        doc! { "case": is("object"), "then": { "$bsonSize": "$message" } },
    ];
    doc! { "$switch": { "branches": branches.to_vec(), "default": 2 } }.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seq(number: u64) -> Seq {
        Seq::new(number).unwrap()
    }

    fn extent(floor: u64, top: u64, kind: i64) -> Extent {
        let last = Some(LastEntry { kind, bytes: 2 });
        Extent { floor: seq(floor), top: seq(top), last_ms: 9, last }
    }

    #[test]
    fn a_head_says_what_is_gone() {
        let head = |floor, top| Head { floor: seq(floor), top: seq(top), last_at_ms: 7, ..Head::default() };
        let mut left = extent(0, 5, 0);
        with_head(&mut left, &head(3, 4));
        assert_eq!(left, extent(3, 5, 0));
        let mut gone = extent(0, 5, 0);
        with_head(&mut gone, &head(6, 6));
        assert_eq!(gone, Extent { last: None, ..extent(6, 6, 0) });
        let mut alone = Extent::default();
        with_head(&mut alone, &head(6, 8));
        assert_eq!(alone, Extent { last: None, last_ms: 7, ..extent(6, 8, 0) });
    }

    #[test]
    fn a_history_of_a_purge_alone_is_purged() {
        assert!(extent(4, 5, 5).is_purged());
        assert!(!extent(3, 5, 5).is_purged() && !extent(4, 5, 0).is_purged());
        assert!(!Extent { last: None, ..extent(4, 5, 5) }.is_purged());
    }

    #[test]
    fn messages_and_tombstones_stand_for_messages_and_closed_holes_do_not() {
        let ends = [0, 1, 2, 3, 4, 5, 6, 7].map(|kind| extent(0, 5, kind).ends_with_message());
        assert_eq!(ends, [true, false, false, true, false, false, false, false]);
        assert!(extent(0, 5, 6).ends_with_hole() && !extent(0, 5, 3).ends_with_hole());
    }
}
