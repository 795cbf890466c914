//! How a frame gets to the socket past the queue, if nothing waits before it.
//!
//! ```text
//!                 nothing is pending                  something is pending
//!             ┌────────────────────────┐    push,     ┌─────────────────────────┐
//!             │ who has the lock may   │ ───────────► │ the task alone writes;  │
//!             │ write; the task has    │  short write │ others push behind what │
//!             │ nothing to write       │ ◄─────────── │ is queued               │
//!             └────────────────────────┘  all of it   └─────────────────────────┘
//!                                         is written
//! ```
//!
//! It saves the wake-up of the connection's task. What that is worth, `docs/figures.md` says.
//!
//! **Invariant:** at any time one alone may write to the socket, and the bytes go out in the order
//! of the pushes, each of them once. `pending` says who:
//!
//! - It counts a frame from the push until the task has written its last byte and has let go of it:
//!   `Writer::poll_write` calls `release` behind the write. So while `pending` is 0 the queue is
//!   empty, the task has nothing in its hands, and no write of the task is under way.
//! - It rises under the lock alone. So who finds 0 under the lock has the socket alone until the
//!   lock is free again, and the task waits for the lock before it has anything to write.
//! - If the socket takes a part, the frame goes to the front of the queue, which is empty, with the
//!   note how much of it is written, before the lock is let go. Then something is pending, and the
//!   task goes on behind that part.
//! - Pings, answers and messages to one connection alone are always queued. The task writes the
//!   close frame without the queue, but only when the outbox is closing, and then nobody writes
//!   directly. A frame that was begun is not dropped with the rest of the queue, not even for a
//!   slow reader: the peer would take the close frame for the rest of it.

use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::MutexGuard;
use tokio::net::TcpStream;

use super::{Locked, Outbox, Rejected, wake};
use crate::frame::Frame;

/// The longest frame that is written directly, in bytes.
///
/// The sender copies it to the system for each reader, one after another and under the lock of the
/// channel. The tasks of the readers share that work among the threads.
const FRAME_BYTES_MAX: usize = 16 * 1024;

/// How a frame that was taken gets to its reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivered {
    /// The task of the connection writes it, or the rest of it.
    Queued,
    /// The socket has all of it.
    Written,
}

/// A frame of which the socket has a part already.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) frame: Frame,
    /// How many of its bytes.
    pub(crate) written: usize,
}

impl Outbox {
    /// Has short frames written to this socket by those who deliver them.
    pub(crate) fn writing_to(mut self, socket: Option<Arc<TcpStream>>) -> Self {
        self.inner.get_mut().socket = socket;
        self
    }

    /// Writes a frame of a channel, or queues what the socket does not take of it, like
    /// [`push_of`](Self::push_of).
    ///
    /// If it is queued the caller counts its place, by
    /// [`OutboxMemory::take_places`](crate::outbox_memory::OutboxMemory::take_places).
    pub(crate) fn write_of(&self, channel: &str, frame: &Frame) -> Result<Delivered, Rejected> {
        // As in a push this comes before the lock.
        let frame = self.for_reader(frame.clone());
        let inner = self.inner.lock();
        match self.try_write(&inner, &frame) {
            0 => {
                let added = self.add(inner, frame, Some(channel), 0);
                added.map(|()| Delivered::Queued).map_err(|(_, rejected)| self.rejected(rejected))
            }
            all if all == frame.len() => Ok(Delivered::Written),
            written => {
                self.queue_begun(inner, Begun { frame, written });
                Ok(Delivered::Queued)
            }
        }
    }

    /// Returns how much of a frame the socket took; nothing if something is before it.
    fn try_write(&self, inner: &Locked, frame: &Frame) -> usize {
        let Some(socket) = &inner.socket else { return 0 };
        let fits = frame.len() <= FRAME_BYTES_MAX && frame.cost() <= self.limit();
        if !fits || inner.closing.is_some() || inner.backlog.is_some() {
            return 0;
        }
        // It pairs with `release`: the write of the task comes before this one.
        if self.pending.load(Ordering::Acquire) > 0 {
            return 0;
        }
        // A socket that is full, or lost, takes nothing. The task tries the same when it is woken,
        // and is the one that waits, or ends the connection.
        socket.try_write(frame).unwrap_or(0)
    }

    /// Queues a frame of which a part is written, in front of all that comes.
    fn queue_begun(&self, mut inner: MutexGuard<'_, Locked>, Begun { frame, written }: Begun) {
        debug_assert!(inner.queue.is_empty() && inner.begun == 0, "something was before it");
        let pending = frame.cost() - written;
        self.pending.fetch_add(pending, Ordering::Relaxed);
        inner.begun = written;
        inner.queue.push_back(frame);
        if pending > self.behind() {
            // As behind a push: who looks whether to wait for this reader looks at the backlog.
            inner.backlog = Some(Box::default());
        }
        let waker = inner.waker.take();
        drop(inner);
        wake(waker);
    }
}

impl Locked {
    /// Takes the frame of which the socket has a part, if that is still queued.
    pub(super) fn take_begun(&mut self) -> Option<Begun> {
        match mem::take(&mut self.begun) {
            0 => None,
            written => self.queue.pop_front().map(|frame| Begun { frame, written }),
        }
    }
}

#[cfg(test)]
mod tests;
