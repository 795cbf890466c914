//! The ends of boxes, as a majority has them.
//!
//! The index on box and sequence is walked backwards, one step for each box, whatever is in them:
//!
//! ```text
//! {$match: {id: {$in: […]}}}  {$sort: {id: -1, seq: -1}}  {$group: {_id: "$id", seq: {$first: "$seq"}, at: …}}
//! ```
//!
//! The order of the sort matters. With `{id: 1, seq: -1}`, and with `$last`, MongoDB 6 reads every
//! entry of the boxes.

use std::collections::HashMap;

use futures_util::future::join_all;
use mongodb::Collection;
use mongodb::bson::{Document, RawDocument, RawDocumentBuf, doc};
use mongodb::error::Result as DriverResult;

use super::box_id::{BoxId, Side};
use super::database::Database;
use super::documents::Head;
use super::fields::{number, text};
use super::last_entries::last_entries;
use crate::{Error, ErrorKind, Result, Seq};

/// Where a box ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Top {
    /// The highest sequence that was ever used, as far as the store knows.
    ///
    /// It is that of the last entry or, where that is gone, what the head remembers.
    pub(super) seq: Seq,
    /// The time of the last entry, in milliseconds since 1970.
    pub(super) at_ms: u64,
    pub(super) floor: Seq,
}

/// How many boxes one command is about.
const BOXES_MAX: usize = 512;

/// More than one answer has, so that each comes whole.
const BATCH: u32 = 1_000;

/// How many commands of one call are under way at once.
const COMMANDS_MAX: usize = 4;

/// Returns the ends of boxes of one side, by their ids; boxes with nothing in them are left out.
///
/// # Errors
///
/// [`Unavailable`](ErrorKind::Unavailable) if the primary does not answer;
/// [`Corrupt`](ErrorKind::Corrupt) if a document cannot be read.
pub(super) async fn read(database: &Database, side: Side, ids: &[&str]) -> Result<HashMap<String, Top>> {
    let mut tops = HashMap::with_capacity(ids.len());
    for round in ids.chunks(BOXES_MAX * COMMANDS_MAX) {
        let reading: Vec<_> = round.chunks(BOXES_MAX).map(|ids| read_some(database, side, ids)).collect();
        for part in join_all(reading).await {
            tops.extend(part?);
        }
    }
    Ok(tops)
}

/// Returns the ends of boxes of both sides, in their order.
///
/// # Errors
///
/// As [`read`].
pub(super) async fn read_all(database: &Database, boxes: &[&BoxId]) -> Result<Vec<Top>> {
    let (inboxes, histories) = (ids_of(boxes, Side::Inbox), ids_of(boxes, Side::History));
    let (inboxes, histories) =
        tokio::join!(read(database, Side::Inbox, &inboxes), read(database, Side::History, &histories));
    let (inboxes, histories) = (inboxes?, histories?);
    let top = |boxed: &&BoxId| {
        let side = match boxed.side() {
            Side::Inbox => &inboxes,
            Side::History => &histories,
        };
        side.get(boxed.as_str()).copied().unwrap_or_default()
    };
    Ok(boxes.iter().map(top).collect())
}

fn ids_of<'a>(boxes: &[&'a BoxId], side: Side) -> Vec<&'a str> {
    boxes.iter().filter(|boxed| boxed.side() == side).map(|boxed| boxed.as_str()).collect()
}

async fn read_some(database: &Database, side: Side, ids: &[&str]) -> Result<HashMap<String, Top>> {
    let ids: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    let reading =
        database.call(move |collections| async move { both(collections.entries_of(side), &ids).await });
    let (last_entries, heads) = reading.await?;
    let mut tops = HashMap::<String, Top>::with_capacity(last_entries.len());
    for document in &last_entries {
        let id = text(document, "_id").ok_or_else(|| unreadable(side, "?"))?;
        let seq = number(document, "seq").and_then(|seq| Seq::new(seq).ok());
        let seq = seq.ok_or_else(|| unreadable(side, id))?;
        // Readers take the time of one of the Go service from its `_id`, and what follows it must
        // not be earlier.
        let of_key = || of_key(document).filter(|_| seq > Seq::ZERO);
        let at_ms = number(document, "at").filter(|at_ms| *at_ms > 0).or_else(of_key).unwrap_or(0);
        tops.insert(id.to_owned(), Top { seq, at_ms, floor: Seq::ZERO });
    }
    for document in &heads {
        let id = text(document, "id").ok_or_else(|| unreadable(side, "?"))?;
        let head = Head::read(document, &BoxId::stored(side, id))?;
        let top = tops.entry(id.to_owned()).or_default();
        top.seq = top.seq.max(head.top).max(head.floor);
        top.at_ms = top.at_ms.max(head.last_at_ms);
        top.floor = head.floor;
    }
    Ok(tops)
}

/// Returns the last entries, as the pipeline gives them, and the heads.
async fn both(
    entries: &Collection<Document>,
    ids: &[String],
) -> DriverResult<(Vec<RawDocumentBuf>, Vec<RawDocumentBuf>)> {
    // Both are waited for: a future of the driver is not dropped half-way.
    let last_of = |filter| last_of(entries, filter);
    let (last_entries, heads) = tokio::join!(last_entries(ids, last_of), heads(entries, ids));
    Ok((last_entries?, heads?))
}

async fn last_of(entries: &Collection<Document>, filter: Document) -> DriverResult<Vec<RawDocumentBuf>> {
    let pipeline = [
        doc! { "$match": filter },
        doc! { "$sort": { "id": -1, "seq": -1 } },
        doc! { "$group": {
            "_id": "$id",
            "seq": { "$first": "$seq" },
            "at": { "$first": "$at" },
            "key": { "$first": "$_id" },
        } },
    ];
    let mut cursor = entries.aggregate(pipeline).batch_size(BATCH).await?;
    let mut found = Vec::new();
    while cursor.advance().await? {
        found.push(cursor.current().to_owned());
    }
    Ok(found)
}

async fn heads(entries: &Collection<Document>, ids: &[String]) -> DriverResult<Vec<RawDocumentBuf>> {
    let fields = doc! { "_id": 0, "id": 1, "floor": 1, "top": 1, "last_at": 1 };
    let heads = entries.find(doc! { "id": { "$in": ids }, "seq": 0_i64 });
    let mut cursor = heads.projection(fields).batch_size(BATCH).await?;
    let mut found = Vec::new();
    while cursor.advance().await? {
        found.push(cursor.current().to_owned());
    }
    Ok(found)
}

/// Returns the time that the `_id` of an entry of the Go service has, in milliseconds since 1970.
fn of_key(document: &RawDocument) -> Option<u64> {
    let id = document.get_object_id("key").ok()?;
    u64::try_from(id.timestamp().timestamp_millis()).ok()
}

/// The error of a box whose end is no sequence: what is given out next could be in use already.
fn unreadable(side: Side, id: &str) -> Error {
    let text = format!(
        "the last entry of the {side} {id:?} has no usable `id` and `seq`; restore it from a backup, or \
         remove it"
    );
    Error::new(ErrorKind::Corrupt, text)
}
