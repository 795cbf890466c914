//! Places of histories that are held while a group is created.
//!
//! A group that takes over no history holds the first place of it by a claim while it is created. A
//! send that comes meanwhile waits, and is in the history after the creation.

use mongodb::bson::{RawDocumentBuf, doc};

use super::operation::Operation;
use crate::distributed::box_id::Side;
use crate::distributed::clock;
use crate::distributed::documents::{CLAIM, EntryDoc};
use crate::distributed::shared::Shared;
use crate::{Result, Seq};

/// How old a claim is whose node must have died.
const AGE_MAX_MS: u64 = 10_000;

/// Returns whether an operation whose place was taken is to be tried there again.
///
/// That is so if a claim has the place, or nobody any more. The entry gets a later time, which is
/// not before that of the group.
pub(super) async fn waits(shared: &Shared, operation: &mut Operation) -> Result<bool> {
    let place = operation.entry.seq;
    // Claims are made nowhere else.
    if place != Seq::ZERO.next() {
        return Ok(false);
    }
    let filter = doc! { "id": operation.history.as_str(), "seq": place.to_i64() };
    let holder = shared.database.call(move |collections| async move {
        collections.histories.clone_with_type::<RawDocumentBuf>().find_one(filter).await
    });
    let holder = holder.await?.map(|document| EntryDoc::read(&document, Side::History)).transpose()?;
    let now_ms = clock::unix_ms();
    if let Some(holder) = holder {
        if !holder.is_claim {
            return Ok(false);
        }
        if holder.entry.at_ms.saturating_add(AGE_MAX_MS) < now_ms {
            remove(shared, &holder).await?;
        }
    }
    operation.move_entry(place, now_ms.max(operation.entry.entry.at_ms));
    Ok(true)
}

async fn remove(shared: &Shared, claim: &EntryDoc) -> Result<()> {
    let filter = doc! {
        "id": &claim.boxed, "seq": claim.seq.to_i64(), "_id": claim.key.to_bson(), "kind": CLAIM,
    };
    tracing::info!("a group was being created when its node died; the claim of {} is removed", claim.boxed);
    let deleted = shared
        .database
        .call(move |collections| async move { collections.histories.delete_one(filter).await.map(drop) });
    deleted.await
}
