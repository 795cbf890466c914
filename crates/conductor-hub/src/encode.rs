//! Messages as the bytes that go to their receivers.

use bytes::BytesMut;

use crate::protocol::Message;
use crate::websocket::{FrameKind, put_frame};
use crate::{Error, ErrorKind};

/// Encodes a message as the bytes of the frame that all its receivers share.
pub(crate) fn encode(message: &Message) -> Result<BytesMut, Error> {
    let mut payload = BytesMut::new();
    message.encode(&mut payload).map_err(|fault| {
        Error::with_source(ErrorKind::InvalidInput, "the message is too long to be encoded", fault)
    })?;
    let mut frame = BytesMut::new();
    put_frame(&mut frame, FrameKind::Binary, &payload);
    Ok(frame)
}
