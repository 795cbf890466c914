//! Nothing but WebSocket: every binary message goes to all others.

use super::websocket::{Opcode, Subprotocol, Told, masked};
use super::{BODY_BYTES, body};
use crate::member::Fault;

pub(crate) struct Plain;

impl Subprotocol for Plain {
    /// A ping: whoever answers has made the client a member before.
    fn greeting(&self) -> Vec<u8> {
        masked(Opcode::Ping, b"")
    }

    fn message(&self, number: u64) -> Vec<u8> {
        masked(Opcode::Binary, &body(number))
    }

    fn hear(&mut self, frame: Opcode, payload: &[u8], _answer: &mut Vec<u8>) -> Result<Told, Fault> {
        match (frame, payload.len()) {
            (Opcode::Pong, _) => Ok(Told::Joined),
            (Opcode::Binary, BODY_BYTES) => Ok(Told::Message),
            _ => Err(format!("the server sent {frame:?} {payload:?}").into()),
        }
    }
}
