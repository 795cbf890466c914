//! What waits to be written to one connection.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{ConnectionId, Disconnect};

/// What a frame in a queue costs besides its bytes, roughly: its place there, and its allocation.
pub(crate) const FRAME_COST: usize = 64;

/// Most bytes that wait before an answer to the client's own call is added.
const ANSWERS_BYTES_MAX: usize = 64 * 1024;

/// A queue of encoded frames with a bound in bytes.
///
/// Anybody pushes, one session takes. A frame is shared by all the outboxes it
/// is in. **Invariant:** what the frames cost that were pushed and neither
/// written nor dropped is never more than the limit.
///
/// How much waits says how the reader does:
///
/// ```text
/// 0 ────────── 1/8 ────────── 1/4 ─────────────────── 3/4 ────────── limit
///   up to date      behind until     flooders wait         all wait         overflow: a slow reader
///                   below 1/8        for this reader       for this reader
/// ```
///
/// Only a reader that makes progress is waited for, and for a bounded time.
#[derive(Debug)]
pub(crate) struct Outbox {
    inner: Mutex<Inner>,
    /// Cost of all frames queued here or in the session's hands.
    pending: AtomicUsize,
    limit: usize,
}

#[derive(Debug, Default)]
struct Inner {
    queue: VecDeque<Bytes>,
    closing: Option<Disconnect>,
    /// The session, unless it has been woken and has not looked yet.
    waker: Option<Waker>,
    /// In a box, as few readers are.
    behind: Option<Box<Behind>>,
}

/// A reader that has much to read.
#[derive(Debug)]
struct Behind {
    since: Instant,
    /// When it last took something.
    progress: Instant,
    /// Senders that wait for it.
    waiting: HashMap<ConnectionId, Waker, RandomState>,
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
        self.push_if_it_fits(frame).map_err(|(_, rejected)| {
            if rejected == Rejected::Overflow {
                self.close(Disconnect::SlowReader);
            }
            rejected
        })
    }

    /// Queues a frame, or gives it back.
    pub(crate) fn push_if_it_fits(&self, frame: Bytes) -> Result<(), (Bytes, Rejected)> {
        let mut inner = self.inner.lock();
        if inner.closing.is_some() {
            return Err((frame, Rejected::Closed));
        }
        let cost = frame.len() + FRAME_COST;
        // Only pushes add to `pending`, and they hold the lock.
        let pending = self.pending.load(Ordering::Relaxed) + cost;
        if pending > self.limit {
            return Err((frame, Rejected::Overflow));
        }
        self.pending.fetch_add(cost, Ordering::Relaxed);
        inner.queue.push_back(frame);
        if pending > self.flooders_wait() && inner.behind.is_none() {
            inner.behind = Some(Box::new(Behind::new(Instant::now())));
        }
        let waker = inner.waker.take();
        drop(inner);
        wake(waker);
        Ok(())
    }

    /// Closes the outbox; what is queued is still written, unless the peer does not read.
    pub(crate) fn close(&self, reason: Disconnect) {
        let mut inner = self.inner.lock();
        if inner.closing.is_none() {
            inner.closing = Some(reason);
            if reason == Disconnect::SlowReader {
                self.drop_queued(&mut inner);
            }
        }
        let (waker, behind) = (inner.waker.take(), inner.behind.take());
        drop(inner);
        wake(waker);
        // Nobody waits for who is on the way out.
        behind.into_iter().for_each(|behind| wake_all(behind.waiting));
    }

    /// Drops what is queued: its connection has ended.
    pub(crate) fn clear(&self) {
        self.drop_queued(&mut self.inner.lock());
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.inner.lock().closing.is_some()
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

    /// Wakes the session: something that it waits for has come.
    pub(crate) fn wake_session(&self) {
        let waker = self.inner.lock().waker.take();
        wake(waker);
    }

    /// Frees the room of bytes that were written, and of frames that were written to their end.
    pub(crate) fn release(&self, bytes: usize, frames: usize) {
        let cost = bytes + frames * FRAME_COST;
        let before = self.pending.fetch_sub(cost, Ordering::Relaxed);
        if before > self.up_to_date() {
            self.progressed(before);
        }
    }

    /// Tells whether an answer to the client's own call may be added.
    pub(crate) fn takes_answers(&self) -> bool {
        self.pending.load(Ordering::Relaxed) <= ANSWERS_BYTES_MAX.min(self.flooders_wait())
    }

    /// Tells whether a frame would fit into the empty outbox.
    pub(crate) const fn could_ever_take(&self, frame: &Bytes) -> bool {
        frame.len() + FRAME_COST <= self.limit
    }

    /// Returns until when a sender has to wait for this reader, if it has to.
    pub(crate) fn holds_up(&self, floods: bool, patience: Duration) -> Option<Instant> {
        let mark = if floods { self.flooders_wait() } else { self.all_wait() };
        if self.pending.load(Ordering::Relaxed) <= mark {
            return None;
        }
        let inner = self.inner.lock();
        let until = inner.behind.as_ref()?.until(patience);
        (Instant::now() < until).then_some(until)
    }

    /// Wakes a sender when the reader has caught up; `false` if there is nothing to wait for.
    pub(crate) fn wait(&self, sender: ConnectionId, waker: &Waker) -> bool {
        match &mut self.inner.lock().behind {
            Some(behind) => {
                behind.waiting.insert(sender, waker.clone());
                true
            }
            None => false,
        }
    }

    /// Notes that a reader with much to read took something.
    fn progressed(&self, before: usize) {
        let mut inner = self.inner.lock();
        let Some(behind) = &mut inner.behind else { return };
        let left = self.pending.load(Ordering::Relaxed);
        behind.progress = Instant::now();
        let up_to_date = left <= self.up_to_date();
        // Below the upper mark those who do not flood go on, and the others wait again.
        let waiting = if up_to_date || (before > self.all_wait() && left <= self.all_wait()) {
            mem::take(&mut behind.waiting)
        } else {
            HashMap::default()
        };
        if up_to_date {
            inner.behind = None;
        }
        drop(inner);
        wake_all(waiting);
    }

    fn drop_queued(&self, inner: &mut Inner) {
        let dropped = mem::take(&mut inner.queue).iter().map(|frame| frame.len() + FRAME_COST).sum();
        self.pending.fetch_sub(dropped, Ordering::Relaxed);
    }

    const fn up_to_date(&self) -> usize {
        self.limit / 8
    }

    const fn flooders_wait(&self) -> usize {
        self.limit / 4
    }

    const fn all_wait(&self) -> usize {
        self.limit / 4 * 3
    }
}

