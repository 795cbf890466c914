//! Nothing but WebSocket: every binary message goes to all others.

use benches::frame;

use super::websocket::{Subprotocol, Told};
use super::{BODY_BYTES, body};
use crate::member::Fault;

pub(crate) struct Plain;

impl Subprotocol for Plain {
    /// A ping: whoever answers has made the client a member before.
    fn greeting(&self) -> Vec<u8> {
        frame::masked(frame::PING, b"")
    }

    fn message(&self, number: u64) -> Vec<u8> {
        frame::masked(frame::BINARY, &body(number))
    }

    fn hear(&mut self, first: u8, payload: &[u8], _answer: &mut Vec<u8>) -> Result<Told, Fault> {
        match (first, payload.len()) {
            (frame::PONG, _) => Ok(Told::Joined),
            (frame::BINARY, BODY_BYTES) => Ok(Told::Message),
            _ => Err(format!("the server sent {first:#x} {payload:?}").into()),
        }
    }
}
