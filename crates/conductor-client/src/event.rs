//! What a subscription is told.

use conductor_protocol::{Message, Reconnect};

use crate::error::Error;

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
    /// How many messages are lost that were taken to be sent.
    ///
    /// These are all of which the socket has not taken the last byte: what is half written, what
    /// waited behind it, and of streams that were open each message for itself. It leaves out what
    /// goes out again by itself, which is binds, and calls of which no byte was written, and what
    /// was never taken, of which the caller has an error. What the socket has taken may still not
    /// have arrived: nobody knows that but the hub. Over TLS the socket counts as having taken what
    /// TLS has written out.
    pub unsent: usize,
}

impl Disconnected {
    /// The client itself ended it, before the hub had answered its goodbye.
    pub(crate) fn given_up(why: &Error, unsent: usize) -> Self {
        Self { code: None, text: why.to_string(), reconnect: Reconnect::Never, unsent }
    }

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
