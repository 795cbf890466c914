//! What waits to be written to one connection.

mod direct;
mod outcome;
mod reserve;
mod wait_mark;

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::task::Waker;

use bytes::BytesMut;
use foldhash::fast::RandomState;
use hashbrown::HashMap;
use parking_lot::{Mutex, MutexGuard};
use tokio::net::TcpStream;
use tokio::time::Instant;

pub(crate) use self::direct::{Begun, Delivered};
pub(crate) use self::outcome::{Latest, OutboxLoad, Rejected, Taken};
pub(crate) use self::wait_mark::WaitMark;
use crate::backlog::Backlog;
use crate::deflation::Deflation;
use crate::frame::{FRAME_COST, Frame};
use crate::outbox_memory::OutboxMemory;
use crate::{ConnectionId, Disconnect};

/// Most bytes that wait before an answer to the client's own call is added.
const ANSWERS_BYTES_MAX: usize = 64 * 1024;

/// A queue of encoded frames with a bound in bytes.
///
/// Anybody pushes, one task takes. A frame is shared by all the outboxes it is in. Short messages
/// to a channel may be written without being queued, see `outbox/direct.rs`.
///
/// **Invariant:** what the frames cost that were pushed and neither written nor dropped, with those
/// that are kept beside the queue and with room that is reserved, is never more than the limit.
///
/// **Invariant:** of a channel's latest frames, and of others of that channel, the reader gets a
/// part in the order they were pushed, the last one included, unless it leaves before.
///
/// How much waits says how the reader does:
///
/// ```text
/// 0 ────────── 1/8 ────────── 1/4 ────────── 1/2 ────────── 3/4 ────────── limit
///   up to date      goes on       behind until   senders wait   all wait        overflow:
///                                 below 1/8      for it         for it          a slow reader
///
///   latest frames   are queued up to 1/4; then the newest of each channel is kept beside the
///                   queue, counted, and queued when the reader is up to date again
/// ```
///
/// A sender waits while more than half waits, or while there is no room for what it has. Who sent
/// little lately waits above three quarters alone: with one mark for all, a flooder that keeps a
/// reader at the mark would make everybody wait who chats in the channel. For how long a sender
/// waits, the router knows; whether the reader reads fast enough, the task of its connection does,
/// see `reader_pace.rs`.
///
/// Latest frames of up to 7/16 of the limit, alone, never overflow: one that did not fit into the
/// first quarter found 1/8 waiting at most, and one more is kept.
#[derive(Debug)]
pub(crate) struct Outbox {
    inner: Mutex<Locked>,
    /// Cost of all frames queued here or in the hands of the connection's task, and of those for
    /// which room is reserved.
    pending: AtomicUsize,
    /// Since when the reader has taken nothing although something waits, in the time of
    /// [`OutboxMemory::time`]; 0 if it takes.
    still_since: AtomicU32,
    memory: Arc<OutboxMemory>,
    /// How frames are compressed on their way in, if the reader inflates them.
    deflation: Option<Arc<Deflation>>,
}

#[derive(Debug, Default)]
struct Locked {
    queue: VecDeque<Frame>,
    /// Bytes of the first queued frame that are written already.
    begun: usize,
    closing: Option<Disconnect>,
    /// Wakes the task of the connection, unless it has been woken and has not looked yet.
    waker: Option<Waker>,
    /// In a box, as few readers are. A closing outbox has none.
    backlog: Option<Box<Backlog>>,
    /// Where short frames may be written at once; a closing outbox has none, so that the socket
    /// ends with its task and not with the last handle of the connection.
    socket: Option<Arc<TcpStream>>,
}

impl Outbox {
    pub(crate) fn new(memory: Arc<OutboxMemory>) -> Self {
        Self {
            inner: Mutex::default(),
            pending: AtomicUsize::new(0),
            still_since: AtomicU32::new(0),
            memory,
            deflation: None,
        }
    }

