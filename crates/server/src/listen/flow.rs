//! One answer on its way to a client: whose turn it is, and since when.
//!
//! ```text
//!           head answered, or a piece given away
//! our turn ──────────────────────────────────────► the client's turn
//!    ▲                                                     │
//!    └── all pieces are written, and one is asked for ◄────┘
//! ```
//!
//! The body is given away in pieces, each of which tells when its memory is let go: by then it is
//! in the system's buffer. hyper asks for the next piece only when the connection has room, so a
//! client that does not read stops all this, in HTTP/1 by its socket and in HTTP/2 by its window,
//! and is found by the time since something moved.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Error;
use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};
use parking_lot::Mutex;
use tokio::time::Instant;

use super::pace::{Pace, SLOW};

/// The most of a body that is given away at once: a slow client has the whole time limit for each.
const PIECE_BYTES: usize = 64 * 1024;

/// An answer of which no piece was taken for so long is slow, as a body is that comes with as few
/// bytes.
const TAKEN_WITHIN: Duration = Duration::from_secs(PIECE_BYTES as u64 / SLOW);

/// How far an answer is. Lives until the last byte of it is written.
#[derive(Debug)]
pub(super) struct Flow {
    state: Mutex<Locked>,
    /// Runs when the answer is over.
    over: Box<dyn OnOver>,
}

/// Hears of the end of an answer.
pub(super) trait OnOver: std::fmt::Debug + Send + Sync {
    fn over(&self);
}

#[derive(Debug)]
struct Locked {
    /// Pieces given away and not yet written.
    pieces: usize,
    /// Whether we were asked for more and have nothing yet.
    ours: bool,
    moved: Instant,
}

impl Flow {
    pub(super) fn new(over: impl OnOver + 'static) -> Self {
        Self {
            state: Mutex::new(Locked { pieces: 0, ours: true, moved: Instant::now() }),
            over: Box::new(over),
        }
    }

    /// Whether the client took nothing for so long.
    pub(super) fn is_stuck(&self, limit: Duration) -> bool {
        self.waits_since().is_some_and(|moved| moved.elapsed() >= limit)
    }

    /// How slowly the client takes it; `None` if it takes it as it should, or waits for us.
    pub(super) fn pace(&self, now: Instant) -> Option<Pace> {
        let moved = self.waits_since()?;
        let is_slow = now.saturating_duration_since(moved) >= TAKEN_WITHIN;
        is_slow.then(|| Pace::of(0, moved)).flatten()
    }

    /// Notes that the head is answered: the client may still have an earlier answer to take.
    pub(super) fn head_answered(&self) {
        self.change(|state| state.ours = false);
    }

    /// Since when the client has something to take.
    fn waits_since(&self) -> Option<Instant> {
        let state = self.state.lock();
        // Pieces count also when more was asked for: they lie in the buffer of the connection, and
        // it is the client who does not take them.
        (state.pieces > 0 || !state.ours).then_some(state.moved)
    }

    fn change(&self, change: impl FnOnce(&mut Locked)) {
        let mut state = self.state.lock();
        change(&mut state);
        state.moved = Instant::now();
    }
}

impl Drop for Flow {
    fn drop(&mut self) {
        self.over.over();
    }
}

/// A body that tells how it flows.
pub(super) struct Flowing {
    body: Body,
    rest: Bytes,
    flow: Arc<Flow>,
}

impl Flowing {
    pub(super) fn new(body: Body, flow: Arc<Flow>) -> Self {
        Self { body, rest: Bytes::new(), flow }
    }

    fn piece(&mut self) -> Frame<Bytes> {
        let bytes = self.rest.split_to(self.rest.len().min(PIECE_BYTES));
        self.flow.change(|state| {
            state.pieces += 1;
            state.ours = false;
        });
        Frame::data(Bytes::from_owner(Piece { bytes, flow: Arc::clone(&self.flow) }))
    }
}

impl HttpBody for Flowing {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(self.piece())));
        }
        // From here on it is we who have nothing, until the body inside has a frame.
        self.flow.change(|state| state.ours = true);
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        Poll::Ready(match frame.map(|frame| frame.map(Frame::into_data)) {
            Some(Ok(Ok(bytes))) if !bytes.is_empty() => {
                self.rest = bytes;
                Some(Ok(self.piece()))
            }
            Some(Ok(Ok(empty))) => Some(Ok(Frame::data(empty))),
            Some(Ok(Err(trailers))) => Some(Ok(trailers)),
            Some(Err(error)) => Some(Err(error)),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // What was taken out of the body and not given away yet still counts to its length.
        let (mut hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        if let Some(upper) = hint.upper() {
            hint.set_upper(upper + rest);
        }
        hint.set_lower(hint.lower() + rest);
        hint
    }
}

/// Part of a body that tells when its memory is let go.
struct Piece {
    bytes: Bytes,
    flow: Arc<Flow>,
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.flow.change(|state| state.pieces -= 1);
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[derive(Debug)]
    struct Nothing;

    impl OnOver for Nothing {
        fn over(&self) {}
    }

    const LIMIT: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_stuck_while_a_piece_waits_and_not_while_we_have_nothing() {
        let flow = Arc::new(Flow::new(Nothing));
        let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Bytes, Error>>(4);
        let stream = futures_util::stream::unfold(receiver, async |mut receiver| {
            let next = receiver.recv().await?;
            Some((next, receiver))
        });
        let mut body = Flowing::new(Body::from_stream(stream), Arc::clone(&flow));
        // Nobody has asked for anything: we are making the answer.
        tokio::time::advance(LIMIT * 2).await;
        assert!(!flow.is_stuck(LIMIT));
        sender.send(Ok(Bytes::from(vec![7; PIECE_BYTES + 1]))).await.unwrap();
        let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
        assert_eq!(first.len(), PIECE_BYTES);
        assert!(!flow.is_stuck(LIMIT));
        tokio::time::advance(LIMIT).await;
        assert!(flow.is_stuck(LIMIT));
        // Something moved, and the rest waits again.
        drop(first);
        assert!(!flow.is_stuck(LIMIT));
        tokio::time::advance(LIMIT).await;
        assert!(flow.is_stuck(LIMIT));
        assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap().len(), 1);
        // There is nothing more to give for now, which is not the client's fault.
        assert!(tokio::time::timeout(LIMIT * 2, body.frame()).await.is_err());
        assert!(!flow.is_stuck(LIMIT));
        drop(sender);
        assert!(body.frame().await.is_none());
    }
}
