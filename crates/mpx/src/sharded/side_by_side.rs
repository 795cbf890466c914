//! Futures that run side by side in one task.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A few futures, of which the first that ends counts.
///
/// All are polled whenever one of them is woken, in the order in which they were added: for a few
/// that costs nothing, and a simulation repeats.
pub(super) struct SideBySide<'a, T>(Vec<Pin<Box<dyn Future<Output = T> + Send + 'a>>>);

impl<'a, T> SideBySide<'a, T> {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    pub(super) fn add(&mut self, future: impl Future<Output = T> + Send + 'a) {
        self.0.push(Box::pin(future));
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Waits for the next one that ends, and forever if there is none. Dropped, it loses nothing.
    pub(super) async fn next(&mut self) -> T {
        poll_fn(|context| self.poll_next(context)).await
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<T> {
        for index in 0..self.0.len() {
            if let Poll::Ready(output) = self.0[index].as_mut().poll(context) {
                drop(self.0.remove(index));
                return Poll::Ready(output);
            }
        }
        Poll::Pending
    }
}
