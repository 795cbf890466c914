//! A send in the queue.

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
    /// Until when it is worth while to begin.
    pub(super) until: Instant,
    _room: OwnedSemaphorePermit,
}

impl Waiting {
    pub(super) fn new(append: Append, reply: Reply, until: Instant, room: OwnedSemaphorePermit) -> Self {
        Self { append, reply, until, _room: room }
    }
}

/// The error of a send that was not begun.
pub(super) fn crowded(timeout: Duration) -> Error {
    let text = format!(
        "the message was not stored: more messages wait than mongodb took within {timeout:?}; send again \
         later"
    );
    Error::new(ErrorKind::Unavailable, text)
}
