//! How far members have received their inboxes.

use std::sync::Arc;

use mongodb::bson::doc;

use super::ack;
use super::box_id::BoxId;
use super::read;
use super::shared::Shared;
use crate::{MemberId, Result, Seq};

/// Raises a member's cursor, as [`Store::received`](crate::Store::received) does.
pub(super) async fn raise(shared: &Arc<Shared>, member: &MemberId, sequence: Seq) -> Result<Seq> {
    let inbox = BoxId::inbox(member);
    let head = read::check_reaches(shared, &inbox, sequence).await?;
    if sequence <= head.received {
        return Ok(head.received);
    }
    let before = ack::raise(shared, &inbox, &doc! { "received": sequence.to_i64() }).await?;
    Ok(before.received.max(sequence))
}

/// Returns a member's cursor, 0 if there is none.
pub(super) async fn of(shared: &Shared, member: &MemberId) -> Result<Seq> {
    Ok(read::head(shared, &BoxId::inbox(member)).await?.received)
}
