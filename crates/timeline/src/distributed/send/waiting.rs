//! A send in the queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::repetitions::Reply;
use crate::store::Append;
use crate::{Error, ErrorKind};

/// A send in the queue, which has room there until it is taken.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) append: Append,
    pub(super) reply: Reply,
    /// When its steps end; after that it is not begun.
    pub(super) end: Instant,
    fate: QueuedFate,
    _room: OwnedSemaphorePermit,
}

/// Whether a send in the queue was begun, or given up by its caller. Cloning shares it.
///
/// The first of the two counts, so a caller that gave it up knows that nothing is stored.
#[derive(Debug, Clone, Default)]
pub(super) struct QueuedFate(Arc<AtomicBool>);

impl QueuedFate {
    /// Decides it; false if the other side did before.
    pub(super) fn decide(&self) -> bool {
        !self.0.swap(true, Ordering::AcqRel)
    }
}

impl Waiting {
    pub(super) fn new(
        append: Append,
        reply: Reply,
        end: Instant,
        fate: QueuedFate,
        room: OwnedSemaphorePermit,
    ) -> Self {
        Self { append, reply, end, fate, _room: room }
    }

    /// Returns whether it is to be begun now; its caller waits for the outcome then.
    pub(super) fn begin(&self, now: Instant) -> bool {
        !self.is_late(now) && self.fate.decide()
    }

    /// Returns whether the time of its steps is up.
    pub(super) fn is_late(&self, now: Instant) -> bool {
        now >= self.end
    }
}

/// The error of a send that was not begun, as others had not ended.
pub(super) fn crowded(timeout: Duration) -> Error {
    let text = format!(
        "the message was not stored: more messages wait than mongodb took within {timeout:?}; send again \
         later"
    );
    Error::new(ErrorKind::Unavailable, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_send_is_begun_or_given_up_and_never_both() {
        let (fate, other) = (QueuedFate::default(), QueuedFate::default());
        let caller = fate.clone();
        assert!(fate.decide() && !caller.decide());
        assert!(other.decide());
    }
}
