//! Socket.IO 5 in Engine.IO 4, over WebSocket from the start.
//!
//! ```text
//! server: 0{"sid":…}                          the session is open
//! client: 40                                  connects to the namespace /
//! server: 40{"sid":…}  42["joined"]           the event is our servers' own
//! both:   451-["message",{"_placeholder":true,"num":0}]  and a binary frame with the body
//! server: 2    client: 3                      a ping and its answer
//! ```
//!
//! Source: <https://socket.io/docs/v4/socket-io-protocol/>,
//! <https://socket.io/docs/v4/engine-io-protocol/>.

use benches::frame;

use super::websocket::{Subprotocol, Told};
use super::{BODY_BYTES, body};
use crate::member::Fault;

/// An event with one attachment, which follows.
const EVENT: &[u8] = br#"451-["message",{"_placeholder":true,"num":0}]"#;

#[derive(Default)]
pub(crate) struct SocketIo {
    /// Whether the next frame is the body of an event.
    is_attachment_due: bool,
}

impl SocketIo {
    /// Where servers have it, asked for WebSocket at once.
    pub(crate) const PATH: &str = "/socket.io/?EIO=4&transport=websocket";
}

impl Subprotocol for SocketIo {
    /// The server speaks first.
    fn greeting(&self) -> Vec<u8> {
        Vec::new()
    }

    fn message(&self, number: u64) -> Vec<u8> {
        [frame::masked(frame::TEXT, EVENT), frame::masked(frame::BINARY, &body(number))].concat()
    }

    fn hear(&mut self, first: u8, payload: &[u8], answer: &mut Vec<u8>) -> Result<Told, Fault> {
        match (first, payload) {
            (frame::TEXT, EVENT) if !self.is_attachment_due => self.is_attachment_due = true,
            (frame::BINARY, body) if self.is_attachment_due && body.len() == BODY_BYTES => {
                self.is_attachment_due = false;
                return Ok(Told::Message);
            }
            (frame::TEXT, b"2") => answer.extend(frame::masked(frame::TEXT, b"3")),
            (frame::TEXT, [b'0', ..]) => answer.extend(frame::masked(frame::TEXT, b"40")),
            (frame::TEXT, [b'4', b'0', ..]) => {}
            (frame::TEXT, event) if event.starts_with(br#"42["joined""#) => return Ok(Told::Joined),
            _ => {
                return Err(
                    format!("the server sent {first:#x} {:?}", String::from_utf8_lossy(payload)).into()
                );
            }
        }
        Ok(Told::Other)
    }
}
