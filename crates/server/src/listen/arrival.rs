//! One body of a request on its way to us: how far it is, and what of the room for bodies it has.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use axum::Error;
use axum::body::{Body, Bytes, HttpBody};
use futures_util::future::BoxFuture;
use hyper::body::{Frame, SizeHint};
use parking_lot::Mutex;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::bodies::{Bodies, Full};

/// A body of which nothing came for so long stands still.
pub(super) const STILL: Duration = Duration::from_millis(250);

/// A body that moves is slow below so many bytes a second.
const SLOW: u64 = 64 * 1024;

/// How far a body is. Lives until its request is answered, and keeps its room until then.
#[derive(Debug)]
pub(super) struct Arrival {
    state: Mutex<State>,
    started: Instant,
    bodies: Bodies,
}

#[derive(Debug)]
struct State {
    held: Option<OwnedSemaphorePermit>,
    bytes: u64,
    moved: Instant,
    /// All of it is here, or nobody wants it.
    finished: bool,
    /// It is us who keep it waiting.
    ours: bool,
    ended: Option<Ended>,
    waker: Option<Waker>,
}

/// Why a body ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It was the slowest one, and others waited for its room.
    TooSlow,
    /// There was no room for it.
    NoRoom,
}

/// How slow a body is; the least of several is the one to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pace {
    bytes_per_second: u64,
    moved: Instant,
}

impl Arrival {
    pub(super) fn new(bodies: &Bodies) -> Arc<Self> {
        let now = Instant::now();
        let state = State {
            held: None,
            bytes: 0,
            moved: now,
            finished: false,
            ours: false,
            ended: None,
            waker: None,
        };
        let arrival = Arc::new(Self { state: Mutex::new(state), started: now, bodies: bodies.clone() });
        bodies.watch(&arrival);
        arrival
    }

    /// How slow it is; `None` if it is here, or comes as it should.
    pub(super) fn pace(&self, now: Instant) -> Option<Pace> {
        let state = self.state.lock();
        let age = now.saturating_duration_since(self.started);
        if state.finished || state.ours || state.ended.is_some() || age < STILL {
            return None;
        }
        let still = now.saturating_duration_since(state.moved) >= STILL;
        let milliseconds = u64::try_from(age.as_millis()).unwrap_or(u64::MAX).max(1);
        let bytes_per_second = if still { 0 } else { state.bytes.saturating_mul(1_000) / milliseconds };
        (bytes_per_second < SLOW).then_some(Pace { bytes_per_second, moved: state.moved })
    }

    /// The bytes that it has and would give back.
    pub(super) fn held(&self) -> usize {
        self.state.lock().held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }

    /// Ends it: whoever reads it is told, and gives its room back with the answer.
    pub(super) fn end(&self, why: Ended) {
        let waker = {
            let mut state = self.state.lock();
            state.ended.get_or_insert(why);
            state.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    pub(super) fn ended(&self) -> Option<Ended> {
        self.state.lock().ended
    }

    fn came(&self, permit: OwnedSemaphorePermit) {
        let mut state = self.state.lock();
        state.bytes += permit.num_permits() as u64;
        match &mut state.held {
            Some(held) => held.merge(permit),
            None => state.held = Some(permit),
        }
        state.moved = Instant::now();
        state.ours = false;
    }

    fn finish(&self) {
        self.state.lock().finished = true;
    }

    fn wait(&self, context: &Context<'_>) {
        self.state.lock().waker = Some(context.waker().clone());
    }
}

impl Drop for Arrival {
    fn drop(&mut self) {
        self.bodies.given_back(self.held());
    }
}

/// A body that tells how it comes, and takes room for what has come.
pub(super) struct Arriving {
    body: Body,
    arrival: Arc<Arrival>,
    /// A piece that waits for room.
    waiting: Option<(BoxFuture<'static, Result<OwnedSemaphorePermit, Full>>, Frame<Bytes>)>,
}

impl Arriving {
    pub(super) fn new(body: Body, arrival: &Arc<Arrival>) -> Self {
        if body.is_end_stream() {
            arrival.finish();
        }
        Self { body, arrival: Arc::clone(arrival), waiting: None }
    }

    fn next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.waiting.is_none() {
            let frame = match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => frame,
                end => {
                    self.arrival.finish();
                    return Poll::Ready(end);
                }
            };
            let Some(bytes) = frame.data_ref().map(Bytes::len).filter(|bytes| *bytes > 0) else {
                return Poll::Ready(Some(Ok(frame)));
            };
            self.arrival.state.lock().ours = true;
            let bodies = self.arrival.bodies.clone();
            self.waiting = Some((Box::pin(async move { bodies.take(bytes).await }), frame));
        }
        let Some((room, _)) = &mut self.waiting else { return Poll::Ready(None) };
        let room = ready!(room.as_mut().poll(context));
        let frame = self.waiting.take().map(|(_, frame)| frame);
        match room {
            Ok(permit) => self.arrival.came(permit),
            Err(Full) => self.arrival.end(Ended::NoRoom),
        }
        Poll::Ready(frame.map(Ok))
    }
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let next = self.next(context);
        if next.is_pending() {
            self.arrival.wait(context);
        }
        // Asked for last, so that an end that comes meanwhile is not overlooked.
        match self.arrival.ended() {
            Some(_) => Poll::Ready(Some(Err(Error::new(io::Error::from(io::ErrorKind::TimedOut))))),
            None => next,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.waiting.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        // Nobody wants the rest.
        self.arrival.finish();
    }
}
