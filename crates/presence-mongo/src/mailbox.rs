//! What waits until a stream is read.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::change::Change;
use crate::error::Error;
use crate::unread::Unread;

/// What a stream is to be told. Whoever fills it never waits.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    locked: Mutex<Locked>,
    /// Something was taken out, or it was closed.
    taken: Notify,
}

#[derive(Debug, Default)]
struct Locked {
    unread: Unread,
    /// The last thing that went wrong, if it was not told yet.
    notice: Option<Error>,
    is_closed: bool,
    waker: Option<Waker>,
}

impl Mailbox {
    /// Changes what waits, and wakes the stream.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Unread) -> T) -> T {
        let mut locked = self.locked.lock();
        let changed = change(&mut locked.unread);
        locked.wake();
        drop(locked);
        // What was waited for may not wait to be read any more.
        self.taken.notify_waiters();
        changed
    }

    /// Looks at what waits.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&Unread) -> T) -> T {
        look(&self.locked.lock().unread)
    }

    /// Tells of something that went wrong, in the place of what was not read of it before.
    pub(crate) fn tell(&self, error: &Error) {
        let mut locked = self.locked.lock();
        if !locked.is_closed {
            locked.notice = Some(error.clone());
            locked.wake();
        }
    }

    /// Lets the stream end when it has read what waits.
    pub(crate) fn close(&self) {
        let mut locked = self.locked.lock();
        locked.is_closed = true;
        locked.wake();
        drop(locked);
        self.taken.notify_waiters();
    }

    /// Takes the next item, or waits for it.
    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<Option<Result<Change, Error>>> {
        let mut locked = self.locked.lock();
        if let Some(error) = locked.notice.take() {
            return Poll::Ready(Some(Err(error)));
        }
        if let Some(change) = locked.unread.pop() {
            drop(locked);
            self.taken.notify_waiters();
            return Poll::Ready(Some(Ok(change)));
        }
        if locked.is_closed {
            return Poll::Ready(None);
        }
        locked.waker = Some(context.waker().clone());
        Poll::Pending
    }

    /// Waits until all that waited at a mark was read, or it is closed.
    pub(crate) async fn read_up_to(self: Arc<Self>, mark: u64) {
        loop {
            let mut taken = std::pin::pin!(self.taken.notified());
            // The order matters: it listens first and looks then, so that nothing is missed.
            taken.as_mut().enable();
            let is_over = {
                let locked = self.locked.lock();
                locked.is_closed || locked.unread.is_read_up_to(mark)
            };
            if is_over {
                return;
            }
            taken.await;
        }
    }
}

impl Locked {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}
