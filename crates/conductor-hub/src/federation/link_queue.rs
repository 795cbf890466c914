//! What waits to be sent to one sister.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::hash::BuildHasher;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Waker};

use bytes::{Bytes, BytesMut};
use foldhash::fast::RandomState;
use parking_lot::Mutex;

use super::channel_shares::ChannelShares;
use super::item::Item;

/// Bytes of items beyond which a batch takes no more.
const BATCH_BYTES: usize = 64 * 1024;

/// What an item costs besides its bytes, roughly: its place.
const ITEM_COST: usize = 64;

/// A queue of items with a bound in bytes. Anybody pushes, one task takes.
///
/// It knows how much of each channel is on its way, so that senders wait before one channel takes
/// the link for all others; see [`ChannelShares`].
#[derive(Debug)]
pub(crate) struct LinkQueue {
    inner: Mutex<Locked>,
    bytes_max: usize,
    hasher: RandomState,
    /// How many links are under pressure, over all: while there is none, nobody looks at any.
    pressed: Arc<AtomicUsize>,
}

#[derive(Debug)]
struct Locked {
    items: VecDeque<Item>,
    bytes: usize,
    waker: Option<Waker>,
    shares: ChannelShares,
    /// Whether it is counted in `pressed`.
    is_pressed: bool,
    /// Whether somebody who waits may go on, and was not told so.
    is_relieved: bool,
}

/// The queue has no room: its sister does not keep up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QueueFull;

impl LinkQueue {
    /// Creates an empty one; of one channel so much as the window may be on its way.
    pub(crate) fn new(bytes_max: usize, window: usize, pressed: Arc<AtomicUsize>) -> Self {
        let inner = Locked {
            items: VecDeque::new(),
            bytes: 0,
            waker: None,
            shares: ChannelShares::new(window),
            is_pressed: false,
            is_relieved: false,
        };
        Self { inner: Mutex::new(inner), bytes_max, hasher: RandomState::default(), pressed }
    }

