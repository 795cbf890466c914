//! How cursors rise, and who is told.

use std::collections::HashMap;

use mongodb::bson::doc;

use super::super::call_end;
use super::super::documents::RowDoc;
use super::super::entry_id::EntryId;
use super::super::shared::Shared;
use super::find::find;
use super::updates::update;
use crate::conversation::peer_of;
use crate::{ReadCursor, Result, Seq};

/// Raises cursors with one command, and returns their rows as a majority has them then.
///
/// Another node may have raised them further. It may be repeated.
///
/// # Errors
///
/// [`Unavailable`](crate::ErrorKind::Unavailable): some may have risen, or rise later.
pub(super) async fn raise(shared: &Shared, cursors: &[(EntryId, Seq)]) -> Result<HashMap<EntryId, RowDoc>> {
    let statement = |(row, to): &(EntryId, Seq)| {
        doc! { "q": { "_id": row.to_bson() }, "u": { "$max": { "read": to.to_i64() } } }
    };
    let statements: Vec<_> = cursors.iter().map(statement).collect();
    update(&shared.database, &statements, call_end::end(shared.config.timeout)).await?;
    let rows: Vec<_> = cursors.iter().map(|(row, _)| *row).collect();
    find(&shared.database, &rows).await
}

/// Tells of a cursor that rose: the reader, and in a pair the other member.
pub(super) fn tell(shared: &Shared, cursor: &ReadCursor) {
    let ReadCursor { member, conversation, .. } = cursor;
    for told in [Some(member), peer_of(conversation, member)].into_iter().flatten() {
        shared.teller.read(cursor, told);
    }
}
