//! The numbers of kinds and states of entries in documents.
//!
//! They are those of [`EntryKind`] and [`EntryStatus`] wherever entries are stored, and two more.
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
    kind.number().into()
}

/// Returns the number of a status; 0 is not written.
pub(in crate::distributed) fn status_number(status: EntryStatus) -> i32 {
    status.number().into()
}

pub(super) fn kind_of(number: i64) -> Option<EntryKind> {
    EntryKind::with_number(u64::try_from(number).ok()?)
}

pub(super) fn status_of(number: i64) -> Option<EntryStatus> {
    EntryStatus::with_number(u64::try_from(number).ok()?)
}
