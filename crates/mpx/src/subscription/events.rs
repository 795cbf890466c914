//! The stream of a subscription.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use super::shared::Subscription;
use crate::error::Error;
use crate::event::Event;
use crate::sink::Receiver;

/// What a subscription hears, in order.
///
/// An error is an item, not the end: after one of kind [`Lagged`](crate::ErrorKind::Lagged) the
/// stream goes on. It ends when the subscription is closed, after what came before; dropping it
/// closes the subscription.
#[derive(Debug)]
pub struct Events {
    inner: Arc<Subscription>,
}

impl Events {
    pub(super) fn new(inner: Arc<Subscription>) -> Self {
        Self { inner }
    }

    /// Waits for the next item; `None` after the last.
    ///
    /// # Cancel safety
    ///
    /// If it is dropped nothing is lost.
    ///
    /// # Errors
    ///
    /// [`Lagged`](crate::ErrorKind::Lagged) if messages were dropped that are older than the next
    /// one; [`Overflow`](crate::ErrorKind::Overflow), as the last item, if it was closed since it
    /// did not read what came.
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    fn poll(&self, context: &Context<'_>) -> Poll<Option<Result<Event, Error>>> {
        match &self.inner.sink.receiver {
            Receiver::Queue(queue) => queue.poll(context),
            Receiver::Handler(_) | Receiver::Promises(_) => Poll::Ready(None),
        }
    }
}

impl Stream for Events {
    type Item = Result<Event, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll(context)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.inner.close();
    }
}
