//! What a client may send while a reader is a little behind.

use std::time::Duration;

use tokio::time::Instant;

/// Bytes that a client may send while a reader is a little behind: who chats is not to wait because
/// another floods.
pub(crate) struct Credit {
    bytes: usize,
    /// When it was filled last, if it ever was.
    filled: Option<Instant>,
}

impl Credit {
    pub(crate) const fn new() -> Self {
        Self { bytes: 0, filled: None }
    }

    /// Tells whether there is enough, and fills up once a second.
    pub(super) fn has(&mut self, bytes: usize, now: Instant, full: usize) -> bool {
        if self.filled.is_none_or(|filled| now >= filled + Duration::from_secs(1)) {
            *self = Self { bytes: full, filled: Some(now) };
        }
        bytes <= self.bytes
    }

    /// Uses so much, which there is.
    pub(super) const fn spend(&mut self, bytes: usize) {
        self.bytes -= bytes;
    }
}
