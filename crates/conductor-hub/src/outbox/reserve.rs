//! Room in an outbox that is taken before the frame comes for which it is.
//!
//! ```text
//! reserve ──► room counts as what waits ──► push_reserved ──► the frame counts
//!                                      └──► give_room_back     it does not come
//! ```

use std::sync::atomic::Ordering;

use super::{Outbox, Rejected};
use crate::frame::Frame;

impl Outbox {
    /// Reserves room for a frame that costs so much; `false` if the outbox is closing.
    ///
    /// Whether there is any, the caller has seen by [`holds_up`](Self::holds_up).
    pub(crate) fn reserve(&self, cost: usize) -> bool {
        let mut inner = self.inner.lock();
        if inner.closing.is_some() {
            return false;
        }
        let pending = self.pending.fetch_add(cost, Ordering::Relaxed) + cost;
        // As behind a push: who looks whether to wait for this reader looks at the backlog.
        if pending > self.behind() && inner.backlog.is_none() {
            inner.backlog = Some(Box::default());
        }
        true
    }

    /// Queues a frame of a channel, like [`push_of`](Self::push_of), in the room that was reserved
    /// for it.
    pub(crate) fn push_reserved(&self, channel: &str, frame: Frame, reserved: usize) -> Result<(), Rejected> {
        let frame = self.for_reader(frame);
        self.add(self.inner.lock(), frame, Some(channel), reserved).map_err(|(_, rejected)| {
            self.give_room_back(reserved);
            self.rejected(rejected)
        })
    }

    /// Gives back room that was reserved for a frame which does not come.
    pub(crate) fn give_room_back(&self, cost: usize) {
        let before = self.pending.fetch_sub(cost, Ordering::Relaxed);
        self.progressed(before);
    }
}
