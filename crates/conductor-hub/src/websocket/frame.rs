//! One WebSocket frame: the header that comes in, the frames that go out.
//!
//! Source: RFC 6455, section 5.2.

use bytes::{BufMut, Bytes, BytesMut};

use super::Violation;

/// Longest payload of a control frame, in bytes.
pub(super) const CONTROL_BYTES_MAX: usize = 125;

/// Longest header a client can send, in bytes: 2, then 8 of length and 4 of mask.
pub(super) const HEADER_BYTES_MAX: usize = 14;

/// What a frame is, by its opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FrameKind {
    /// Goes on with a fragmented message.
    Continuation,
    /// Begins a message of UTF-8.
    Text,
    /// Begins a message of bytes.
    Binary,
    /// Says goodbye.
    Close,
    /// Asks for a pong.
    Ping,
    /// Answers a ping.
    Pong,
}

impl FrameKind {
    fn from_wire(opcode: u8) -> Option<Self> {
        Some(match opcode {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xA => Self::Pong,
            _ => return None,
        })
    }

    const fn to_wire(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xA,
        }
    }

    pub(super) const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }
}

/// The header of a frame from a client.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) fin: bool,
    /// Whether it begins a compressed message. Source: RFC 7692, section 6.
    pub(super) compressed: bool,
    pub(super) kind: FrameKind,
    pub(super) mask: [u8; 4],
    /// Length of the payload, in bytes.
    pub(super) len: u64,
}

impl Header {
    /// Reads the header that `bytes` begin with, and its own length in bytes.
    ///
    /// `None` asks for more bytes. A fault shows as early as its bytes are there. `inflates` says
    /// whether messages may be compressed.
    pub(super) fn parse(bytes: &[u8], inflates: bool) -> Result<Option<(Self, usize)>, Violation> {
        let Some(&first) = bytes.first() else { return Ok(None) };
        let (reserved, compressed) = if inflates { (0x30, first & 0x40 != 0) } else { (0x70, false) };
        if first & reserved != 0 {
            return Err(Violation::Protocol(
                "a frame has reserved bits set, although no extension was agreed that uses them",
            ));
        }
        let fin = first & 0x80 != 0;
        let kind =
            FrameKind::from_wire(first & 0x0F).ok_or(Violation::Protocol("a frame has an unknown opcode"))?;
        if kind.is_control() && !fin {
            return Err(Violation::Protocol("a control frame is fragmented"));
        }
        if compressed && (kind.is_control() || kind == FrameKind::Continuation) {
            return Err(Violation::Protocol("a frame that begins no message says that it is compressed"));
        }
        let Some(&second) = bytes.get(1) else { return Ok(None) };
        if second & 0x80 == 0 {
            return Err(Violation::Protocol("a frame of a client is not masked"));
        }
        let (len, at) = match second & 0x7F {
            126 => match bytes.get(2..4).and_then(|b| b.first_chunk()) {
                Some(len) => (u64::from(u16::from_be_bytes(*len)), 4),
                None => return Ok(None),
            },
            127 => match bytes.get(2..10).and_then(|b| b.first_chunk()) {
                Some(len) => (u64::from_be_bytes(*len), 10),
                None => return Ok(None),
            },
            short => (u64::from(short), 2),
        };
        if kind.is_control() && len > CONTROL_BYTES_MAX as u64 {
            return Err(Violation::Protocol("a control frame is longer than 125 bytes"));
        }
        let Some(mask) = bytes.get(at..at + 4).and_then(|b| b.first_chunk()) else { return Ok(None) };
        Ok(Some((Self { fin, compressed, kind, mask: *mask, len }, at + 4)))
    }
}

/// Applies a client's mask; `offset` is the place of `bytes[0]` in the payload.
pub(super) fn unmask(bytes: &mut [u8], mask: [u8; 4], offset: usize) {
    let mut turned = mask;
    turned.rotate_left(offset % 4);
    // The four bytes of the mask twice, so that eight bytes are unmasked at a time.
    let wide = u64::from_ne_bytes([
        turned[0], turned[1], turned[2], turned[3], turned[0], turned[1], turned[2], turned[3],
    ]);
    let (chunks, rest) = bytes.as_chunks_mut::<8>();
    for chunk in chunks {
        *chunk = (u64::from_ne_bytes(*chunk) ^ wide).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(turned.iter().cycle()) {
        *byte ^= key;
    }
}

/// Appends an unfragmented frame of a server, with its payload.
pub fn put_frame(out: &mut BytesMut, kind: FrameKind, payload: &[u8]) {
    put_whole(out, 0x80 | kind.to_wire(), payload);
}

/// Appends an unfragmented frame of a server with a compressed message.
pub fn put_deflated_frame(out: &mut BytesMut, kind: FrameKind, deflated: &[u8]) {
    put_whole(out, 0xC0 | kind.to_wire(), deflated);
}

fn put_whole(out: &mut BytesMut, first: u8, payload: &[u8]) {
    out.reserve(payload.len() + 10);
    out.put_u8(first);
    #[expect(clippy::cast_possible_truncation, reason = "each arm's range fits its type")]
    match payload.len() {
        len @ 0..=125 => out.put_u8(len as u8),
        len @ 126..=0xFFFF => {
            out.put_u8(126);
            out.put_u16(len as u16);
        }
        len => {
            out.put_u8(127);
            out.put_u64(len as u64);
        }
    }
    out.put_slice(payload);
}

/// Returns a close frame with the given code and reason.
///
/// A reason longer than 123 bytes is cut, at the end of a character.
#[must_use]
pub fn close_frame(code: u16, reason: &str) -> Bytes {
    let mut cuts = (0..=reason.len().min(CONTROL_BYTES_MAX - 2)).rev();
    let cut = cuts.find(|cut| reason.is_char_boundary(*cut)).unwrap_or(0);
    let mut payload = BytesMut::with_capacity(2 + cut);
    payload.put_u16(code);
    payload.put_slice(&reason.as_bytes()[..cut]);
    let mut frame = BytesMut::new();
    put_frame(&mut frame, FrameKind::Close, &payload);
    frame.freeze()
}
