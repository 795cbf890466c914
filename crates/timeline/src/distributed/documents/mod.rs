//! The shapes of documents.
//!
//! Entries and the heads of boxes lie in two collections of the same shape, one of inboxes and one
//! of histories; all else has a collection of its own. Each file shows its shape as a table. All
//! sequences and times are int64, also where what is read may be another number.

mod change;
mod entry;
mod field;
mod group;
mod head;
mod intent;
mod kind;
mod message;
mod record;
mod row;

pub(super) use self::change::PendingChange;
pub(super) use self::entry::EntryDoc;
pub(super) use self::group::GroupDoc;
pub(super) use self::head::Head;
pub(super) use self::intent::{IntentDoc, IntentKind, IntentOp};
pub(super) use self::kind::{CLAIM, HOLE, kind_number, status_number};
pub(super) use self::message::NOTHING;
pub(super) use self::record::Record;
pub(super) use self::row::RowDoc;
pub(super) use super::box_id::Side;

/// Returns a time as it is written, in milliseconds since 1970.
pub(super) fn time(ms: u64) -> i64 {
    i64::try_from(ms).unwrap_or(i64::MAX)
}

/// Returns what the collection of a side is called in errors.
fn collection_of(side: Side) -> &'static str {
    match side {
        Side::Inbox => "inboxes",
        Side::History => "histories",
    }
}
