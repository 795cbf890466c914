//! A body of a request, which takes room as it comes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::Error;
use axum::body::{Body, Bytes, HttpBody};
use futures_util::future::BoxFuture;
use hyper::body::{Frame, SizeHint};
use tokio::sync::OwnedSemaphorePermit;

use super::body::{BodyEnd, BodyProgress};
use super::body_memory::{BodyMemory, Full};

/// A body that tells how it comes, and takes room for what has come.
pub(super) struct TrackedBody {
    body: Body,
    arrival: Arc<BodyProgress>,
    bodies: BodyMemory,
    /// A piece that waits for room.
    waiting: Option<(BoxFuture<'static, Result<OwnedSemaphorePermit, Full>>, Frame<Bytes>)>,
}

impl TrackedBody {
    pub(super) fn new(body: Body, arrival: &Arc<BodyProgress>, bodies: &BodyMemory) -> Self {
        if body.is_end_stream() {
            arrival.finish();
        }
        Self { body, arrival: Arc::clone(arrival), bodies: bodies.clone(), waiting: None }
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
            self.arrival.hold();
            let bodies = self.bodies.clone();
            self.waiting = Some((Box::pin(async move { bodies.take(bytes).await }), frame));
        }
        let Some((room, _)) = &mut self.waiting else { return Poll::Ready(None) };
        let room = ready!(room.as_mut().poll(context));
        let frame = self.waiting.take().map(|(_, frame)| frame);
        match room {
            Ok(permit) => self.arrival.came(permit),
            Err(Full) => self.arrival.end(BodyEnd::NoRoom),
        }
        Poll::Ready(frame.map(Ok))
    }
}

impl HttpBody for TrackedBody {
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
        // The order matters: the end is asked for last, so that one that comes meanwhile is not
        // overlooked.
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

impl Drop for TrackedBody {
    fn drop(&mut self) {
        // Nobody wants the rest.
        self.arrival.finish();
    }
}
