//! One message of the protocol, owned and borrowed.
//!
//! ```text
//! u16 opcode | u16 uuid length | uuid | u16 name length | channel name | u32 body length | body
//! ```
//!
//! All numbers are little-endian; there is no padding, version or checksum.
//! One message travels as one WebSocket data message, 10 bytes at least.

use std::{fmt, str};

use bytes::{BufMut, Bytes, BytesMut};

use crate::Opcode;

/// A message that owns its parts.
///
/// With the feature `serde` it is read and written in the form that the conductor's message has in
/// JSON. The body is base64 there; a part that is missing, and a body that is `null`, is empty:
///
/// ```json
/// {"opcode":2,"uuid":"7f1c","channel_name":"news","body":"aGk="}
/// ```
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Message {
    /// What the message asks for.
    pub opcode: Opcode,
    /// The sender's id of the message, by convention a lowercase v4 uuid; may be empty.
    #[cfg_attr(feature = "serde", serde(default))]
    pub uuid: String,
    /// The channel it concerns; empty where the opcode needs none.
    #[cfg_attr(feature = "serde", serde(default, rename = "channel_name"))]
    pub channel: String,
    /// What it carries.
    #[cfg_attr(feature = "serde", serde(default, with = "crate::body"))]
    pub body: Bytes,
}

impl Message {
    /// How long a message is whose uuid, channel name and body are empty, in bytes.
    pub const EMPTY_BYTES: usize = 10;

    /// How long a uuid or a channel name can be on the wire, in bytes; hubs allow less.
    pub const NAME_BYTES_MAX: usize = u16::MAX as usize;

    /// The body of a `STREAM_END` whose stream is not complete.
    ///
    /// A sender that gives up sends it, and a hub does so for a sender that it lost.
    pub const ABORTED: &'static [u8] = b"aborted";

    /// Creates a message with a fresh random uuid.
    #[must_use]
    pub fn new(opcode: Opcode, channel: impl Into<String>, body: impl Into<Bytes>) -> Self {
        Self::with_uuid(opcode, uuid::Uuid::new_v4().to_string(), channel, body)
    }

    /// Creates a message with the given uuid, such as that of a call it answers.
    #[must_use]
    pub fn with_uuid(
        opcode: Opcode,
        uuid: impl Into<String>,
        channel: impl Into<String>,
        body: impl Into<Bytes>,
    ) -> Self {
        Self { opcode, uuid: uuid.into(), channel: channel.into(), body: body.into() }
    }

    /// Returns the size of the encoded message, in bytes.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        Self::EMPTY_BYTES + self.uuid.len() + self.channel.len() + self.body.len()
    }

    /// Appends the encoded message to `out`.
    ///
    /// # Errors
    ///
    /// A part that its length field cannot express; `out` is then unchanged.
    pub fn encode(&self, out: &mut BytesMut) -> Result<(), EncodeError> {
        let uuid_len = u16::try_from(self.uuid.len()).map_err(|_| EncodeError::Uuid(self.uuid.len()))?;
        let name_len =
            u16::try_from(self.channel.len()).map_err(|_| EncodeError::Channel(self.channel.len()))?;
        let body_len = u32::try_from(self.body.len()).map_err(|_| EncodeError::Body(self.body.len()))?;
        out.reserve(self.encoded_len());
        out.put_u16_le(self.opcode.to_wire());
        out.put_u16_le(uuid_len);
        out.put_slice(self.uuid.as_bytes());
        out.put_u16_le(name_len);
        out.put_slice(self.channel.as_bytes());
        out.put_u32_le(body_len);
        out.put_slice(&self.body);
        Ok(())
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Bodies are other people's words: they stay out of logs.
        write!(f, "{:?} {:?} ({} bytes, uuid {:?})", self.opcode, self.channel, self.body.len(), self.uuid)
    }
}

/// A message whose parts lie in the bytes it was decoded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessageRef<'a> {
    /// What the message asks for.
    pub opcode: Opcode,
    /// The sender's id of the message; may be empty.
    pub uuid: &'a str,
    /// The channel it concerns.
    pub channel: &'a str,
    /// What it carries.
    pub body: &'a [u8],
    encoded: &'a [u8],
}

impl<'a> MessageRef<'a> {
    /// Reads the message that `bytes` begin with; bytes behind it are ignored.
    ///
    /// # Errors
    ///
    /// A length that reaches behind the end of `bytes`, or a uuid or channel
    /// name that is not UTF-8. Nothing is allocated either way.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut rest = bytes;
        let opcode = Opcode::from_wire(take_u16(&mut rest, "opcode")?);
        let uuid_len = take_u16(&mut rest, "uuid length")?;
        let uuid = take(&mut rest, usize::from(uuid_len), "uuid")?;
        let name_len = take_u16(&mut rest, "channel name length")?;
        let channel = take(&mut rest, usize::from(name_len), "channel name")?;
        let body_len = take_u32(&mut rest, "body length")?;
        let body_len = usize::try_from(body_len).map_err(|_| DecodeError::Truncated("body"))?;
        let body = take(&mut rest, body_len, "body")?;
        Ok(Self {
            opcode,
            uuid: str::from_utf8(uuid).map_err(|_| DecodeError::Utf8("uuid"))?,
            channel: str::from_utf8(channel).map_err(|_| DecodeError::Utf8("channel name"))?,
            body,
            encoded: &bytes[..bytes.len() - rest.len()],
        })
    }

    /// Returns the bytes it was decoded from, without any behind its end.
    #[must_use]
    pub const fn encoded(&self) -> &'a [u8] {
        self.encoded
    }

    /// Copies the parts into a message that owns them.
    #[must_use]
    pub fn to_message(&self) -> Message {
        Message::with_uuid(self.opcode, self.uuid, self.channel, Bytes::copy_from_slice(self.body))
    }
}

fn take<'a>(rest: &mut &'a [u8], len: usize, part: &'static str) -> Result<&'a [u8], DecodeError> {
    let (taken, behind) = rest.split_at_checked(len).ok_or(DecodeError::Truncated(part))?;
    *rest = behind;
    Ok(taken)
}

fn take_u16(rest: &mut &[u8], part: &'static str) -> Result<u16, DecodeError> {
    let (taken, behind) = rest.split_first_chunk().ok_or(DecodeError::Truncated(part))?;
    *rest = behind;
    Ok(u16::from_le_bytes(*taken))
}

fn take_u32(rest: &mut &[u8], part: &'static str) -> Result<u32, DecodeError> {
    let (taken, behind) = rest.split_first_chunk().ok_or(DecodeError::Truncated(part))?;
    *rest = behind;
    Ok(u32::from_le_bytes(*taken))
}

/// Why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// The bytes end inside the named part.
    #[error("the message ends inside its {0}")]
    Truncated(&'static str),
    /// The named part is not UTF-8.
    #[error("the {0} is not UTF-8")]
    Utf8(&'static str),
}

/// Why a message has no encoding: the part and its length in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The uuid is longer than 65,535 bytes.
    #[error("the uuid has {0} bytes; at most 65535 are allowed")]
    Uuid(usize),
    /// The channel name is longer than 65,535 bytes.
    #[error("the channel name has {0} bytes; at most 65535 are allowed")]
    Channel(usize),
    /// The body is longer than 4,294,967,295 bytes.
    #[error("the body has {0} bytes; at most 4294967295 are allowed")]
    Body(usize),
}
