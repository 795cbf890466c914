//! NATS: text lines over TCP, with `PUB` and `MSG`.
//!
//! Source: <https://docs.nats.io/reference/reference-protocols/nats-protocol>.

use std::net::SocketAddr;

use super::{BODY_BYTES, CHANNEL, Heard, Wire, body};
use crate::member::Fault;

/// What a client says once the server has introduced itself: that it does not want its own messages
/// back, that it subscribes, and a ping, whose answer comes behind the subscription.
const GREETING: &[u8] = b"CONNECT {\"verbose\":false,\"pedantic\":false,\"echo\":false,\"lang\":\"rust\",\
    \"version\":\"0.1.0\",\"protocol\":1}\r\nSUB hello 1\r\nPING\r\n";

/// [`BODY_BYTES`] as the end of a line says it.
const BODY_LENGTH: &[u8] = b" 64";

#[derive(Default)]
pub(crate) struct Nats {
    has_greeted: bool,
    has_joined: bool,
}

impl Wire for Nats {
    /// The server speaks first.
    fn opening(&self, _address: SocketAddr) -> Vec<u8> {
        Vec::new()
    }

    fn has_joined(&self) -> bool {
        self.has_joined
    }

    fn message(&self, number: u64) -> Vec<u8> {
        let mut message = format!("PUB {CHANNEL} {BODY_BYTES}\r\n").into_bytes();
        message.extend(body(number));
        message.extend(b"\r\n");
        message
    }

    fn take(&mut self, received: &[u8], answer: &mut Vec<u8>) -> Result<Option<(usize, Heard)>, Fault> {
        let Some(end) = received.iter().position(|byte| *byte == b'\n') else { return Ok(None) };
        let (line, len) = (received[..end].trim_ascii_end(), end + 1);
        match line {
            b"PING" => answer.extend(b"PONG\r\n"),
            b"PONG" => self.has_joined = true,
            line if line.starts_with(b"MSG ") => {
                let message = len + BODY_BYTES + 2;
                // The last word is the length of the body.
                if !line.ends_with(BODY_LENGTH) {
                    return Err(format!("the server sent {:?}", String::from_utf8_lossy(line)).into());
                }
                return Ok((received.len() >= message).then_some((message, Heard::Message)));
            }
            // It introduces itself again when it knows more.
            line if line.starts_with(b"INFO ") => {
                if !self.has_greeted {
                    answer.extend(GREETING);
                    self.has_greeted = true;
                }
            }
            line => return Err(format!("the server sent {:?}", String::from_utf8_lossy(line)).into()),
        }
        Ok(Some((len, Heard::Other)))
    }
}
