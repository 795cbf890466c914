//! What waits to be written to one connection.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

use bytes::Bytes;
use parking_lot::Mutex;

use crate::Disconnect;

/// A queue of encoded frames with a bound in bytes.
///
/// Anybody pushes, one session takes. A frame is shared by all the outboxes it
/// is in. **Invariant:** the bytes of the frames that were pushed and neither
/// written nor dropped are never more than the limit.
#[derive(Debug)]
pub(crate) struct Outbox {
    inner: Mutex<Inner>,
    /// Bytes of all frames queued here or in the session's hands.
    pending: AtomicUsize,
    limit: usize,
}

#[derive(Debug, Default)]
struct Inner {
    queue: VecDeque<Bytes>,
    closing: Option<Disconnect>,
    /// The session, unless it has been woken and has not looked yet.
    waker: Option<Waker>,
}

/// Why a frame was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// The connection is closing.
    Closed,
    /// The frame did not fit, so the connection is now closing as a slow reader.
    Overflow,
}

impl Outbox {
    pub(crate) fn new(limit: usize) -> Self {
        Self { inner: Mutex::default(), pending: AtomicUsize::new(0), limit }
    }

    /// Queues a frame. One that does not fit turns the connection into a slow reader.
    pub(crate) fn push(&self, frame: Bytes) -> Result<(), Rejected> {
        let mut inner = self.inner.lock();
        if inner.closing.is_some() {
            return Err(Rejected::Closed);
        }
        // Only pushes add to `pending`, and they hold the lock.
        let fits = self.pending.load(Ordering::Relaxed) + frame.len() <= self.limit;
        if fits {
            self.pending.fetch_add(frame.len(), Ordering::Relaxed);
            inner.queue.push_back(frame);
        } else {
            inner.close(Disconnect::SlowReader, &self.pending);
        }
        let waker = inner.waker.take();
        drop(inner);
        wake(waker);
        if fits { Ok(()) } else { Err(Rejected::Overflow) }
    }

    /// Closes the outbox; what is queued is still written, unless the peer does not read.
    pub(crate) fn close(&self, reason: Disconnect) {
        let mut inner = self.inner.lock();
        if inner.closing.is_none() {
            inner.close(reason, &self.pending);
        }
        let waker = inner.waker.take();
        drop(inner);
        wake(waker);
    }

    /// Moves what is queued to the end of `sending`, and tells whether the outbox is closing.
    ///
    /// `waker` is woken at the next push or close.
    pub(crate) fn take(&self, sending: &mut VecDeque<Bytes>, waker: &Waker) -> Option<Disconnect> {
        let mut inner = self.inner.lock();
        if sending.is_empty() {
            mem::swap(&mut inner.queue, sending);
        } else {
            sending.append(&mut inner.queue);
        }
        if !inner.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            inner.waker = Some(waker.clone());
        }
        inner.closing
    }

    /// Frees the room of bytes that were written or dropped.
    pub(crate) fn release(&self, bytes: usize) {
        self.pending.fetch_sub(bytes, Ordering::Relaxed);
    }
}

impl Inner {
    fn close(&mut self, reason: Disconnect, pending: &AtomicUsize) {
        self.closing = Some(reason);
        if reason == Disconnect::SlowReader {
            let dropped = mem::take(&mut self.queue).iter().map(Bytes::len).sum();
            pending.fetch_sub(dropped, Ordering::Relaxed);
        }
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}
