//! An answer on its way, in pieces that are let go of as they are written.
//!
//! It is cut when others wait for the room.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::Connection;
use super::room::{Part, Room};

/// The bytes of a piece: as many as a frame of HTTP/2 has as a rule.
const PIECE_BYTES: usize = 16 * 1024;

/// An answer that nothing was taken of for so long stands still.
pub(super) const STILL: Duration = Duration::from_millis(250);

/// An answer that moves is slow below so many bytes a second.
const SLOW: u64 = 256 * 1024;

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

/// The way of one answer.
#[derive(Debug)]
pub(super) struct Answer {
    way: Mutex<Way>,
    started: Instant,
    connection: Option<Connection>,
    /// Nothing else goes over its connection, so that this ends with it.
    alone: bool,
}

#[derive(Debug)]
struct Way {
    /// What the server has not asked for yet.
    rest: VecDeque<(Vec<u8>, Part)>,
    /// The bytes that it has and has not written.
    given: usize,
    /// The bytes that were written.
    taken: u64,
    moved: Instant,
    cut: bool,
}

/// How slow an answer is; the least of several is the one to cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pace {
    /// Whoever was cut already has little left to give.
    was_cut: bool,
    bytes_per_second: u64,
    moved: Instant,
}

impl Answer {
    /// How slow it is; `None` if it moves as it should, or has nothing to give.
    pub(super) fn pace(&self, now: Instant) -> Option<Pace> {
        let way = self.way.lock();
        let closable = !way.rest.is_empty() || (way.given > 0 && self.connection.is_some());
        let age = now.saturating_duration_since(self.started);
        if !closable || age < STILL {
            return None;
        }
        let still = now.saturating_duration_since(way.moved) >= STILL;
        let milliseconds = u64::try_from(age.as_millis()).unwrap_or(u64::MAX).max(1);
        let bytes_per_second = if still { 0 } else { way.taken.saturating_mul(1_000) / milliseconds };
        (bytes_per_second < SLOW).then_some(Pace { was_cut: way.cut, bytes_per_second, moved: way.moved })
    }

    /// Ends it, and returns how many bytes that gives back: what is not asked for at once, and what
    /// the server's buffers hold with the connection.
    pub(super) fn cut(&self) -> usize {
        let (rest, given, again) = {
            let mut way = self.way.lock();
            let again = std::mem::replace(&mut way.cut, true);
            (std::mem::take(&mut way.rest), way.given, again)
        };
        let mut freed: usize = rest.iter().map(|(piece, _)| piece.len()).sum();
        if let Some(connection) = self.connection.as_ref().filter(|_| self.alone || again) {
            connection.close();
            freed += given;
        }
        freed
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
    pub(crate) fn alone(pieces: Pieces, room: Room) -> Self {
        Self::new(pieces, room, true, None, None)
    }

    /// An answer beside others, which has `trailers`, and others when it is cut.
    #[cfg(feature = "grpc")]
    pub(crate) fn with_trailers(
        pieces: Pieces,
        room: Room,
        trailers: Option<HeaderMap>,
        trailers_of_cut: HeaderMap,
    ) -> Self {
        Self::new(pieces, room, false, trailers, Some(trailers_of_cut))
    }

    fn new(
        pieces: Pieces,
        room: Room,
        alone: bool,
        trailers: Option<HeaderMap>,
        trailers_of_cut: Option<HeaderMap>,
    ) -> Self {
        let bytes = pieces.len() as u64;
        let (in_flight, connection, parts) = room.into_parts(pieces.pieces.iter().map(Vec::len));
        let now = Instant::now();
        let rest = pieces.pieces.into_iter().zip(parts).collect();
        let way = Mutex::new(Way { rest, given: 0, taken: 0, moved: now, cut: false });
        let answer = Arc::new(Answer { way, started: now, connection, alone });
        in_flight.watch(&answer);
        Self { answer, trailers, trailers_of_cut, bytes }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let (next, cut) = {
            let mut way = self.answer.way.lock();
            let next = way.rest.pop_front();
            if let Some((bytes, _)) = &next {
                way.given += bytes.len();
            }
            (next, way.cut)
        };
        if let Some((bytes, part)) = next {
            self.bytes -= bytes.len() as u64;
            let piece = Piece { bytes, part: Some(part), answer: Arc::clone(&self.answer) };
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_owner(piece)))));
        }
        // An answer that was cut when it had been given away whole is whole.
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
    part: Option<Part>,
    answer: Arc<Answer>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        // The memory first, then the room for it.
        let bytes = std::mem::take(&mut self.bytes).len();
        self.part = None;
        let mut way = self.answer.way.lock();
        way.given -= bytes;
        way.taken += bytes as u64;
        way.moved = Instant::now();
    }
}
