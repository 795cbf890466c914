//! What a subscription is told.

use conductor_protocol::{Message, Reconnect};

/// What a subscription is told, in the order in which it happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The client is connected, and has asked for all its binds again.
    ///
    /// What was written in its channels since the last loss is not made up for.
    Connected,
    /// A message came: a `WRITE` of a channel, or a `SERVER` that answers no call.
    Message(Message),
    /// The connection ended.
    Disconnected(Disconnected),
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Disconnected {
    /// The code of the hub's close frame; `None` if there was none.
    pub code: Option<u16>,
    /// The text of the close frame, or what happened.
    pub text: String,
    /// Whether and when the client comes back.
    pub reconnect: Reconnect,
    /// How many messages were taken to be sent and were not.
    pub unsent: usize,
}

impl Disconnected {
    /// Returns whether the client comes back by itself.
    #[must_use]
    pub fn comes_back(&self) -> bool {
        self.reconnect != Reconnect::Never
    }
}

impl Event {
    /// Returns how many bytes it counts as while it waits to be read.
    pub(crate) fn bytes(&self) -> usize {
        let more = match self {
            Self::Connected => 0,
            Self::Message(message) => message.encoded_len(),
            Self::Disconnected(disconnected) => disconnected.text.len(),
        };
        size_of::<Self>() + more
    }
}
