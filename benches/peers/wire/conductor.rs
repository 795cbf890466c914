//! Our protocol: a Bind, then Write messages, each with a uuid of its own.

use benches::frame;
use bytes::BytesMut;
use conductor_hub::protocol::{Message, Opcode};

use super::websocket::{Subprotocol, Told};
use super::{BODY_BYTES, CHANNEL, body};
use crate::member::Fault;

/// What stands in front of a body: three lengths, the opcode, a uuid and the channel.
const HEAD_BYTES: usize = 10 + 36 + CHANNEL.len();

pub(crate) struct Conductor;

impl Subprotocol for Conductor {
    /// A bind, and a ping behind it: the pong comes when both are done.
    fn greeting(&self) -> Vec<u8> {
        let bind = Message::with_uuid(Opcode::BIND, "", CHANNEL, "");
        [frame::masked(frame::BINARY, &encoded(&bind)), frame::masked(frame::PING, b"")].concat()
    }

    fn message(&self, number: u64) -> Vec<u8> {
        let uuid = format!("00000000-0000-4000-8000-{number:012}");
        let message = Message::with_uuid(Opcode::WRITE, uuid, CHANNEL, body(number).to_vec());
        frame::masked(frame::BINARY, &encoded(&message))
    }

    fn hear(&mut self, first: u8, payload: &[u8], _answer: &mut Vec<u8>) -> Result<Told, Fault> {
        match (first, payload.len().checked_sub(HEAD_BYTES)) {
            (frame::PONG, _) => Ok(Told::Joined),
            (frame::BINARY, Some(BODY_BYTES)) => Ok(Told::Message),
            _ => Err(format!("the server sent {first:#x} {payload:?}").into()),
        }
    }
}

fn encoded(message: &Message) -> Vec<u8> {
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes).expect("the message is short");
    bytes.to_vec()
}
