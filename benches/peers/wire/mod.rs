//! What clients of the peers speak on the wire.

pub(crate) mod conductor;
pub(crate) mod nats;
pub(crate) mod plain;
pub(crate) mod socket_io;
#[cfg(test)]
mod tests;
pub(crate) mod websocket;

use std::net::SocketAddr;

use crate::member::Fault;

/// The body of every message, in bytes.
pub(crate) const BODY_BYTES: usize = 64;

/// The channel that all are members of.
pub(crate) const CHANNEL: &str = "hello";

/// The conversation of one client: what it sends, and what the bytes mean that it receives.
pub(crate) trait Wire: Send {
    /// Returns what is sent as soon as there is a connection.
    fn opening(&self, address: SocketAddr) -> Vec<u8>;

    /// Says whether the server has made this client a member.
    fn has_joined(&self) -> bool;

    /// Returns a message to all others; each number makes another.
    fn message(&self, number: u64) -> Vec<u8>;

    /// Takes one thing off the front of what was received, with its length, if it is complete. What
    /// the server has to be told at once is put into `answer`.
    fn take(&mut self, received: &[u8], answer: &mut Vec<u8>) -> Result<Option<(usize, Heard)>, Fault>;
}

/// What a client has received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    /// A message of another member, whole and of the expected length.
    Message,
    /// Anything else that belongs to the conversation.
    Other,
}

/// Returns the body of a message.
pub(crate) fn body(number: u64) -> [u8; BODY_BYTES] {
    let mut body = [b'x'; BODY_BYTES];
    body[..8].copy_from_slice(&number.to_le_bytes());
    body
}
