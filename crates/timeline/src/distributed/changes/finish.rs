//! What was begun by any node, ended by any node.

use mongodb::bson::{Document, doc};

use super::freeing::free;
use super::settle::{settle, write_copies};
use super::told_entry::{another_place, before, give_up, of_purge, write};
use crate::distributed::box_id::BoxId;
use crate::distributed::clock;
use crate::distributed::documents::{Head, PendingChange, time};
use crate::distributed::send::Operation;
use crate::distributed::shared::Shared;
use crate::distributed::{keeper, read};
use crate::{Error, ErrorKind, Result, Seq};

/// Finishes the change that is under way of a message, if there is one.
///
/// # Errors
///
/// [`Unavailable`](crate::ErrorKind::Unavailable) or
/// [`UnknownOutcome`](crate::ErrorKind::UnknownOutcome) when a step was not confirmed: call it
/// again.
pub(in crate::distributed) async fn finish_change(
    shared: &Shared,
    history: &BoxId,
    place: Seq,
) -> Result<()> {
    settle(shared, history, place).await
}

/// Finishes the purge of a history that is under way, if there is one.
///
/// # Errors
///
/// As [`finish_change`].
pub(in crate::distributed) async fn finish_purge(shared: &Shared, history: &BoxId) -> Result<()> {
    loop {
        let head = read::head(shared, history).await?;
        let Some(purge) = &head.purge else { return Ok(()) };
        let Some(conversation) = history.to_conversation() else {
            let text = format!("the history {history} is purged, but belongs to no conversation");
            return Err(Error::new(ErrorKind::Corrupt, text));
        };
        let told = of_purge(history, &conversation, purge, head.floor);
        let Some(entry) = write(shared, &head, told).await? else {
            move_place(shared, history, purge).await?;
            continue;
        };
        // The order matters: nobody waits at the places of the copies while much is freed.
        write_copies(shared, &Operation { conversation, history: history.clone(), entry }).await?;
        free(shared, history, head.floor).await?;
        keeper::freed(shared, history, head.floor).await;
        return end(shared, history, purge).await;
    }
}

/// Gives a purge another place, as something else has its own.
///
/// What came between was sent before anybody was told of the purge, and is purged as well: whoever
/// reads the purge finds nothing before it.
async fn move_place(shared: &Shared, history: &BoxId, purge: &PendingChange) -> Result<()> {
    let (place, at_ms) = another_place(shared, history).await?;
    let mut filter = under_way(history, purge);
    filter.insert("purge.place", purge.place.to_i64());
    let floor = before(place).to_i64();
    let update = doc! {
        "$set": { "purge.place": place.to_i64(), "purge.at": time(at_ms), "floor_at": time(clock::unix_ms()) },
        "$max": { "floor": floor, "top": floor, "last_at": time(at_ms) },
    };
    let moved = shared
        .database
        .call(move |collections| async move { collections.histories.update_one(filter, update).await });
    if moved.await?.matched_count == 0 {
        give_up(shared, history, (place, at_ms)).await;
    }
    Ok(())
}

/// Notes that a purge is done.
async fn end(shared: &Shared, history: &BoxId, purge: &PendingChange) -> Result<()> {
    let filter = under_way(history, purge);
    let ended = shared.database.call(move |collections| async move {
        collections.histories.update_one(filter, doc! { "$unset": { "purge": "" } }).await
    });
    ended.await.map(drop)
}

/// Returns what finds the head while this purge is under way.
fn under_way(history: &BoxId, purge: &PendingChange) -> Document {
    let mut filter = Head::filter(history);
    filter.insert("purge._id", purge.key.to_bson());
    filter
}
