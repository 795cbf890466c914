//! The hook that keeps the last messages of each channel.

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
