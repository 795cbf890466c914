//! The numbers under which kinds and states of entries are stored.
//!
//! The records of the embedded store and the documents in MongoDB have the same ones. What is
//! stored keeps its number: one that is no longer used is never given to something else.
//!
//! | number | [`EntryKind`] | [`EntryStatus`] |
//! |---|---|---|
//! | 0 | a message | is as it was sent |
//! | 1 | an edit | was edited |
//! | 2 | a recall | was recalled |
//! | 3 | a tombstone | was deleted |
//! | 4 | a deletion | has left its history |
//! | 5 | a purge | was lost |
//! | 6 | | never was |

use super::{EntryKind, EntryStatus};

/// Each kind at its number.
const KINDS: [EntryKind; 6] = [
    EntryKind::Message,
    EntryKind::Edit,
    EntryKind::Recall,
    EntryKind::Tombstone,
    EntryKind::Deletion,
    EntryKind::Purge,
];

/// Each status at its number.
const STATUSES: [EntryStatus; 7] = [
    EntryStatus::Original,
    EntryStatus::Edited,
    EntryStatus::Recalled,
    EntryStatus::Deleted,
    EntryStatus::Expired,
    EntryStatus::Lost,
    EntryStatus::Unused,
];

impl EntryKind {
    /// Returns the number that is stored.
    pub(crate) fn number(self) -> u8 {
        // A kind that is added has to be given its number here, and its place above.
        match self {
            Self::Message => 0,
            Self::Edit => 1,
            Self::Recall => 2,
            Self::Tombstone => 3,
            Self::Deletion => 4,
            Self::Purge => 5,
        }
    }

    /// Returns the kind with a number.
    pub(crate) fn with_number(number: u64) -> Option<Self> {
        KINDS.into_iter().find(|kind| u64::from(kind.number()) == number)
    }
}

impl EntryStatus {
    /// Returns the number that is stored.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Original => 0,
            Self::Edited => 1,
            Self::Recalled => 2,
            Self::Deleted => 3,
            Self::Expired => 4,
            Self::Lost => 5,
            Self::Unused => 6,
        }
    }

    /// Returns the status with a number.
    pub(crate) fn with_number(number: u64) -> Option<Self> {
        STATUSES.into_iter().find(|status| u64::from(status.number()) == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_has_the_number_of_its_line_and_no_other_has_it() {
        for (number, kind) in (0_u64..).zip(KINDS) {
            assert_eq!((u64::from(kind.number()), EntryKind::with_number(number)), (number, Some(kind)));
        }
        for (number, status) in (0_u64..).zip(STATUSES) {
            let read = EntryStatus::with_number(number);
            assert_eq!((u64::from(status.number()), read), (number, Some(status)));
        }
        // 6 and 7 are documents' own, which no kind may have: they keep a place without an entry.
        for number in [6, 7, 256, u64::MAX] {
            assert_eq!(EntryKind::with_number(number), None);
        }
        assert_eq!(EntryStatus::with_number(7), None);
    }
}