    /// Has frames compressed for a reader that inflates them.
    pub(crate) fn deflating(self, deflation: Option<Arc<Deflation>>) -> Self {
        Self { deflation, ..self }
    }

    /// Returns a frame as the reader gets it. Called without the lock, as it may take a while.
    fn for_reader(&self, frame: Frame) -> Frame {
        match &self.deflation {
            Some(deflation) => frame.deflated(deflation),
            None => frame,
        }
    }

    /// Makes a frame of what is only for this reader.
    pub(crate) fn frame(&self, bytes: BytesMut) -> Frame {
        Frame::new(bytes, &self.memory)
    }

    /// Queues a frame. One that does not fit turns the connection into a slow reader.
    pub(crate) fn push(&self, frame: Frame) -> Result<(), Rejected> {
        self.push_if_it_fits(frame).map_err(|(_, rejected)| self.rejected(rejected))
    }

    /// Queues a frame, or gives it back.
    pub(crate) fn push_if_it_fits(&self, frame: Frame) -> Result<(), (Frame, Rejected)> {
        match &self.deflation {
            None => self.add(self.inner.lock(), frame, None, 0)?,
            Some(deflation) => {
                // Whether it could ever fit is asked about the frame itself, so it is given back.
                let deflated = frame.deflated(deflation);
                let added = self.add(self.inner.lock(), deflated, None, 0);
                added.map_err(|(_, rejected)| (frame, rejected))?;
            }
        }
        // Counted only now, as it may be refused. The task may have given it back already, which
        // `held` allows for.
        self.memory.take_places(1);
        Ok(())
    }

    /// Queues a frame of a channel, behind the one of that channel that is kept, if one is.
    ///
    /// The caller counts its place, by [`OutboxMemory::take_places`].
    pub(crate) fn push_of(&self, channel: &str, frame: Frame) -> Result<(), Rejected> {
        let frame = self.for_reader(frame);
        let added = self.add(self.inner.lock(), frame, Some(channel), 0);
        added.map_err(|(_, rejected)| self.rejected(rejected))
    }

    /// Queues a frame of a channel, or keeps it until the reader is up to date, if no newer comes.
    ///
    /// The caller counts its place, by [`OutboxMemory::take_places`], unless it replaced another.
    pub(crate) fn push_latest(&self, channel: &Arc<str>, frame: Frame) -> Result<Latest, Rejected> {
        let frame = self.for_reader(frame);
        let mut inner = self.inner.lock();
        if inner.closing.is_some() {
            return Err(Rejected::Closed);
        }
        // `pending` may fall while it is compared, as what was written is counted out without the
        // lock. That does no harm: who counts it out then waits for this lock, and looks at what is
        // kept.
        let pending = self.pending.load(Ordering::Relaxed);
        let fits = pending <= self.up_to_date() || pending + frame.cost() <= self.behind();
        if inner.backlog.is_none() && fits {
            let added = self.add(inner, frame, None, 0);
            return added.map(|()| Latest::Queued).map_err(|(_, rejected)| self.rejected(rejected));
        }
        let backlog = inner.backlog.get_or_insert_default();
        if pending + backlog.kept_cost_with(channel, &frame) > self.limit() {
            drop(inner);
            return Err(self.rejected(Rejected::Overflow));
        }
        Ok(if backlog.keep(channel, frame).is_some() { Latest::Replaced } else { Latest::Kept })
    }

    /// Drops what is kept of a channel: its reader has left it.
    pub(crate) fn forget(&self, channel: &str) {
        let forgotten = self.inner.lock().backlog.as_mut().and_then(|backlog| backlog.take(channel));
        self.memory.give_places_back(usize::from(forgotten.is_some()));
    }

