//! Turns the bytes a client sent into messages, whatever the chunks.

use std::{mem, str};

use super::deflate::inflate;
use super::frame::{HEADER_BYTES_MAX, Header, unmask};
use super::{FrameKind, Violation};

/// What a client sent, in the order it was sent.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientInput<'a> {
    /// A complete message, with its kind: text, which is UTF-8, or binary.
    Message(FrameKind, &'a [u8]),
    /// Asks for a pong with the same payload.
    Ping(&'a [u8]),
    /// Answers a ping.
    Pong,
    /// The client says goodbye, with its code if it gave one.
    Close(Option<u16>),
}

/// The decoder of one connection.
///
/// Bytes are lent to it as they come. It keeps a copy only of what is not
/// complete yet, so an idle connection holds no buffer, and it grows by what has
/// arrived, never by what a length field promises.
#[derive(Debug)]
pub struct Decoder {
    /// Longest message, in bytes.
    limit: usize,
    /// Whether messages may be compressed.
    pub(super) inflates: bool,
    pub(super) state: DecoderState,
    /// The payload so far of the message that is not complete.
    pub(super) message: Vec<u8>,
    /// That of the control frame, which may stand between two frames of a message.
    control: Vec<u8>,
    /// The kind of the message whose first frame has been seen, but not the last.
    open: Option<FrameKind>,
    /// Whether that message is compressed.
    compressed: bool,
    /// How much of `message` is known to be UTF-8, if it is a text.
    utf8_bytes: usize,
    /// Counts, around, what has come to its end: messages, and control frames between them.
    ended: u32,
}

#[derive(Debug)]
pub(super) enum DecoderState {
    Header { bytes: [u8; HEADER_BYTES_MAX], len: u8 },
    Payload { header: Header, done: u64 },
}

const AT_HEADER: DecoderState = DecoderState::Header { bytes: [0; HEADER_BYTES_MAX], len: 0 };

impl Decoder {
    /// Creates a decoder that refuses messages longer than `limit` bytes.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self {
            limit,
            inflates: false,
            state: AT_HEADER,
            message: Vec::new(),
            control: Vec::new(),
            open: None,
            compressed: false,
            utf8_bytes: 0,
            ended: 0,
        }
    }

    /// Has it take compressed messages as well.
    ///
    /// [`agreed_window`](super::agreed_window) says whether the client may send them.
    /// Their limit is the same once they are inflated. They are kept compressed until they are
    /// complete, so no state of zlib is held for those who send nothing.
    #[must_use]
    pub const fn inflating(mut self) -> Self {
        self.inflates = true;
        self
    }

    /// Returns a number that changes when what has begun comes to its end.
    ///
    /// It is `None` if nothing has begun. Control frames inside a message do not count as its
    /// progress.
    #[must_use]
    pub fn unfinished(&self) -> Option<u32> {
        if self.open.is_none() && matches!(self.state, DecoderState::Header { len: 0, .. }) {
            None
        } else {
            Some(self.ended)
        }
    }

    /// Returns the bytes of memory that the decoder holds besides its own.
    #[must_use]
    pub const fn held_bytes(&self) -> usize {
        self.message.capacity() + self.control.capacity()
    }

    /// Decodes `input` and hands each event to `sink`, until that returns false.
    ///
    /// Returns how many bytes of `input` it used: all, unless `sink` said stop; then the rest is to
    /// be handed in again. What is used is unmasked in place. After a violation the decoder must
    /// not be used again.
    ///
    /// # Errors
    ///
    /// The first rule that the client broke; what came before it has been handed on.
    pub fn decode(
        &mut self,
        mut input: &mut [u8],
        mut sink: impl FnMut(ClientInput<'_>) -> bool,
    ) -> Result<usize, Violation> {
        let whole = input.len();
        loop {
            match &mut self.state {
                DecoderState::Header { bytes, len } => {
                    let Some((header, used)) = next_header(bytes, len, input, self.inflates)? else {
                        return Ok(whole);
                    };
                    self.check(&header)?;
                    input = &mut input[used..];
                    self.state = DecoderState::Payload { header, done: 0 };
                }
                DecoderState::Payload { header, done } => {
                    let (header, offset) = (*header, *done);
                    let left = header.len - offset;
                    let here = usize::try_from(left).unwrap_or(usize::MAX).min(input.len());
                    let (payload, rest) = input.split_at_mut(here);
                    input = rest;
                    // The mask repeats every four bytes, so only the offset modulo 4 matters and
                    // the cast loses nothing.
                    unmask(payload, header.mask, (offset % 4) as usize);
                    let complete = here as u64 == left;
                    if complete {
                        self.state = AT_HEADER;
                    } else {
                        *done += here as u64;
                    }
                    let go_on = if header.kind.is_control() {
                        self.control_payload(header.kind, payload, complete, &mut sink)?
                    } else {
                        self.message_payload(&header, payload, complete, &mut sink)?
                    };
                    // A payload that is not complete has used up the input.
                    if !go_on || !complete {
                        return Ok(whole - input.len());
                    }
                }
            }
        }
    }

    /// Judges a data frame before any of its payload is taken.
    fn check(&mut self, header: &Header) -> Result<(), Violation> {
        if header.kind.is_control() {
            return Ok(());
        }
        match (header.kind, self.open) {
            (FrameKind::Continuation, None) => {
                return Err(Violation::Protocol("a continuation frame came without a message to continue"));
            }
            (FrameKind::Continuation, Some(_)) => {}
            (_, Some(_)) => return Err(Violation::Protocol("a message began before the last one had ended")),
            (kind, None) => (self.open, self.compressed) = (Some(kind), header.compressed),
        }
        // By the length that the header announces, so that too long a message is refused before it
        // comes.
        let room = (self.limit() - self.message.len()) as u64;
        if header.len > room { Err(Violation::TooBig) } else { Ok(()) }
    }

    fn control_payload(
        &mut self,
        kind: FrameKind,
        payload: &[u8],
        complete: bool,
        sink: &mut impl FnMut(ClientInput<'_>) -> bool,
    ) -> Result<bool, Violation> {
        if !complete {
            self.control.extend_from_slice(payload);
            return Ok(true);
        }
        if self.open.is_none() {
            self.ended = self.ended.wrapping_add(1);
        }
        let kept = mem::take(&mut self.control);
        let whole: Vec<u8>;
        let payload = if kept.is_empty() {
            payload
        } else {
            whole = [&kept, payload].concat();
            &whole
        };
        Ok(match kind {
            FrameKind::Ping => sink(ClientInput::Ping(payload)),
            FrameKind::Pong => sink(ClientInput::Pong),
            FrameKind::Close | FrameKind::Continuation | FrameKind::Text | FrameKind::Binary => {
                sink(ClientInput::Close(close_code(payload)?))
            }
        })
    }

    fn message_payload(
        &mut self,
        header: &Header,
        payload: &[u8],
        complete: bool,
        sink: &mut impl FnMut(ClientInput<'_>) -> bool,
    ) -> Result<bool, Violation> {
        if self.compressed {
            return self.compressed_payload(header, payload, complete, sink);
        }
        let kind = self.open.unwrap_or(header.kind);
        let is_text = kind == FrameKind::Text;
        let last = complete && header.fin;
        if last {
            self.ended = self.ended.wrapping_add(1);
        }
        // The usual message comes in one piece: it is lent to the sink where it lies, without a
        // copy.
        if last && self.message.is_empty() {
            self.open = None;
            if is_text && str::from_utf8(payload).is_err() {
                return Err(Violation::Utf8);
            }
            return Ok(sink(ClientInput::Message(kind, payload)));
        }
        self.keep(payload);
        if is_text {
            self.check_utf8(last)?;
        }
        if !last {
            return Ok(true);
        }
        self.open = None;
        self.utf8_bytes = 0;
        let message = mem::take(&mut self.message);
        Ok(sink(ClientInput::Message(kind, &message)))
    }

    fn compressed_payload(
        &mut self,
        header: &Header,
        payload: &[u8],
        complete: bool,
        sink: &mut impl FnMut(ClientInput<'_>) -> bool,
    ) -> Result<bool, Violation> {
        if !(complete && header.fin) {
            self.keep(payload);
            return Ok(true);
        }
        self.ended = self.ended.wrapping_add(1);
        let kind = self.open.take().unwrap_or(header.kind);
        let message = if self.message.is_empty() {
            inflate(payload, self.limit)?
        } else {
            self.keep(payload);
            inflate(&mem::take(&mut self.message), self.limit)?
        };
        if kind == FrameKind::Text && str::from_utf8(&message).is_err() {
            return Err(Violation::Utf8);
        }
        Ok(sink(ClientInput::Message(kind, &message)))
    }

    /// Returns how long the message may be that is open, as it comes.
    const fn limit(&self) -> usize {
        if !self.compressed {
            return self.limit;
        }
        // What cannot be compressed becomes a little longer, by an eighth at the very worst.
        self.limit.saturating_add(self.limit / 8).saturating_add(64)
    }

    /// Appends to the message, doubling its buffer but never past the limit.
    fn keep(&mut self, payload: &[u8]) {
        let needed = self.message.len() + payload.len();
        if needed > self.message.capacity() {
            let capacity = needed.max(self.message.capacity() * 2).min(self.limit());
            self.message.reserve_exact(capacity - self.message.len());
        }
        self.message.extend_from_slice(payload);
    }

    /// Checks the new end of a text; a character may be cut unless it is the last.
    fn check_utf8(&mut self, last: bool) -> Result<(), Violation> {
        match str::from_utf8(&self.message[self.utf8_bytes..]) {
            Ok(text) => self.utf8_bytes += text.len(),
            Err(fault) if fault.error_len().is_none() && !last => self.utf8_bytes += fault.valid_up_to(),
            Err(_) => return Err(Violation::Utf8),
        }
        Ok(())
    }
}

/// Completes the header of which `kept[..len]` came before; says how much of `input` it used.
///
/// `None` means that all of `input` was kept and more is needed.
pub(super) fn next_header(
    kept: &mut [u8; HEADER_BYTES_MAX],
    len: &mut u8,
    input: &[u8],
    inflates: bool,
) -> Result<Option<(Header, usize)>, Violation> {
    if *len == 0
        && let Some(found) = Header::parse(input, inflates)?
    {
        return Ok(Some(found));
    }
    let before = usize::from(*len);
    let room = HEADER_BYTES_MAX - before;
    let more = input.len().min(room);
    kept[before..before + more].copy_from_slice(&input[..more]);
    match Header::parse(&kept[..before + more], inflates)? {
        Some((header, used)) => Ok(Some((header, used - before))),
        None => {
            #[expect(clippy::cast_possible_truncation, reason = "at most 14, the longest header")]
            let now = (before + more) as u8;
            *len = now;
            Ok(None)
        }
    }
}

/// Source: RFC 6455, sections 5.5.1 and 7.4.
fn close_code(payload: &[u8]) -> Result<Option<u16>, Violation> {
    if payload.is_empty() {
        return Ok(None);
    }
    let Some((code, reason)) = payload.split_first_chunk() else {
        return Err(Violation::Protocol("a close frame has only half a close code"));
    };
    let code = u16::from_be_bytes(*code);
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Violation::Protocol("a close frame has a code that a client may not send"));
    }
    if str::from_utf8(reason).is_err() {
        return Err(Violation::Utf8);
    }
    Ok(Some(code))
}
