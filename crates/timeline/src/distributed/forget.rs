//! What goes when a member goes for ever.

use mongodb::bson::doc;

use super::box_id::{BoxId, Side};
use super::documents::Head;
use super::shared::Shared;
use super::{ack, keeper, tops};
use crate::{MemberId, Result, Seq};

/// Removes what is kept for a member alone.
///
/// Other nodes are told, as they know rows of the member. One that does not hear it does not enter
/// such a row again for five minutes.
///
/// # Errors
///
/// [`Unavailable`](crate::ErrorKind::Unavailable): some of it may be removed. Repeated, it goes on
/// where it ended.
pub(super) async fn forget(shared: &Shared, member: &MemberId) -> Result<()> {
    let inbox = BoxId::inbox(member);
    let tops = tops::read(&shared.database, Side::Inbox, &[inbox.as_str()]).await?;
    let top = tops.get(inbox.as_str()).map_or(Seq::ZERO, |top| top.seq);
    if top > Seq::ZERO {
        free(shared, member, &inbox, top).await?;
    }
    let (filter, cursor) = (Head::filter(&inbox), doc! { "$unset": { "received": "" } });
    let removed = shared
        .database
        .call(move |collections| async move { collections.inboxes.update_one(filter, cursor).await });
    removed.await?;
    // The order matters: the rows are what a deletion of the member goes by, when it is repeated.
    let filter = doc! { "member": member.as_str() };
    let removed =
        shared.database.call(move |collections| async move { collections.rows.delete_many(filter).await });
    let removed = removed.await;
    // Also where it is unknown whether they were removed: the next send looks.
    shared.rows.forget([member]);
    shared.teller.forgotten(member);
    removed.map(drop)
}

/// Frees an inbox to its end, which stays its top.
///
/// A copy that was on its way lands below the floor: the inbox was freed of it, too.
async fn free(shared: &Shared, member: &MemberId, inbox: &BoxId, top: Seq) -> Result<()> {
    let before = ack::raise_floor(shared, Side::Inbox, inbox, top).await?;
    keeper::freed(shared, inbox, top).await;
    if before < top {
        shared.teller.freed(member);
    }
    Ok(())
}