    /// Closes the outbox; what is queued is still written, unless the peer does not read.
    pub(crate) fn close(&self, reason: Disconnect) {
        let mut inner = self.inner.lock();
        let mut backlog = inner.backlog.take();
        inner.socket = None;
        if inner.closing.is_none() {
            inner.closing = Some(reason);
            self.queue_kept(&mut inner, backlog.as_deref_mut());
            if reason == Disconnect::SlowReader {
                self.drop_queued(&mut inner);
            }
        }
        let waker = inner.waker.take();
        drop(inner);
        wake(waker);
        // Senders that wait for this reader go on, as it is closing.
        backlog.into_iter().for_each(|backlog| wake_all(backlog.waiting));
    }

    /// Drops what is queued and counts out what the task had in its hands, at the end.
    ///
    /// Returns the frame that was begun, if the task has not taken it: its rest has to be written.
    pub(crate) fn clear(&self, in_hand: usize) -> Option<Begun> {
        let mut inner = self.inner.lock();
        let begun = inner.take_begun();
        self.drop_queued(&mut inner);
        drop(inner);
        // What those frames cost stays in `pending`, which nobody asks any more. The outbox is
        // closed, so it takes nothing and no sender waits for it, and the connection has left the
        // registry, so it is no slow reader to be ended. `memory` does not add up `pending`: each
        // frame gives its bytes back when it is dropped, and its place is given back here.
        self.memory.give_places_back(in_hand + usize::from(begun.is_some()));
        begun
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing().is_some()
    }

    /// Returns why it is closing, if it is.
    pub(crate) fn closing(&self) -> Option<Disconnect> {
        self.inner.lock().closing
    }

    /// Returns what waits for the reader.
    pub(crate) fn pending(&self) -> usize {
        let kept = self.inner.lock().backlog.as_ref().map_or(0, |backlog| backlog.kept_cost());
        self.pending.load(Ordering::Relaxed) + kept
    }

    /// Notes since when the reader has taken nothing although something waits.
    pub(crate) fn note_still(&self, since: Option<Instant>) {
        let since = since.map_or(0, |since| self.memory.time(since));
        if self.still_since.load(Ordering::Relaxed) != since {
            self.still_since.store(since, Ordering::Relaxed);
        }
    }

    /// Returns for how long the reader has taken nothing although something waits, in milliseconds.
    pub(crate) fn still_ms(&self, now: u32) -> u32 {
        match self.still_since.load(Ordering::Relaxed) {
            0 => 0,
            since => now.saturating_sub(since),
        }
    }

