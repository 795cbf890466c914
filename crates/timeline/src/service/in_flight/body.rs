//! The body of an answer, in pieces that are let go of as they are written.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use super::answer::Answer;
use super::part::PermitPart;
use super::permit::AnswerPermit;

/// The bytes of a piece: as many as a frame of HTTP/2 has as a rule.
const PIECE_BYTES: usize = 16 * 1024;

/// Text in pieces of memory, so that each can be given back alone.
#[derive(Debug)]
pub(crate) struct Pieces {
    pieces: Vec<Vec<u8>>,
    bytes: usize,
}

impl Pieces {
    /// Copies what was encoded in one piece.
    pub(crate) fn copy_of(bytes: &[u8]) -> Self {
        let pieces = bytes.chunks(PIECE_BYTES).map(<[u8]>::to_vec).collect();
        Self { pieces, bytes: bytes.len() }
    }

    pub(crate) fn len(&self) -> usize {
        self.bytes
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(crate) struct AnswerBody {
    answer: Arc<Answer>,
    trailers: Option<HeaderMap>,
    /// What follows instead of the rest when it is cut.
    trailers_of_cut: Option<HeaderMap>,
    bytes: u64,
}

/// The answer was cut.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(super::CUT)
    }
}

impl std::error::Error for Cut {}

impl AnswerBody {
    /// An answer over a connection that carries nothing else meanwhile.
    #[cfg(any(feature = "http", test))]
    pub(crate) fn alone(pieces: Pieces, room: AnswerPermit) -> Self {
        Self::new(pieces, room, true, None, None)
    }

    /// An answer beside others, which has `trailers`, and others when it is cut.
    #[cfg(feature = "grpc")]
    pub(crate) fn with_trailers(
        pieces: Pieces,
        room: AnswerPermit,
        trailers: Option<HeaderMap>,
        trailers_of_cut: HeaderMap,
    ) -> Self {
        Self::new(pieces, room, false, trailers, Some(trailers_of_cut))
    }

    fn new(
        pieces: Pieces,
        room: AnswerPermit,
        alone: bool,
        trailers: Option<HeaderMap>,
        trailers_of_cut: Option<HeaderMap>,
    ) -> Self {
        let bytes = pieces.len() as u64;
        let (in_flight, connection, parts) = room.into_parts(pieces.pieces.iter().map(Vec::len));
        let rest = pieces.pieces.into_iter().zip(parts).collect();
        let answer = Arc::new(Answer::new(rest, connection, alone));
        in_flight.watch(&answer);
        Self { answer, trailers, trailers_of_cut, bytes }
    }
}

#[cfg(feature = "http")]
impl AnswerPermit {
    /// Returns the body of an answer that its connection carries alone, as HTTP/1 does.
    ///
    /// Its bytes have this room until they are written. None is returned when the answer is larger
    /// than was reserved and there is no room for the rest.
    #[must_use]
    pub fn into_body(self, answer: &[u8]) -> Option<axum::body::Body> {
        let room = self.fit(answer.len()).ok()?;
        Some(axum::body::Body::new(AnswerBody::alone(Pieces::copy_of(answer), room)))
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        // This never waits, as all pieces are there; so nobody has to be woken by a cut, either. It
        // is seen when the server next has room for a piece.
        let (next, cut) = self.answer.give();
        if let Some((bytes, part)) = next {
            self.bytes -= bytes.len() as u64;
            let piece = Piece { bytes, part: Some(part), answer: Arc::clone(&self.answer) };
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_owner(piece)))));
        }
        // An answer may be cut after its last byte was given away. Then it is whole, and ends as
        // such.
        if cut && self.bytes > 0 {
            self.bytes = 0;
            self.trailers = None;
            return Poll::Ready(Some(self.trailers_of_cut.take().map(Frame::trailers).ok_or(Cut)));
        }
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes == 0 && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes)
    }
}

/// A piece that the server has, until it is written.
struct Piece {
    bytes: Vec<u8>,
    part: Option<PermitPart>,
    answer: Arc<Answer>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        // The order matters: the memory is freed first, and its room is given back then.
        let bytes = std::mem::take(&mut self.bytes).len();
        self.part = None;
        self.answer.take(bytes);
    }
}
