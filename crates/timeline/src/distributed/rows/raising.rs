//! How cursors rise, and who is told.

use std::collections::HashMap;

use mongodb::bson::doc;

use super::super::call_end;
use super::super::documents::RowDoc;
use super::super::entry_id::EntryId;
use super::super::shared::Shared;
use super::find::find;
use super::updates::update_each;
use crate::conversation::peer_of;
use crate::{Error, ReadCursor, Result, Seq};

/// What became of cursors that were to rise.
#[derive(Debug, Default)]
pub(super) struct Raised {
    /// The rows as a majority has them then; another node may have raised them further.
    pub(super) rows: HashMap<EntryId, RowDoc>,
    /// Those that MongoDB refuses to raise, whenever it is asked.
    pub(super) refused: HashMap<EntryId, Error>,
}

/// Raises cursors with one command. It may be repeated.
///
/// # Errors
///
/// [`Unavailable`](crate::ErrorKind::Unavailable): some may have risen, or rise later.
pub(super) async fn raise(shared: &Shared, cursors: &[(EntryId, Seq)]) -> Result<Raised> {
    let statement = |(row, to): &(EntryId, Seq)| {
        doc! { "q": { "_id": row.to_bson() }, "u": { "$max": { "read": to.to_i64() } } }
    };
    let statements: Vec<_> = cursors.iter().map(statement).collect();
    let end = call_end::end(shared.config.timeout);
    let refused = update_each(&shared.database, &statements, end).await?;
    let refused =
        refused.into_iter().filter_map(|refused| Some((cursors.get(refused.index)?.0, refused.error)));
    let rows: Vec<_> = cursors.iter().map(|(row, _)| *row).collect();
    Ok(Raised { refused: refused.collect(), rows: find(&shared.database, &rows).await? })
}

/// Tells of a cursor that rose: the reader, and in a pair the other member.
pub(super) fn tell(shared: &Shared, cursor: &ReadCursor) {
    let ReadCursor { member, conversation, .. } = cursor;
    for told in [Some(member), peer_of(conversation, member)].into_iter().flatten() {
        shared.teller.read(cursor, told);
    }
}
