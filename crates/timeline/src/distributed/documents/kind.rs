//! The numbers of kinds and states of entries in documents.
//!
//! | `kind` | the entry | | `status` | the message |
//! |---|---|---|---|---|
//! | absent | a message | | absent | is as it was sent |
//! | 1 | an edit | | 1 | was edited |
//! | 2 | a recall | | 2 | was recalled |
//! | 3 | a tombstone | | 3 | was deleted |
//! | 4 | a deletion | | 4 | has left its history |
//! | 5 | a purge | | 5 | was lost |
//! | 6 | a place that was not used | | 6 | never was: only the kind 6 has this, and it is not written |
//! | 7 | a claim | | | |

use crate::{EntryKind, EntryStatus};

/// The kind of a tombstone that stands where no writer came.
///
/// Its status is [`Unused`](EntryStatus::Unused).
pub(in crate::distributed) const HOLE: i32 = 6;

/// The kind of a document that holds a place for a moment, and reads as if it were not there.
pub(in crate::distributed) const CLAIM: i32 = 7;

/// Returns the number of a kind; 0 is not written.
pub(in crate::distributed) fn kind_number(kind: EntryKind) -> i32 {
    match kind {
        EntryKind::Message => 0,
        EntryKind::Edit => 1,
        EntryKind::Recall => 2,
        EntryKind::Tombstone => 3,
        EntryKind::Deletion => 4,
        EntryKind::Purge => 5,
    }
}

/// Returns the number of a status; 0 is not written.
pub(in crate::distributed) fn status_number(status: EntryStatus) -> i32 {
    match status {
        EntryStatus::Original => 0,
        EntryStatus::Edited => 1,
        EntryStatus::Recalled => 2,
        EntryStatus::Deleted => 3,
        EntryStatus::Expired => 4,
        EntryStatus::Lost => 5,
        EntryStatus::Unused => 6,
    }
}

pub(super) fn kind_of(number: i64) -> Option<EntryKind> {
    let kinds = [
        EntryKind::Message,
        EntryKind::Edit,
        EntryKind::Recall,
        EntryKind::Tombstone,
        EntryKind::Deletion,
        EntryKind::Purge,
    ];
    kinds.into_iter().find(|kind| i64::from(kind_number(*kind)) == number)
}

pub(super) fn status_of(number: i64) -> Option<EntryStatus> {
    let statuses = [
        EntryStatus::Original,
        EntryStatus::Edited,
        EntryStatus::Recalled,
        EntryStatus::Deleted,
        EntryStatus::Expired,
        EntryStatus::Lost,
        EntryStatus::Unused,
    ];
    statuses.into_iter().find(|status| i64::from(status_number(*status)) == number)
}
