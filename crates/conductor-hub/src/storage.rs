//! The hook that keeps the last messages of each channel.

use std::sync::Arc;

use crate::protocol::MessageRef;

/// Keeps what was written to channels.
///
/// The hub stores, and never replays by itself: a [`Handler`](crate::Handler)
/// may, when a client asks. `()` keeps nothing;
/// [`ChannelHistory`](crate::ChannelHistory) keeps the last messages in memory.
pub trait Storage: Send + Sync {
    /// Keeps a message that a client was allowed to write, before it is delivered.
    ///
    /// Called for each message in the order of the channel's sender; must not block.
    fn store(&self, message: MessageRef<'_>);
}

impl Storage for () {
    fn store(&self, _message: MessageRef<'_>) {}
}

/// Tells the hook that it shares.
impl<S: Storage + ?Sized> Storage for Arc<S> {
    fn store(&self, message: MessageRef<'_>) {
        (**self).store(message);
    }
}
