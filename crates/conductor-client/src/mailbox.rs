//! What one reader has yet to read, bounded in number and bytes.
//!
//! The task of the client puts items in; a stream of the program takes them out. An item is let in
//! however long it is if nothing else is there, so that none can be stuck for ever.

use std::collections::VecDeque;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::error::{Error, ErrorKind};
use crate::policy::Policy;

#[derive(Debug)]
pub(crate) struct Mailbox<T> {
    items_max: usize,
    bytes_max: usize,
    locked: Mutex<Locked<T>>,
    /// Notified when there is room again, or nobody reads any more.
    room: Notify,
}

#[derive(Debug)]
struct Locked<T> {
    items: VecDeque<(T, usize)>,
    bytes: usize,
    /// How many items were dropped since the reader was told.
    missed: u64,
    /// Why nothing more comes, once that is so: what the reader is told last, if anything.
    end: Option<Option<Error>>,
    reader: Option<Waker>,
    is_abandoned: bool,
}

impl<T> Mailbox<T> {
    pub(crate) fn new(items_max: usize, bytes_max: usize) -> Self {
        let locked = Locked {
            items: VecDeque::new(),
            bytes: 0,
            missed: 0,
            end: None,
            reader: None,
            is_abandoned: false,
        };
        Self { items_max, bytes_max, locked: Mutex::new(locked), room: Notify::new() }
    }

    /// Puts an item in, and does what the policy says if there is no room for it.
    pub(crate) async fn put_by(&self, policy: Policy, item: T, bytes: usize) {
        match policy {
            Policy::Wait => self.put(item, bytes).await,
            Policy::DropOldest => self.put_over_oldest(item, bytes),
            Policy::Close => {
                if self.offer(item, bytes).is_err() {
                    let text = "the subscription was closed because it did not read in time";
                    self.fail(Error::new(ErrorKind::Overflow, text));
                }
            }
        }
    }

    /// Puts an item in, and waits for room; nothing waits for a reader who is gone.
    ///
    /// Dropped while it waits, it has put nothing in.
    pub(crate) async fn put(&self, item: T, bytes: usize) {
        let mut item = item;
        loop {
            let mut room = pin!(self.room.notified());
            // Registered before the look, so that room which comes in between is not missed.
            room.as_mut().enable();
            match self.offer(item, bytes) {
                Ok(()) => return,
                Err(back) => item = back,
            }
            room.await;
        }
    }

    /// Puts an item in, in the place of the oldest ones if there is no room.
    pub(crate) fn put_over_oldest(&self, item: T, bytes: usize) {
        let mut locked = self.locked.lock();
        if locked.takes_nothing() {
            return;
        }
        let mut dropped = Vec::new();
        while !locked.has_room(bytes, self.items_max, self.bytes_max) {
            dropped.extend(locked.pop());
            locked.missed += 1;
        }
        let reader = locked.push(item, bytes);
        drop(locked);
        wake(reader);
        // What an item does when it is dropped, it does without the lock.
        drop(dropped);
    }

    /// Puts an item in behind which only the end comes, whether there is room or not.
    pub(crate) fn put_last(&self, item: T) {
        let mut locked = self.locked.lock();
        if locked.takes_nothing() {
            return;
        }
        let reader = locked.push(item, 0);
        drop(locked);
        wake(reader);
    }

    /// Puts an item in, or gives it back if there is no room.
    fn offer(&self, item: T, bytes: usize) -> Result<(), T> {
        let mut locked = self.locked.lock();
        if locked.takes_nothing() {
            return Ok(());
        }
        if !locked.has_room(bytes, self.items_max, self.bytes_max) {
            return Err(item);
        }
        let reader = locked.push(item, bytes);
        drop(locked);
        wake(reader);
        Ok(())
    }

    /// Says that nothing more comes: the reader reads what is there, then the error, then the end.
    pub(crate) fn end(&self, why: Option<Error>) {
        self.end_with(why, false);
    }

    /// Says that nothing more comes, and takes away what is there.
    pub(crate) fn fail(&self, why: Error) {
        self.end_with(Some(why), true);
    }

    fn end_with(&self, why: Option<Error>, empties: bool) {
        let mut locked = self.locked.lock();
        if locked.end.is_some() {
            return;
        }
        locked.end = Some(why);
        let dropped = if empties { locked.empty() } else { VecDeque::new() };
        let reader = locked.reader.take();
        drop(locked);
        wake(reader);
        self.room.notify_waiters();
        drop(dropped);
    }

    /// Says that nobody reads any more.
    pub(crate) fn abandon(&self) {
        let mut locked = self.locked.lock();
        locked.is_abandoned = true;
        let dropped = locked.empty();
        drop(locked);
        self.room.notify_waiters();
        drop(dropped);
    }