    /// Moves what is queued to the end of `sending`, and tells whether the outbox is closing.
    ///
    /// If the first of it is begun, `sending` was empty. `waker` is woken at the next push or
    /// close.
    pub(crate) fn take(&self, sending: &mut VecDeque<Frame>, waker: &Waker) -> Taken {
        let mut inner = self.inner.lock();
        if sending.is_empty() {
            mem::swap(&mut inner.queue, sending);
        } else {
            sending.append(&mut inner.queue);
        }
        // The waker is left under the lock under which the queue was emptied. So a push behind this
        // finds it, and none is missed.
        if !inner.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            inner.waker = Some(waker.clone());
        }
        Taken { closing: inner.closing, begun: mem::take(&mut inner.begun) }
    }

    /// Wakes the task of the connection: something that it waits for has come.
    pub(crate) fn wake_task(&self) {
        let waker = self.inner.lock().waker.take();
        wake(waker);
    }

    /// Frees the room of bytes that were written, and of frames that were written to their end.
    pub(crate) fn release(&self, bytes: usize, frames: usize) {
        self.memory.give_places_back(frames);
        let cost = bytes + frames * FRAME_COST;
        // It pairs with the direct write, which comes behind what was written here.
        let before = self.pending.fetch_sub(cost, Ordering::Release);
        // A reader without much to read has no backlog, so most writes take no lock.
        if before > self.up_to_date() {
            self.progressed(before);
        }
    }

    /// Tells whether an answer to the client's own call may be added.
    pub(crate) fn takes_answers(&self) -> bool {
        self.pending.load(Ordering::Relaxed) <= ANSWERS_BYTES_MAX.min(self.behind())
    }

    /// Tells whether a frame would fit into the empty outbox.
    pub(crate) fn could_ever_take(&self, frame: &Frame) -> bool {
        frame.cost() <= self.limit()
    }

    /// Wakes who has an answer when its reader is up to date; `false` if it is, or is leaving.
    pub(crate) fn wait_to_answer(&self, reader: ConnectionId, waker: &Waker) -> bool {
        let mut inner = self.inner.lock();
        let kept = inner.backlog.as_ref().map_or(0, |backlog| backlog.kept_cost());
        // What is pending may fall without the lock. Who makes it fall below the mark then waits
        // for this lock, and wakes those whom it finds in the backlog.
        if inner.closing.is_some() || self.pending.load(Ordering::Relaxed) + kept <= self.up_to_date() {
            return false;
        }
        let backlog = inner.backlog.get_or_insert_default();
        backlog.waiting.insert(reader, waker.clone());
        true
    }

    /// Tells whether a frame fits whenever the reader is up to date.
    pub(crate) fn takes_late(&self, frame: &Frame) -> bool {
        frame.cost() <= self.limit() - self.up_to_date()
    }

    /// Tells whether a sender has to wait for this reader with a frame that costs so much.
    pub(crate) fn holds_up(&self, cost: usize, mark: WaitMark) -> bool {
        // Most readers are up to date: for them a sender takes no lock. For others frames may be
        // kept beside the queue, which take room as well.
        self.pending.load(Ordering::Relaxed) > self.up_to_date() && self.holds(&self.inner.lock(), cost, mark)
    }

    /// Wakes a sender when it need not wait any more; `false` if it need not wait now.
    pub(crate) fn wait(&self, sender: ConnectionId, waker: &Waker, cost: usize, mark: WaitMark) -> bool {
        let mut inner = self.inner.lock();
        // Looked at again under the lock. What is pending may fall without it, but who makes it
        // fall below a mark then waits for this lock, and wakes those whom it finds.
        if !self.holds(&inner, cost, mark) {
            return false;
        }
        let backlog = inner.backlog.get_or_insert_default();
        backlog.waiting.insert(sender, waker.clone());
        true
    }

    /// Returns how much waits, in few words.
    pub(crate) fn load(&self) -> OutboxLoad {
        let pending = self.pending.load(Ordering::Relaxed);
        if pending > WaitMark::Half.of(self.limit()) {
            OutboxLoad::OverHalf
        } else if pending > self.behind() {
            OutboxLoad::Behind
        } else {
            OutboxLoad::Light
        }
    }

    fn holds(&self, inner: &Locked, cost: usize, mark: WaitMark) -> bool {
        // A reader that is closing, or has little to read, has no backlog.
        let Some(backlog) = &inner.backlog else { return false };
        let pending = self.pending.load(Ordering::Relaxed);
        pending > mark.of(self.limit()) || pending + backlog.kept_cost() + cost > self.limit()
    }

    /// Queues a frame behind what is kept of its channel, or gives it back; does not count its
    /// place. If it is queued, it takes the place of so much room that was reserved for it.
    fn add(
        &self,
        mut inner: MutexGuard<'_, Locked>,
        frame: Frame,
        channel: Option<&str>,
        reserved: usize,
    ) -> Result<(), (Frame, Rejected)> {
        if inner.closing.is_some() {
            return Err((frame, Rejected::Closed));
        }
        let cost = frame.cost();
        let kept = inner.backlog.as_ref().map_or(0, |backlog| backlog.kept_cost());
        // A relaxed read is enough: only pushes and reservations add to `pending`, and they hold
        // the lock. Meanwhile the reader can only make it smaller.
        let mut pending = self.pending.load(Ordering::Relaxed) - reserved + cost;
        if pending + kept > self.limit() {
            return Err((frame, Rejected::Overflow));
        }
        if kept > 0
            && let Some(older) = channel.and_then(|channel| inner.backlog.as_mut()?.take(channel))
        {
            pending += older.cost();
            self.pending.fetch_add(older.cost(), Ordering::Relaxed);
            inner.queue.push_back(older);
        }
        let before = self.pending.fetch_add(cost, Ordering::Relaxed) + cost;
        if reserved > 0 {
            self.pending.fetch_sub(reserved, Ordering::Relaxed);
        }
        inner.queue.push_back(frame);
        if pending > self.behind() && inner.backlog.is_none() {
            inner.backlog = Some(Box::default());
        }
        let waker = inner.waker.take();
        drop(inner);
        wake(waker);
        // It was compressed, so that it takes less than was reserved: who waits for room has more.
        if cost < reserved {
            self.progressed(before);
        }
        Ok(())
    }

    fn rejected(&self, rejected: Rejected) -> Rejected {
        if rejected == Rejected::Overflow {
            self.close(Disconnect::SlowReader);
        }
        rejected
    }

    /// Notes that less waits than before: a reader with much to read took something, or room was
    /// given back.
    fn progressed(&self, before: usize) {
        let mut inner = self.inner.lock();
        let Some(backlog) = &mut inner.backlog else { return };
        let left = self.pending.load(Ordering::Relaxed);
        let up_to_date = left <= self.up_to_date();
        // When the queue falls below one of the marks all are woken: who waits for another finds
        // that it has to wait again. Who had no room below the marks finds some at the last one.
        let crossed = |mark: WaitMark| before > mark.of(self.limit()) && left <= mark.of(self.limit());
        let waiting = if up_to_date || crossed(WaitMark::Half) || crossed(WaitMark::Upper) {
            mem::take(&mut backlog.waiting)
        } else {
            HashMap::<_, _, RandomState>::default()
        };
        // Senders and the task are woken below, without the lock: each of them takes it.
        let waker = if up_to_date { self.catch_up(&mut inner) } else { None };
        drop(inner);
        wake(waker);
        wake_all(waiting);
    }

    /// Queues what is kept; the task has to look at it, if there is something.
    fn catch_up(&self, inner: &mut Locked) -> Option<Waker> {
        let mut backlog = inner.backlog.take();
        if !self.queue_kept(inner, backlog.as_deref_mut()) {
            return None;
        }
        if self.pending.load(Ordering::Relaxed) > self.behind() {
            inner.backlog = Some(Box::default());
        }
        inner.waker.take()
    }

    /// Moves what is kept to the end of the queue; tells whether there was anything.
    fn queue_kept(&self, inner: &mut Locked, backlog: Option<&mut Backlog>) -> bool {
        let Some(backlog) = backlog.filter(|backlog| backlog.kept_cost() > 0) else { return false };
        self.pending.fetch_add(backlog.kept_cost(), Ordering::Relaxed);
        inner.queue.extend(backlog.take_all());
        true
    }

    fn drop_queued(&self, inner: &mut Locked) {
        let mut dropped = mem::take(&mut inner.queue);
        // The rest of what was begun has to follow.
        if inner.begun > 0 {
            inner.queue.extend(dropped.pop_front());
        }
        self.pending.fetch_sub(dropped.iter().map(Frame::cost).sum(), Ordering::Relaxed);
        self.memory.give_places_back(dropped.len());
    }

    fn limit(&self) -> usize {
        self.memory.outbox_bytes_max
    }

    fn up_to_date(&self) -> usize {
        self.limit() / 8
    }

    fn behind(&self) -> usize {
        self.limit() / 4
    }
}

/// Wakes a task. It is called without the lock of the outbox, which that task takes first.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

fn wake_all(waiting: HashMap<ConnectionId, Waker, RandomState>) {
    waiting.into_values().for_each(Waker::wake);
}

#[cfg(test)]
mod tests;
