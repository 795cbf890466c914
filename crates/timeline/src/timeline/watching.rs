//! The call that reads an inbox from now on.

use std::sync::Arc;

use super::Timeline;
use crate::{MemberId, Position, Watch};

impl Timeline {
    /// Returns what a member missed after `last_read`, and then what comes.
    ///
    /// Nothing is read before the first page is asked for. Drop it to end it; it also ends with the
    /// timeline. While nothing comes it takes up to 300 bytes, if the id is as long as a UUID. To
    /// end the timeline, call [`shutdown`](Self::shutdown): a watch keeps it as a clone does.
    #[must_use]
    pub fn watch(&self, member: &MemberId, last_read: impl Into<Position>) -> Watch {
        Watch::new(Arc::clone(&self.store), member, last_read.into())
    }
}
