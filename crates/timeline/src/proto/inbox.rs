//! A page of an inbox as its reader sees it.

use crate::InboxPage;
use crate::proto::v1::SyncMessageReply;

impl From<&InboxPage> for SyncMessageReply {
    fn from(page: &InboxPage) -> Self {
        Self {
            latest_seq: page.latest_seq.to_i64(),
            entry_set_last_seq: page.entry_set_last_seq.to_i64(),
            entry_set: page.entries.iter().map(Into::into).collect(),
            reset: page.reset,
            generation: page.generation,
            floor: page.floor.to_i64(),
        }
    }
}
