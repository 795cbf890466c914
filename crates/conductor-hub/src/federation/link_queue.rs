//! What waits to be sent to one sister.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Poll, Waker};

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;

use super::item::Item;

/// Bytes of items beyond which a batch takes no more.
const BATCH_BYTES: usize = 64 * 1024;

/// What an item costs besides its bytes, roughly: its place.
const ITEM_COST: usize = 64;

/// A queue of items with a bound in bytes. Anybody pushes, one task takes.
#[derive(Debug)]
pub(crate) struct LinkQueue {
    inner: Mutex<Locked>,
    bytes_max: usize,
}

#[derive(Debug, Default)]
struct Locked {
    items: VecDeque<Item>,
    bytes: usize,
    waker: Option<Waker>,
}

/// The queue has no room: its sister does not keep up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueFull;

impl LinkQueue {
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { inner: Mutex::default(), bytes_max }
    }

    /// Adds an item at the end.
    pub(crate) fn push(&self, item: Item) -> Result<(), QueueFull> {
        let mut inner = self.inner.lock();
        let cost = item.encoded_len() + ITEM_COST;
        if inner.bytes + cost > self.bytes_max {
            return Err(QueueFull);
        }
        inner.bytes += cost;
        inner.items.push_back(item);
        let waker = inner.waker.take();
        drop(inner);
        if let Some(waker) = waker {
            waker.wake();
        }
        Ok(())
    }

    /// Returns what waits.
    pub(crate) fn bytes(&self) -> usize {
        self.inner.lock().bytes
    }

    /// Waits for items, and takes as many as make a batch.
    ///
    /// # Cancel safety
    ///
    /// Nothing is taken unless it is returned.
    pub(crate) async fn batch(&self) -> Bytes {
        poll_fn(|cx| {
            let mut inner = self.inner.lock();
            if inner.items.is_empty() {
                inner.waker = Some(cx.waker().clone());
                return Poll::Pending;
            }
            let mut batch = BytesMut::new();
            while batch.len() < BATCH_BYTES
                && let Some(item) = inner.items.pop_front()
            {
                inner.bytes -= item.encoded_len() + ITEM_COST;
                item.encode(&mut batch);
            }
            if inner.items.is_empty() {
                inner.items = VecDeque::new();
            }
            Poll::Ready(batch.freeze())
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interest(name: &str) -> Item {
        Item::Interest { name: name.into(), hops: 1 }
    }

    #[tokio::test]
    async fn it_is_bounded_in_bytes_and_comes_out_in_order() {
        let queue = LinkQueue::new(300);
        for name in ["a", "b", "c", "d"] {
            queue.push(interest(name)).expect("it has room");
        }
        assert_eq!(queue.push(interest("e")), Err(QueueFull));
        let mut batch = queue.batch().await;
        let mut names = Vec::new();
        while let Some(item) = Item::decode(&mut batch).expect("it was encoded") {
            names.push(item);
        }
        assert_eq!(names, ["a", "b", "c", "d"].map(interest));
        assert_eq!(queue.bytes(), 0);
    }
}