impl Behind {
    fn new(now: Instant) -> Self {
        Self { since: now, progress: now, waiting: HashMap::default() }
    }

    /// It has so long to catch up, and half as long to read anything at all.
    fn until(&self, patience: Duration) -> Instant {
        (self.since + patience).min(self.progress + patience / 2)
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn wake_all(waiting: HashMap<ConnectionId, Waker, RandomState>) {
    waiting.into_values().for_each(Waker::wake);
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(2);
    const LIMIT: usize = 64 * 1024;

    fn frame(len: usize) -> Bytes {
        vec![0; len - FRAME_COST].into()
    }

    /// Takes one frame and writes it.
    fn read_one(outbox: &Outbox, sending: &mut VecDeque<Bytes>) {
        outbox.take(sending, Waker::noop());
        outbox.release(sending.pop_front().expect("something waits").len(), 1);
    }

    #[test]
    fn many_small_frames_count_what_they_cost() {
        let outbox = Outbox::new(LIMIT);
        let taken = (0..LIMIT).take_while(|_| outbox.push(Bytes::from_static(b"x")).is_ok()).count();
        assert_eq!(taken, LIMIT / (FRAME_COST + 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_makes_progress_is_waited_for_and_not_for_ever() {
        let outbox = Outbox::new(LIMIT);
        let mut sending = VecDeque::new();
        for _ in 0..5 {
            assert_eq!(outbox.holds_up(true, PATIENCE), None, "a quarter is no reason");
            outbox.push(frame(LIMIT / 16)).unwrap();
        }
        let start = Instant::now();
        assert_eq!(outbox.holds_up(true, PATIENCE), Some(start + PATIENCE / 2));
        assert_eq!(outbox.holds_up(false, PATIENCE), None, "who does not flood goes on");
        for second in 1..=2 {
            tokio::time::advance(PATIENCE / 2 - Duration::from_millis(1)).await;
            read_one(&outbox, &mut sending);
            outbox.push(frame(LIMIT / 16)).unwrap();
            let until = outbox.holds_up(true, PATIENCE).expect("it reads");
            assert!(until <= start + PATIENCE, "{second}");
        }
        tokio::time::advance(Duration::from_millis(2)).await;
        assert_eq!(outbox.holds_up(true, PATIENCE), None, "it had its time");
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_without_progress_holds_nobody_up_for_long() {
        let outbox = Outbox::new(LIMIT);
        outbox.push(frame(LIMIT / 2)).unwrap();
        assert!(outbox.holds_up(true, PATIENCE).is_some());
        tokio::time::advance(PATIENCE / 2).await;
        assert_eq!(outbox.holds_up(true, PATIENCE), None);
        assert_eq!(outbox.push(frame(LIMIT)), Err(Rejected::Overflow));
        assert!(outbox.is_closing());
    }

    #[tokio::test(start_paused = true)]
    async fn senders_go_on_when_the_reader_has_caught_up_or_ends() {
        let outbox = Outbox::new(LIMIT);
        let mut sending = VecDeque::new();
        outbox.push(frame(LIMIT / 8)).unwrap();
        outbox.push(frame(LIMIT / 4)).unwrap();
        assert!(outbox.wait(ConnectionId(1), Waker::noop()));
        read_one(&outbox, &mut sending);
        assert!(outbox.wait(ConnectionId(1), Waker::noop()), "a quarter is left");
        read_one(&outbox, &mut sending);
        assert!(!outbox.wait(ConnectionId(1), Waker::noop()), "nothing is left");
        outbox.push(frame(LIMIT / 2)).unwrap();
        outbox.close(Disconnect::Kicked);
        assert!(!outbox.wait(ConnectionId(1), Waker::noop()));
        assert_eq!(outbox.holds_up(true, PATIENCE), None);
    }
}
