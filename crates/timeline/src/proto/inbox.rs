//! A page of an inbox as its reader sees it.

use crate::InboxPage;
#[cfg(any(feature = "http", feature = "grpc"))]
use crate::MemberId;
#[cfg(any(feature = "http", feature = "grpc"))]
use crate::proto::v1::ReadCursor;
use crate::proto::v1::SyncMessageReply;

/// The entries of the page; only a watch has cursors, which are told as its member sees them.
impl From<&InboxPage> for SyncMessageReply {
    fn from(page: &InboxPage) -> Self {
        Self {
            latest_seq: page.latest_seq.to_i64(),
            entry_set_last_seq: page.entry_set_last_seq.to_i64(),
            entry_set: page.entries.iter().map(Into::into).collect(),
            reset: page.reset,
            generation: page.generation,
            floor: page.floor.to_i64(),
            cursors: Vec::new(),
            cursors_cut: false,
        }
    }
}

#[cfg(any(feature = "http", feature = "grpc"))]
impl SyncMessageReply {
    /// Returns a page of the watch of a member's inbox.
    pub(crate) fn watched(page: &InboxPage, member: &MemberId) -> Self {
        let cursors = page.cursors.iter().map(|cursor| ReadCursor::seen_by(member, cursor));
        Self { cursors: cursors.collect(), cursors_cut: page.cursors_cut, ..Self::from(page) }
    }
}
