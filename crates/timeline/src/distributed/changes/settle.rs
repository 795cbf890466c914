//! A change of a message that was begun, from there to its end.

use std::slice;

use mongodb::bson::{Document, doc};

use super::told_entry::{another_place, give_up, of_change, write};
use super::{copies, stored};
use crate::distributed::box_id::BoxId;
use crate::distributed::documents::{EntryDoc, PendingChange, time};
use crate::distributed::send::{Operation, spread};
use crate::distributed::shared::Shared;
use crate::{EntryKind, Result, Seq};

/// Finishes the change that is under way of the message at a place, if there is one.
///
/// Any node may do it at any time, also several at once, and again: each step finds done what
/// somebody else has done.
pub(super) async fn settle(shared: &Shared, history: &BoxId, place: Seq) -> Result<()> {
    loop {
        let (head, message) = stored::head_and_entry(shared, history, place).await?;
        let Some(message) = message else { return Ok(()) };
        let Some(change) = message.change.clone() else { return Ok(()) };
        let told = of_change(history, &message, &change);
        // The order matters: a copy that tells of a change is of an entry that is there.
        let Some(mut told) = write(shared, &head, told).await? else {
            move_place(shared, history, &message, &change).await?;
            continue;
        };
        if change.kind == EntryKind::Edit && message.entry.kind == EntryKind::Message {
            // It is not written, as readers get the latest text; the observer gets this one.
            told.entry.edited = Some(message.entry.message.clone());
        }
        let message = Operation::stored(message)?;
        copies::rewrite(shared, &message, told.seq).await?;
        let told = Operation { entry: told, ..message };
        write_copies(shared, &told).await?;
        return end(shared, history, place, &change).await;
    }
}

/// Writes the copies of an entry that tells of a change.
pub(super) async fn write_copies(shared: &Shared, told: &Operation) -> Result<()> {
    for written in spread(shared, slice::from_ref(told)).await {
        written?;
    }
    Ok(())
}

/// Gives a change another place, as something else has its own.
async fn move_place(
    shared: &Shared,
    history: &BoxId,
    message: &EntryDoc,
    change: &PendingChange,
) -> Result<()> {
    let (place, at_ms) = another_place(shared, history).await?;
    let mut filter = under_way(history, message.seq, change);
    filter.insert("change.place", change.place.to_i64());
    let update = doc! { "$set": {
        "told": place.to_i64(),
        "change.place": place.to_i64(),
        "change.at": time(at_ms),
    } };
    let moved = shared
        .database
        .call(move |collections| async move { collections.histories.update_one(filter, update).await });
    if moved.await?.matched_count == 0 {
        // Somebody else has moved it, or is done with it.
        give_up(shared, history, (place, at_ms)).await;
    }
    Ok(())
}

/// Notes that a change is done.
async fn end(shared: &Shared, history: &BoxId, place: Seq, change: &PendingChange) -> Result<()> {
    let filter = under_way(history, place, change);
    let ended = shared.database.call(move |collections| async move {
        collections.histories.update_one(filter, doc! { "$unset": { "change": "" } }).await
    });
    ended.await.map(drop)
}

/// Returns what finds the message while this change of it is under way.
fn under_way(history: &BoxId, place: Seq, change: &PendingChange) -> Document {
    doc! { "id": history.as_str(), "seq": place.to_i64(), "change._id": change.key.to_bson() }
}
