//! The stream of a node that is not proven to be a sister: little of it is read.
//!
//! ```text
//!  HTTP head ──► short frames, one at a time ──► proven: everything
//!  (if dialled)  1 KiB of all of them
//! ```
//!
//! A WebSocket makes room for a frame when it has read its head, and a batch of a sister may have
//! 80 MiB. So until a node is proven the frames that it sends are looked at here first. They are
//! handed on one at a time: behind the last one of the challenge may come a batch, which is not to
//! be taken for a part of it.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that are read of a node before it has proven to be a sister: the challenge has 130.
pub(crate) const STRANGER_BYTES_MAX: usize = 1024;

/// A stream of which little is read until its other end is proven.
#[derive(Debug)]
pub(crate) struct Stranger<S> {
    stream: S,
    /// What was read and not handed on.
    ahead: BytesMut,
    watch: SeenPart,
    proof: Proof,
}

/// Says to a [`Stranger`] that its other end is proven.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proof(Arc<AtomicBool>);

/// What was seen of a stranger so far.
#[derive(Debug)]
enum SeenPart {
    Head(HeadPart),
    Frames(FrameParts),
}

/// Where in the head of an answer, as its parser sees it: it skips empty lines before it, and a
/// line may end without a carriage return.
#[derive(Clone, Copy, Debug)]
enum HeadPart {
    BeforeIt,
    InLine,
    LineBegin,
    /// Behind a carriage return at the begin of a line.
    Return,
}

/// Where in which frame.
#[derive(Debug)]
struct FrameParts {
    /// Bytes of the head that were seen, but for those of a longer length.
    at: u8,
    is_masked: bool,
    /// Bytes of the length that are still to come.
    length_bytes: u8,
    length: u64,
    /// Bytes of the mask and the payload that are still to come.
    rest: usize,
    /// Bytes that may come before the proof.
    left: usize,
}

impl Proof {
    /// The other end is proven.
    pub(crate) fn prove(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_made(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl<S> Stranger<S> {
    /// Creates it for a stream behind the handshake of HTTP, of which some was read already.
    pub(crate) fn new(stream: S, already_read: &Bytes) -> Self {
        let watch = SeenPart::Frames(FrameParts::new());
        Self { stream, ahead: BytesMut::from(&**already_read), watch, proof: Proof::default() }
    }

    /// Creates it for a stream on which the answer of HTTP has still to come.
    pub(crate) fn dialled(stream: S) -> Self {
        Self {
            stream,
            ahead: BytesMut::new(),
            watch: SeenPart::Head(HeadPart::BeforeIt),
            proof: Proof::default(),
        }
    }

    /// Returns what says that it is proven.
    pub(crate) fn proof(&self) -> Proof {
        self.proof.clone()
    }
}

impl<S: AsyncRead + Unpin> Stranger<S> {
    /// Waits until something is there to be handed on, or the end.
    fn poll_ahead(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.ahead.is_empty() {
            let mut bytes = [0; STRANGER_BYTES_MAX];
            let mut read = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut read))?;
            self.ahead.extend_from_slice(read.filled());
        }
        Poll::Ready(Ok(()))
    }
}

impl SeenPart {
    /// Takes the next byte; tells whether more may be handed on with it.
    fn takes(&mut self, byte: u8) -> io::Result<bool> {
        match self {
            Self::Head(part) => {
                let next = part.behind(byte);
                let is_over = next.is_none();
                *self = next.map_or_else(|| Self::Frames(FrameParts::new()), Self::Head);
                Ok(!is_over)
            }
            Self::Frames(frames) => frames.takes(byte),
        }
    }
}

impl HeadPart {
    /// Returns where it is behind the next byte; `None` at its end.
    const fn behind(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::BeforeIt, b'\r' | b'\n') => Self::BeforeIt,
            (Self::LineBegin, b'\r') => Self::Return,
            (Self::LineBegin | Self::Return, b'\n') => return None,
            (_, b'\n') => Self::LineBegin,
            _ => Self::InLine,
        })
    }
}

impl FrameParts {
    const fn new() -> Self {
        let left = STRANGER_BYTES_MAX;
        Self { at: 0, is_masked: false, length_bytes: 0, length: 0, rest: 0, left }
    }

