//! The stream of what happens.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;
use futures_util::StreamExt;

use crate::error::Error;
use crate::event::Update;

/// A stream of [`Update`]s.
///
/// [`Presence::events`](crate::Presence::events) returns it.
///
/// # Delivery
///
/// Every event after the start, once, in an order that keeps the transitions of each id in theirs;
/// events that are lost are announced by an item of kind [`Lagged`](crate::ErrorKind::Lagged). An
/// error is an item, not the end: the stream ends when the backend is shut down or dropped, after
/// the events before that.
///
/// The events of a room are [`Events`] of [`RoomUpdate`](crate::rooms::RoomUpdate)s, under the same
/// rules.
pub struct Events<U = Update>(Pin<Box<dyn Stream<Item = Result<U, Error>> + Send>>);

impl<U> Events<U> {
    /// Wraps the stream of a backend.
    ///
    /// This is for backends.
    pub fn new(stream: impl Stream<Item = Result<U, Error>> + Send + 'static) -> Self {
        // Fused, so that waiting beyond the end is no panic, whatever the backend's stream does.
        Self(Box::pin(stream.fuse()))
    }

    /// Waits for the next item; `None` after the last.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped nothing is lost.
    ///
    /// # Errors
    ///
    /// [`Lagged`](crate::ErrorKind::Lagged) if events were lost that are older than the next one;
    /// [`Unavailable`](crate::ErrorKind::Unavailable), once for each outage, if events cannot be
    /// read now.
    pub async fn next(&mut self) -> Option<Result<U, Error>> {
        std::future::poll_fn(|context| self.0.as_mut().poll_next(context)).await
    }
}

impl<U> Stream for Events<U> {
    type Item = Result<U, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.as_mut().poll_next(context)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<U> fmt::Debug for Events<U> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").finish_non_exhaustive()
    }
}
