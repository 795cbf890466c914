//! Rows as they are read.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use mongodb::bson::{Bson, Document, RawDocumentBuf, doc};

use super::super::database::Database;
use super::super::documents::RowDoc;
use super::super::entry_id::EntryId;
use crate::{MemberId, Result};

/// How many rows one answer of the server has at most; the driver's own 101 are few for a list.
const BATCH: u32 = 5_000;

/// Returns rows by their `_id`s; those that are not there are left out.
///
/// # Errors
///
/// [`Unavailable`](crate::ErrorKind::Unavailable) if the primary does not answer;
/// [`Corrupt`](crate::ErrorKind::Corrupt) if a row cannot be read. It is so for all that reads.
pub(in crate::distributed) async fn find(
    database: &Database,
    keys: &[EntryId],
) -> Result<HashMap<EntryId, RowDoc>> {
    if keys.is_empty() {
        return Ok(HashMap::new());
    }
    let ids: Vec<Bson> = keys.iter().map(|key| key.to_bson()).collect();
    let found = documents(database, doc! { "_id": { "$in": ids } }, None).await?;
    let mut rows = HashMap::with_capacity(found.len());
    for document in &found {
        // Each was asked for by an `_id` of this kind.
        if let Some(id) = document.get("_id").ok().flatten().and_then(EntryId::read) {
            rows.insert(id, RowDoc::read(document)?);
        }
    }
    Ok(rows)
}

/// Returns rows of a member in the order of their histories, those behind `after` if it is given.
pub(in crate::distributed) async fn find_of(
    database: &Database,
    member: &MemberId,
    after: Option<&str>,
    most: usize,
) -> Result<Vec<RowDoc>> {
    let mut filter = doc! { "member": member.as_str() };
    if let Some(after) = after {
        filter.insert("id", doc! { "$gt": after });
    }
    let found = documents(database, filter, Some(most)).await?;
    found.iter().map(|document| RowDoc::read(document)).collect()
}

/// Returns the rows of a member in all conversations that they have not left.
pub(in crate::distributed) async fn find_present(
    database: &Database,
    member: &MemberId,
) -> Result<Vec<RowDoc>> {
    let filter = doc! { "member": member.as_str(), "left": { "$ne": true } };
    let found = documents(database, filter, None).await?;
    found.iter().map(|document| RowDoc::read(document)).collect()
}

async fn documents(
    database: &Database,
    filter: Document,
    first: Option<usize>,
) -> Result<Vec<RawDocumentBuf>> {
    database
        .call(move |collections| async move {
            let rows = collections.rows.clone_with_type::<RawDocumentBuf>();
            let found = rows.find(filter).batch_size(BATCH);
            let found = match first {
                Some(most) => found.sort(doc! { "id": 1 }).limit(i64::try_from(most).unwrap_or(i64::MAX)),
                None => found,
            };
            found.await?.try_collect().await
        })
        .await
}