    pub(crate) fn is_abandoned(&self) -> bool {
        self.locked.lock().is_abandoned
    }

    /// Takes the next item out, or waits for one.
    pub(crate) fn poll_next(&self, context: &Context<'_>) -> Poll<Option<Result<T, Error>>> {
        let mut locked = self.locked.lock();
        if locked.missed > 0 {
            let missed = std::mem::take(&mut locked.missed);
            return Poll::Ready(Some(Err(Error::lagged(missed))));
        }
        if let Some(item) = locked.pop() {
            drop(locked);
            self.room.notify_waiters();
            return Poll::Ready(Some(Ok(item)));
        }
        match &mut locked.end {
            Some(why) => Poll::Ready(why.take().map(Err)),
            None => {
                locked.reader = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl<T> Locked<T> {
    fn takes_nothing(&self) -> bool {
        self.is_abandoned || self.end.is_some()
    }

    fn has_room(&self, bytes: usize, items_max: usize, bytes_max: usize) -> bool {
        let fits = self.bytes.saturating_add(bytes) <= bytes_max;
        self.items.is_empty() || self.items.len() < items_max && fits
    }

    /// Returns the reader if it waits.
    fn push(&mut self, item: T, bytes: usize) -> Option<Waker> {
        self.items.push_back((item, bytes));
        self.bytes += bytes;
        self.reader.take()
    }

    fn pop(&mut self) -> Option<T> {
        let (item, bytes) = self.items.pop_front()?;
        self.bytes -= bytes;
        Some(item)
    }

    fn empty(&mut self) -> VecDeque<(T, usize)> {
        self.bytes = 0;
        std::mem::take(&mut self.items)
    }
}

fn wake(reader: Option<Waker>) {
    if let Some(reader) = reader {
        reader.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    async fn next(mailbox: &Mailbox<u8>) -> Option<Result<u8, (ErrorKind, Option<u64>)>> {
        let next = poll_fn(|context| mailbox.poll_next(context)).await;
        next.map(|item| item.map_err(|error| (error.kind(), error.missed())))
    }

    #[tokio::test]
    async fn the_oldest_go_and_the_reader_is_told_how_many() {
        let mailbox = Mailbox::new(3, 10);
        for item in 0..5 {
            mailbox.put_by(Policy::DropOldest, item, 4).await;
        }
        assert_eq!(
            next(&mailbox).await,
            Some(Err((ErrorKind::Lagged, Some(3)))),
            "two of 4 bytes fit into 10"
        );
        assert_eq!([next(&mailbox).await, next(&mailbox).await], [Some(Ok(3)), Some(Ok(4))]);
    }

    #[tokio::test]
    async fn one_item_has_room_however_long_it_is() {
        let mailbox = Mailbox::new(3, 10);
        mailbox.put_by(Policy::Wait, 1, 1_000).await;
        assert_eq!(next(&mailbox).await, Some(Ok(1)));
    }

    #[tokio::test]
    async fn who_waits_for_room_goes_on_when_something_is_read_or_nobody_reads() {
        let mailbox = Mailbox::new(1, 10);
        mailbox.put(1, 1).await;
        let both = async { tokio::join!(mailbox.put(2, 1), next(&mailbox)) };
        assert_eq!(both.await.1, Some(Ok(1)));
        let both = async { tokio::join!(mailbox.put(3, 1), async { mailbox.abandon() }) };
        both.await;
        assert!(mailbox.is_abandoned());
    }

    #[tokio::test]
    async fn an_overflow_closes_with_an_error_and_an_end() {
        let mailbox = Mailbox::new(1, 10);
        mailbox.put_by(Policy::Close, 1, 1).await;
        mailbox.put_by(Policy::Close, 2, 1).await;
        assert_eq!(next(&mailbox).await, Some(Err((ErrorKind::Overflow, None))));
        assert_eq!([next(&mailbox).await, next(&mailbox).await], [None, None]);
    }

    #[tokio::test]
    async fn the_last_item_needs_no_room() {
        let mailbox = Mailbox::new(1, 10);
        mailbox.put(1, 10).await;
        mailbox.put_last(2);
        mailbox.end(None);
        assert_eq!([next(&mailbox).await, next(&mailbox).await], [Some(Ok(1)), Some(Ok(2))]);
        assert_eq!(next(&mailbox).await, None);
    }

    #[tokio::test]
    async fn what_was_there_before_the_end_is_read_before_it() {
        let mailbox = Mailbox::new(1, 10);
        mailbox.put(1, 1).await;
        mailbox.end(Some(Error::closed()));
        mailbox.put(2, 1).await;
        assert_eq!(next(&mailbox).await, Some(Ok(1)));
        assert_eq!(next(&mailbox).await, Some(Err((ErrorKind::Closed, None))));
        assert_eq!(next(&mailbox).await, None);
    }
}
