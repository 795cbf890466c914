//! Messages as the bytes that go to their receivers, and back.

use std::iter;

use bytes::BytesMut;

use crate::protocol::{Message, MessageRef};
use crate::websocket::{FrameKind, put_frame};
use crate::{Error, ErrorKind};

/// The first byte of a frame with a message: binary, and whole.
const BINARY: u8 = 0x82;

/// Encodes a message as the bytes of the frame that all its receivers share.
pub(crate) fn encode(message: &Message) -> Result<BytesMut, Error> {
    encode_payload(message).map(|payload| framed(&payload))
}

/// Encodes a message without a frame around it.
pub(crate) fn encode_payload(message: &Message) -> Result<BytesMut, Error> {
    let mut payload = BytesMut::new();
    message.encode(&mut payload).map_err(|fault| {
        Error::with_source(ErrorKind::InvalidInput, "the message is too long to be encoded", fault)
    })?;
    Ok(payload)
}

/// Reads what [`encode_payload`] has just written.
pub(crate) fn decode_payload(payload: &[u8]) -> MessageRef<'_> {
    MessageRef::decode(payload).expect("what was encoded can be decoded")
}

/// Puts a frame around an encoded message.
pub(crate) fn framed(payload: &[u8]) -> BytesMut {
    let mut frame = BytesMut::new();
    put_frame(&mut frame, FrameKind::Binary, payload);
    frame
}

/// Returns the messages in frames that were made here.
pub(crate) fn messages_of(mut frames: &[u8]) -> impl Iterator<Item = MessageRef<'_>> {
    iter::from_fn(move || split_frame(&mut frames))
        .filter(|(first, _)| *first == BINARY)
        .filter_map(|(_, payload)| MessageRef::decode(payload).ok())
}

/// Splits off the first frame of a server: its first byte, and its payload.
fn split_frame<'a>(bytes: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let (&[first, short], rest) = bytes.split_first_chunk()?;
    let (len, rest) = match short {
        126 => {
            let (len, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*len)), rest)
        }
        127 => {
            let (len, rest) = rest.split_first_chunk()?;
            (usize::try_from(u64::from_be_bytes(*len)).ok()?, rest)
        }
        len => (usize::from(len), rest),
    };
    let (payload, rest) = rest.split_at_checked(len)?;
    *bytes = rest;
    Some((first, payload))
}
