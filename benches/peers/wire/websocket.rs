//! WebSocket, as a client speaks it, and what is inside by another.
//!
//! Source: RFC 6455, section 4.

use std::net::SocketAddr;

use benches::frame;

use super::{Heard, Wire};
use crate::member::Fault;

/// What is spoken inside of WebSocket messages.
pub(crate) trait Subprotocol: Send {
    /// Returns the frames that are sent when the handshake is over.
    fn greeting(&self) -> Vec<u8>;

    /// Returns the frames of a message.
    fn message(&self, number: u64) -> Vec<u8>;

    /// Hears a frame that is neither a ping nor a close, by its first byte.
    fn hear(&mut self, first: u8, payload: &[u8], answer: &mut Vec<u8>) -> Result<Told, Fault>;
}

/// What a frame told a subprotocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// The client is a member now.
    Joined,
    Message,
    Other,
}

/// A client.
pub(crate) struct WebSocket<S> {
    path: &'static str,
    subprotocol: S,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It waits for the answer to its handshake, and says nothing until then.
    Opening,
    Open,
    Joined,
}

impl<S> WebSocket<S> {
    pub(crate) const fn new(path: &'static str, subprotocol: S) -> Self {
        Self { path, subprotocol, state: State::Opening }
    }
}

impl<S: Subprotocol> Wire for WebSocket<S> {
    fn opening(&self, address: SocketAddr) -> Vec<u8> {
        format!(
            "GET {} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            self.path
        )
        .into_bytes()
    }

    fn has_joined(&self) -> bool {
        self.state == State::Joined
    }

    fn message(&self, number: u64) -> Vec<u8> {
        self.subprotocol.message(number)
    }

    fn take(&mut self, received: &[u8], answer: &mut Vec<u8>) -> Result<Option<(usize, Heard)>, Fault> {
        if self.state == State::Opening {
            let Some(len) = head(received)? else { return Ok(None) };
            answer.extend(self.subprotocol.greeting());
            self.state = State::Open;
            return Ok(Some((len, Heard::Other)));
        }
        let Some((first, payload, len)) = frame::taken(received) else { return Ok(None) };
        let told = match first {
            frame::PING => {
                answer.extend(frame::masked(frame::PONG, payload));
                Told::Other
            }
            frame::CLOSE => return Err(format!("the server closed a connection: {payload:?}").into()),
            // A text, a binary message or a pong; what is in pieces or compressed nobody asked for.
            _ => self.subprotocol.hear(first, payload, answer)?,
        };
        if told == Told::Joined {
            self.state = State::Joined;
        }
        Ok(Some((len, if told == Told::Message { Heard::Message } else { Heard::Other })))
    }
}

/// Returns the length of the answer to a handshake, if it is complete.
fn head(received: &[u8]) -> Result<Option<usize>, Fault> {
    let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") else { return Ok(None) };
    if !received.starts_with(b"HTTP/1.1 101 ") {
        return Err(format!("the server said {:?}", String::from_utf8_lossy(received)).into());
    }
    Ok(Some(end + 4))
}