    /// Adds an item at the end.
    pub(crate) fn push(&self, item: Item) -> Result<(), QueueFull> {
        let mut inner = self.inner.lock();
        // A sister who says what she takes is of this version.
        let item = if inner.shares.is_told() { item } else { item.for_older() };
        let cost = item.encoded_len() + ITEM_COST;
        if inner.bytes + cost > self.bytes_max {
            return Err(QueueFull);
        }
        if let Some((channel, bytes)) = self.share_of(&item) {
            inner.shares.queue(channel, bytes);
        }
        inner.bytes += cost;
        inner.items.push_back(item);
        self.note_pressure(&mut inner);
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

    /// Tells whether a channel has more on its way than so many windows.
    ///
    /// While half of the queue is full, it has if anything of it is on its way.
    pub(crate) fn is_over(&self, channel: &str, windows: usize) -> bool {
        let channel = self.hasher.hash_one(channel);
        let inner = self.inner.lock();
        inner.shares.is_over(channel, windows) || (self.is_half_full(&inner) && inner.shares.of(channel) > 0)
    }

    /// Notes how many parcels the sister has taken since the link began.
    pub(crate) fn note_taken(&self, parcels: u64) {
        let mut inner = self.inner.lock();
        let relieved = inner.shares.take(parcels);
        inner.is_relieved |= relieved;
        self.note_pressure(&mut inner);
    }

    /// Tells whether somebody who waits may go on, once.
    pub(crate) fn take_relief(&self) -> bool {
        mem::take(&mut self.inner.lock().is_relieved)
    }

    /// Drops everything: the link has ended, and nothing is pushed any more.
    pub(crate) fn clear(&self) {
        let mut inner = self.inner.lock();
        inner.items = VecDeque::new();
        inner.bytes = 0;
        inner.shares = inner.shares.emptied();
        self.note_pressure(&mut inner);
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
            let was_half_full = self.is_half_full(&inner);
            while batch.len() < BATCH_BYTES
                && let Some(item) = inner.items.pop_front()
            {
                inner.bytes -= item.encoded_len() + ITEM_COST;
                if let Some((channel, bytes)) = self.share_of(&item) {
                    let relieved = inner.shares.send(channel, bytes);
                    inner.is_relieved |= relieved;
                }
                item.encode(&mut batch);
            }
            // Those of channels that are within their windows go on, though others are not.
            if was_half_full && !self.is_half_full(&inner) {
                inner.is_relieved = true;
            }
            self.note_pressure(&mut inner);
            if inner.items.is_empty() {
                inner.items = VecDeque::new();
            }
            Poll::Ready(batch.freeze())
        })
        .await
    }

    /// Returns the channel of a parcel, and what it counts of its share.
    fn share_of(&self, item: &Item) -> Option<(u64, usize)> {
        match item {
            Item::Parcel(_, parcel) => {
                Some((self.hasher.hash_one(parcel.body.channel()), item.encoded_len()))
            }
            _ => None,
        }
    }

    const fn is_half_full(&self, inner: &Locked) -> bool {
        inner.bytes > self.bytes_max / 2
    }

    /// Counts this link among those under pressure, if it is.
    fn note_pressure(&self, inner: &mut Locked) {
        let is_pressed = inner.shares.has_over() || self.is_half_full(inner);
        if is_pressed == inner.is_pressed {
            return;
        }
        inner.is_pressed = is_pressed;
        if is_pressed {
            self.pressed.fetch_add(1, Ordering::Relaxed);
        } else {
            self.pressed.fetch_sub(1, Ordering::Relaxed);
            inner.is_relieved = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::federation::node_id::NodeId;
    use crate::federation::parcel::{Parcel, ParcelAuthor, ParcelBody};

    fn queue(bytes_max: usize, window: usize) -> LinkQueue {
        LinkQueue::new(bytes_max, window, Arc::default())
    }

    fn parcel(channel: &str, number: u64) -> Item {
        let mut draft = ParcelBody::draft(channel, ParcelAuthor::Server).expect("it is short");
        draft.push(&[0; 100]);
        let origin = NodeId::from_bytes([1; 16]);
        Item::Parcel(number, Parcel { origin, number, before: 0, body: draft.finish() })
    }

    fn interest(name: &str) -> Item {
        Item::Interest { name: name.into(), hops: 1 }
    }

    #[tokio::test]
    async fn it_is_bounded_in_bytes_and_comes_out_in_order() {
        let queue = queue(300, 300);
        for name in ["a", "b", "c", "d"] {
            queue.push(interest(name)).expect("it has room");
        }
        assert_eq!(queue.push(interest("e")), Err(QueueFull));
        let mut batch = queue.batch().await;
        let mut names = Vec::new();
        while let Some(item) = Item::decode(&mut batch, 512).expect("it was encoded") {
            names.push(item);
        }
        assert_eq!(names, ["a", "b", "c", "d"].map(interest));
        assert_eq!(queue.bytes(), 0);
    }

    #[tokio::test]
    async fn a_channel_with_much_on_its_way_is_over_its_share_until_it_is_taken() {
        let queue = queue(100_000, 1_000);
        queue.note_taken(0);
        for number in 1..=10 {
            queue.push(parcel("tea", number)).expect("it has room");
        }
        queue.push(parcel("cake", 11)).expect("it has room");
        assert!(queue.is_over("tea", 1) && !queue.is_over("cake", 1));
        assert_eq!(queue.pressed.load(Ordering::Relaxed), 1);
        queue.batch().await;
        assert!(queue.is_over("tea", 1) && !queue.take_relief(), "it is on its way all the same");
        queue.note_taken(9);
        assert!(queue.take_relief() && !queue.take_relief() && !queue.is_over("tea", 1));
        assert_eq!(queue.pressed.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn who_waits_for_half_of_it_goes_on_although_another_channel_has_too_much() {
        let queue = queue(4_000, 500);
        queue.note_taken(0);
        queue.push(parcel("tea", 1)).expect("it has room");
        while queue.bytes() <= 2_000 {
            queue.push(parcel("cake", 2)).expect("it has room");
        }
        assert!(queue.is_over("tea", 1) && !queue.take_relief());
        queue.batch().await;
        assert!(!queue.is_over("tea", 1) && queue.is_over("cake", 1));
        assert!(queue.take_relief(), "or who sends to `tea` waits for what is taken of `cake`");
    }

    #[test]
    fn while_half_of_it_is_full_all_who_send_wait() {
        let queue = queue(2_000, 10_000);
        while queue.bytes() <= 1_000 {
            queue.push(parcel("tea", 1)).expect("it has room");
        }
        assert!(queue.is_over("tea", 1) && !queue.is_over("cake", 1));
        queue.clear();
        assert!(queue.take_relief() && !queue.is_over("tea", 1));
        assert_eq!(queue.pressed.load(Ordering::Relaxed), 0);
    }
}
