//! WebSocket, as a client speaks it, and what is inside by another.
//!
//! Source: RFC 6455, sections 4 and 5.

use std::net::SocketAddr;

use super::{Heard, Wire};
use crate::member::Fault;

/// What is spoken inside of WebSocket messages.
pub(crate) trait Subprotocol: Send {
    /// Returns the frames that are sent when the handshake is over.
    fn greeting(&self) -> Vec<u8>;

    /// Returns the frames of a message.
    fn message(&self, number: u64) -> Vec<u8>;

    /// Hears a text, a binary message or a pong.
    fn hear(&mut self, frame: Opcode, payload: &[u8], answer: &mut Vec<u8>) -> Result<Told, Fault>;
}

/// What a frame told a subprotocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// The client is a member now.
    Joined,
    Message,
    Other,
}

/// The kinds of frames that servers send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opcode {
    Text = 0x1,
    Binary = 0x2,
    Close = 0x8,
    Ping = 0x9,
    Pong = 0xA,
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
        let Some((opcode, payload, len)) = frame(received)? else { return Ok(None) };
        let told = match opcode {
            Opcode::Ping => {
                answer.extend(masked(Opcode::Pong, payload));
                Told::Other
            }
            Opcode::Close => return Err(format!("the server closed a connection: {payload:?}").into()),
            Opcode::Text | Opcode::Binary | Opcode::Pong => self.subprotocol.hear(opcode, payload, answer)?,
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

/// Returns the first frame, if it is complete: its kind, its payload and its whole length.
fn frame(received: &[u8]) -> Result<Option<(Opcode, &[u8], usize)>, Fault> {
    let [first, second, rest @ ..] = received else { return Ok(None) };
    let (header, len) = match (*second, rest) {
        (len @ ..126, _) => (2, usize::from(len)),
        (126, [high, low, ..]) => (4, usize::from(u16::from_be_bytes([*high, *low]))),
        (126, _) => return Ok(None),
        // Nothing here is longer than 64 KiB, and servers do not mask.
        (127.., _) => return Err(format!("the server sent a frame that begins {received:x?}").into()),
    };
    let opcode = match *first {
        0x81 => Opcode::Text,
        0x82 => Opcode::Binary,
        0x88 => Opcode::Close,
        0x89 => Opcode::Ping,
        0x8A => Opcode::Pong,
        // In pieces or compressed, for which nobody has asked.
        other => return Err(format!("the server sent a frame of kind {other:#x}").into()),
    };
    Ok(received.get(header..header + len).map(|payload| (opcode, payload, header + len)))
}

/// Frames a short payload as a client does.
pub(crate) fn masked(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let len = u8::try_from(payload.len()).ok().filter(|len| *len < 126).expect("the payload is short");
    let mut frame = vec![0x80 | opcode as u8, 0x80 | len];
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

const MASK: [u8; 4] = [0x37, 0xFA, 0x21, 0x3D];
