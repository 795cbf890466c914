//! Entries of many histories at once.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use mongodb::bson::{Document, RawDocumentBuf, doc};

use super::super::box_id::Side;
use super::super::database::Database;
use super::super::documents::EntryDoc;
use super::super::fields::number;
use super::extents::BATCH;
use crate::{Entry, Result, Seq};

/// How many histories one command is about that reads last entries.
const HISTORIES_MAX: usize = 512;

/// How many places one command names: the server plans each for itself.
const PLACES_MAX: usize = 100;

/// The fields of an entry that are not read: they may be thousands, and nobody here needs them.
const LEFT_OUT: [&str; 3] = ["members", "seqs", "change"];

/// A place in a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) history: String,
    pub(super) seq: Seq,
    /// Whether it was the last one of the history a moment ago.
    pub(super) was_last: bool,
}

/// Returns the entries at places, one of a history, by their histories.
///
/// Those that are gone meanwhile are left out.
///
/// # Errors
///
/// [`Unavailable`](crate::ErrorKind::Unavailable) if the primary does not answer;
/// [`Corrupt`](crate::ErrorKind::Corrupt) if an entry cannot be read.
pub(super) async fn read(database: &Database, places: &[Place]) -> Result<HashMap<String, Entry>> {
    let wanted: HashMap<_, _> = places.iter().map(|place| (place.history.as_str(), place.seq)).collect();
    let last: Vec<_> = places.iter().filter(|place| place.was_last).collect();
    let reading: Vec<_> = last.chunks(HISTORIES_MAX).map(|some| read_last(database, some)).collect();
    let mut entries = HashMap::with_capacity(places.len());
    for document in try_join_all(reading).await?.iter().flatten() {
        // What has no sequence is nobody's last entry, though it comes behind all.
        if number(document, "seq").is_none() {
            continue;
        }
        let found = EntryDoc::read(document, Side::History)?;
        // A history that has grown meanwhile is read below.
        if wanted.get(found.boxed.as_str()) == Some(&found.seq) {
            entries.insert(found.boxed, found.entry);
        }
    }
    let others: Vec<_> = places.iter().filter(|place| !entries.contains_key(&place.history)).collect();
    let reading: Vec<_> = others.chunks(PLACES_MAX).map(|some| read_places(database, some)).collect();
    for document in try_join_all(reading).await?.iter().flatten() {
        let found = EntryDoc::read(document, Side::History)?;
        entries.insert(found.boxed, found.entry);
    }
    Ok(entries)
}

async fn read_last(database: &Database, places: &[&Place]) -> Result<Vec<RawDocumentBuf>> {
    let ids: Vec<_> = places.iter().map(|place| place.history.clone()).collect();
    let left_out: Vec<_> = LEFT_OUT.iter().map(|field| format!("last.{field}")).collect();
    let pipeline = [
        doc! { "$match": { "id": { "$in": ids } } },
        doc! { "$sort": { "id": -1, "seq": -1 } },
        doc! { "$group": { "_id": "$id", "last": { "$first": "$$ROOT" } } },
        doc! { "$unset": left_out },
        doc! { "$replaceRoot": { "newRoot": "$last" } },
    ];
    database
        .call(move |collections| async move {
            let found = collections.histories.aggregate(pipeline).batch_size(BATCH);
            found.with_type::<RawDocumentBuf>().await?.try_collect().await
        })
        .await
}

async fn read_places(database: &Database, places: &[&Place]) -> Result<Vec<RawDocumentBuf>> {
    let place = |place: &&Place| doc! { "id": place.history.as_str(), "seq": place.seq.to_i64() };
    let filters: Vec<_> = places.iter().map(place).collect();
    let mut fields = Document::new();
    for field in LEFT_OUT {
        fields.insert(field, 0);
    }
    database
        .call(move |collections| async move {
            let histories = collections.histories.clone_with_type::<RawDocumentBuf>();
            let found = histories.find(doc! { "$or": filters }).projection(fields);
            found.batch_size(BATCH).await?.try_collect().await
        })
        .await
}