    /// Takes the next byte; `false` at the end of a frame.
    fn takes(&mut self, byte: u8) -> io::Result<bool> {
        self.left = self.left.checked_sub(1).ok_or_else(too_much)?;
        if self.rest > 0 {
            self.rest -= 1;
            return Ok(self.rest > 0);
        }
        match self.at {
            0 => {
                self.at = 1;
                return Ok(true);
            }
            1 => {
                self.at = 2;
                self.is_masked = byte & 0x80 != 0;
                match byte & 0x7f {
                    126 => self.length_bytes = 2,
                    127 => self.length_bytes = 8,
                    short => self.length = u64::from(short),
                }
            }
            _ => {
                self.length = self.length << 8 | u64::from(byte);
                self.length_bytes -= 1;
            }
        }
        if self.length_bytes > 0 {
            return Ok(true);
        }
        // The head is whole, but for the mask.
        let length = usize::try_from(self.length).map_err(|_| too_much())?;
        if length > self.left {
            return Err(too_much());
        }
        *self = Self { rest: length + if self.is_masked { 4 } else { 0 }, left: self.left, ..Self::new() };
        Ok(self.rest > 0)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Stranger<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let is_proven = this.proof.is_made();
        if is_proven && this.ahead.is_empty() {
            return Pin::new(&mut this.stream).poll_read(cx, buffer);
        }
        ready!(this.poll_ahead(cx))?;
        let most = this.ahead.len().min(buffer.remaining());
        let mut taken = if is_proven { most } else { 0 };
        while taken < most {
            let goes_on = this.watch.takes(this.ahead[taken])?;
            taken += 1;
            if !goes_on {
                break;
            }
        }
        buffer.put_slice(&this.ahead[..taken]);
        this.ahead.advance(taken);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Stranger<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

fn too_much() -> io::Error {
    let text =
        format!("a node sent more than {STRANGER_BYTES_MAX} bytes before it had proven to be a sister");
    io::Error::new(io::ErrorKind::InvalidData, text)
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    fn stranger(bytes: &[u8]) -> Stranger<tokio::io::Empty> {
        Stranger::new(tokio::io::empty(), &Bytes::copy_from_slice(bytes))
    }

    /// Reads once, as much as is handed on.
    async fn read(stranger: &mut Stranger<impl AsyncRead + Unpin>) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; 4_096];
        let len = stranger.read(&mut bytes).await?;
        bytes.truncate(len);
        Ok(bytes)
    }

    #[tokio::test]
    async fn short_frames_come_one_at_a_time_and_behind_the_proof_everything() {
        let frames: [&[u8]; 5] = [
            &[0x82, 2, 7, 8],
            &[0x82, 0x81, 1, 2, 3, 4, 9],
            &[0x89, 0],
            &[0x82, 126, 0, 3, 1, 2, 3],
            &[0x82, 126, 0xff, 0xff, 1],
        ];
        let mut stranger = stranger(&frames.concat());
        for frame in &frames[..4] {
            assert_eq!(read(&mut stranger).await.expect("it is short"), *frame);
        }
        stranger.proof().prove();
        assert_eq!(read(&mut stranger).await.expect("it is proven"), frames[4]);
        assert!(read(&mut stranger).await.expect("it is over").is_empty());
    }

    #[tokio::test]
    async fn a_long_frame_is_an_error_at_its_head() {
        let lengths: [&[u8]; 4] =
            [&[126, 0x28, 0], &[0xfe, 0x28, 0], &[127, 0, 0, 0, 0, 5, 0, 0, 0], &[127; 9]];
        for length in lengths {
            let frame = [&[0x82][..], length, &[0; 20]].concat();
            read(&mut stranger(&frame)).await.expect_err("it is no sister");
        }
    }

    #[tokio::test]
    async fn many_short_frames_are_too_much_as_well() {
        let mut stranger = stranger(&[0x89_u8, 2, 0, 0].repeat(300));
        let mut frames = 0;
        while read(&mut stranger).await.is_ok() {
            frames += 1;
        }
        assert_eq!(frames, STRANGER_BYTES_MAX / 4);
    }

    #[tokio::test]
    async fn what_comes_behind_the_head_of_an_answer_is_looked_at() {
        let head = b"HTTP/1.1 101 Switching\r\n\r\r\nA: b\r\n\r\n";
        let (mut near, far) = tokio::io::duplex(4_096);
        let answer = [&head[..], &[0x82, 1, 7], &[0x82, 126, 0x28, 0]].concat();
        tokio::io::AsyncWriteExt::write_all(&mut near, &answer).await.expect("it has room");
        let mut stranger = Stranger::dialled(far);
        assert_eq!(read(&mut stranger).await.expect("it is a head"), head);
        assert_eq!(read(&mut stranger).await.expect("it is short"), [0x82, 1, 7]);
        read(&mut stranger).await.expect_err("it is no sister");
    }

    #[tokio::test]
    async fn the_head_of_an_answer_ends_where_its_parser_sees_the_end() {
        let heads: [&[u8]; 4] = [
            b"HTTP/1.1 101 Switching\nA: b\n\n",
            b"HTTP/1.1 101 Switching\r\nA: b\n\r\n",
            b"\r\n\r\nHTTP/1.1 101 Switching\r\nA: b\r\n\r\n",
            b"\n\nHTTP/1.1 101 Switching\r\nA: b\r\n\n",
        ];
        for head in heads {
            let (mut near, far) = tokio::io::duplex(4_096);
            let answer = [head, &[0x82, 127, 0, 0, 0, 0, 5, 0, 0, 0]].concat();
            tokio::io::AsyncWriteExt::write_all(&mut near, &answer).await.expect("it has room");
            let mut stranger = Stranger::dialled(far);
            assert_eq!(read(&mut stranger).await.expect("it is a head"), head);
            read(&mut stranger).await.expect_err("it is no sister");
        }
    }
}
