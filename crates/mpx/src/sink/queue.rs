//! What a subscription is yet to read, in a bounded queue.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use metrics::Counter;
use parking_lot::Mutex;

use super::notice_summary::NoticeSummary;
use crate::error::{Error, ErrorKind};
use crate::event::{Event, Message};

/// What happens when a message comes and the queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Policy {
    /// The oldest message goes, and the subscription is told how many went.
    ///
    /// Its stream has an error of kind [`Lagged`](ErrorKind::Lagged) before the next message, and
    /// goes on.
    #[default]
    DropOldest,
    /// The subscription is closed.
    ///
    /// Its stream ends with an error of kind [`Overflow`](ErrorKind::Overflow).
    Close,
}

/// The queue between the connection's task and who reads.
///
/// Messages are bounded by their number. Notices are never dropped alone; when there are more
/// unread than the names of the subscription need, [`fold`](Self::fold) replaces them by fewer that
/// say the same.
pub(crate) struct Queue {
    state: Mutex<Locked>,
    messages_max: usize,
    policy: Policy,
    /// Counts messages that were dropped.
    drops: Counter,
}

#[derive(Debug)]
struct Locked {
    messages: VecDeque<(u64, Message)>,
    notices: VecDeque<(u64, Event)>,
    /// How many names the notices speak of, each as often as it is named.
    weight: usize,
    /// From there on it is worth to look whether they can be folded.
    weight_max: usize,
    /// Numbers what comes, so that the two keep one order.
    next: u64,
    missed: u64,
    closed: bool,
    /// The last thing that is read.
    end: Option<Error>,
    waker: Option<Waker>,
}

impl Queue {
    pub(crate) fn new(messages_max: usize, policy: Policy, drops: Counter) -> Self {
        let state = Locked {
            messages: VecDeque::new(),
            notices: VecDeque::new(),
            weight: 0,
            weight_max: NOTICES_MIN,
            next: 0,
            missed: 0,
            closed: false,
            end: None,
            waker: None,
        };
        Self { state: Mutex::new(state), messages_max, policy, drops }
    }

    /// Adds a message, and says whether the queue goes on.
    pub(crate) fn push(&self, message: Message) -> bool {
        let mut state = self.state.lock();
        if state.closed {
            return false;
        }
        let is_full = state.messages.len() == self.messages_max;
        if is_full && self.policy == Policy::Close {
            let error = Error::new(
                ErrorKind::Overflow,
                "the subscription was closed because it did not read its messages in time",
            );
            let waker = state.close(Some(error));
            drop(state);
            wake(waker);
            return false;
        }
        if is_full {
            state.messages.pop_front();
            state.missed += 1;
        }
        let number = state.number();
        state.messages.push_back((number, message));
        let waker = state.waker.take();
        drop(state);
        wake(waker);
        if is_full {
            self.drops.increment(1);
        }
        true
    }

    /// Adds a notice, and says whether it is time to [`fold`](Self::fold).
    pub(crate) fn tell(&self, notice: Event) -> bool {
        let mut state = self.state.lock();
        if state.closed {
            return false;
        }
        state.weight += weight(&notice);
        let number = state.number();
        state.notices.push_back((number, notice));
        let (waker, is_much) = (state.waker.take(), state.weight > state.weight_max);
        drop(state);
        wake(waker);
        is_much
    }

    /// Replaces all notices by a summary of each name, if there are more than so many names need,
    /// and drops all messages, whose number it returns. Names that are not `wanted` any more need
    /// no notice.
    pub(crate) fn fold(&self, names: usize, wanted: impl Fn(&Bytes) -> bool) -> u64 {
        let mut state = self.state.lock();
        state.weight_max = NOTICES_EACH * names + NOTICES_MIN;
        if state.weight <= state.weight_max {
            return 0;
        }
        let mut courses = NoticeSummary::default();
        let notices = std::mem::take(&mut state.notices);
        notices.into_iter().for_each(|(_, notice)| courses.add(notice));
        let notices = courses.notices(wanted);
        state.weight = notices.iter().map(weight).sum();
        for notice in notices {
            let number = state.number();
            state.notices.push_back((number, notice));
        }
        // Between which notices a message came cannot be said any more: the summary stands for
        // notices before it and behind it. So no message is kept.
        let missed = std::mem::take(&mut state.messages).len() as u64;
        state.missed += missed;
        missed
    }

    /// Lets nothing more in. What is there can still be read.
    pub(crate) fn close(&self) {
        let waker = self.state.lock().close(None);
        wake(waker);
    }

    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<Option<Result<Event, Error>>> {
        let mut state = self.state.lock();
        if let Some(item) = state.pop() {
            return Poll::Ready(Some(item));
        }
        if state.closed {
            return Poll::Ready(state.end.take().map(Err));
        }
        let mut before = None;
        if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            before = state.waker.replace(context.waker().clone());
        }
        drop(state);
        // The waker that was replaced is the code of somebody else, so it is dropped after the
        // lock.
        drop(before);
        Poll::Pending
    }
}

impl Locked {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn pop(&mut self) -> Option<Result<Event, Error>> {
        let notice = self.notices.front().map(|(number, _)| *number);
        let message = self.messages.front().map(|(number, _)| *number);
        if notice.is_some_and(|notice| message.is_none_or(|message| notice < message)) {
            let (_, notice) = self.notices.pop_front()?;
            self.weight -= weight(&notice);
            return Some(Ok(notice));
        }
        // The messages that were dropped are older than all that are left, so the loss is told
        // first.
        if self.missed > 0 {
            return Some(Err(Error::lagged(std::mem::take(&mut self.missed))));
        }
        self.messages.pop_front().map(|(_, message)| Ok(Event::Message(message)))
    }

    fn close(&mut self, end: Option<Error>) -> Option<Waker> {
        if !self.closed {
            self.closed = true;
            self.end = end;
        }
        self.waker.take()
    }
}

fn weight(notice: &Event) -> usize {
    if let Event::Disconnected { names, .. } = notice { names.len() } else { 1 }
}

/// Wakes the reader. It is called without the lock: a waker is the code of somebody else.
fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// How many notices of a name may lie unread. The summary of a name has three at most.
const NOTICES_EACH: usize = 4;
/// And how many of a subscription at least.
const NOTICES_MIN: usize = 1_024;

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn message(number: u8) -> Message {
        Message { channel: Bytes::from_static(b"a"), payload: Bytes::copy_from_slice(&[b'0' + number]) }
    }

    fn lost() -> Event {
        Event::Disconnected {
            names: [Bytes::from_static(b"a")].into(),
            error: Error::new(ErrorKind::Unavailable, "lost"),
        }
    }

    fn activated() -> Event {
        Event::Activated { name: Bytes::from_static(b"a") }
    }

    /// Reads all there is: a digit for a message, `+` and `-` for notices, `?` and a number for a
    /// gap, `.` for the end.
    fn read(queue: &Queue) -> String {
        let mut read = String::new();
        loop {
            let next = std::future::poll_fn(|context| queue.poll(context)).now_or_never();
            match next {
                None => return read,
                Some(None) => return read + ".",
                Some(Some(Err(error))) => match error.missed() {
                    Some(missed) => read += &format!("?{missed} "),
                    None => read += &format!("{:?}", error.kind()),
                },
                Some(Some(Ok(Event::Message(message)))) => read += &String::from_utf8_lossy(&message.payload),
                Some(Some(Ok(Event::Activated { .. }))) => read += "+",
                Some(Some(Ok(Event::Disconnected { .. }))) => read += "-",
                Some(Some(Ok(other))) => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn messages_and_notices_keep_their_order() {
        let queue = Queue::new(9, Policy::DropOldest, Counter::noop());
        queue.tell(activated());
        assert!(queue.push(message(1)) && queue.push(message(2)));
        queue.tell(lost());
        queue.tell(activated());
        assert!(queue.push(message(3)));
        assert_eq!(read(&queue), "+12-+3");
        queue.close();
        assert_eq!(read(&queue), ".");
        assert!(!queue.push(message(4)));
    }

    #[test]
    fn the_oldest_messages_go_and_their_number_is_told_before_the_next() {
        let queue = Queue::new(2, Policy::DropOldest, Counter::noop());
        queue.tell(activated());
        (1..6).for_each(|number| assert!(queue.push(message(number))));
        assert_eq!(read(&queue), "+?3 45");
        (1..3).for_each(|number| assert!(queue.push(message(number))));
        queue.close();
        assert_eq!(read(&queue), "12.");
    }

    #[test]
    fn a_full_queue_is_closed_if_its_policy_says_so() {
        let queue = Queue::new(2, Policy::Close, Counter::noop());
        assert!(queue.push(message(1)) && queue.push(message(2)));
        assert!(!queue.push(message(3)) && !queue.push(message(4)));
        queue.tell(lost());
        assert_eq!(read(&queue), "12Overflow.");
    }

    #[test]
    fn notices_nobody_reads_do_not_pile_up() {
        let queue = Queue::new(100, Policy::DropOldest, Counter::noop());
        let mut dropped = 0;
        for _ in 0..10_000 {
            for notice in [activated(), lost()] {
                assert!(queue.push(message(7)));
                if queue.tell(notice) {
                    dropped += queue.fold(1, |name| name == "a");
                }
                assert!(queue.state.lock().notices.len() <= NOTICES_MIN + NOTICES_EACH + 1);
            }
        }
        assert!(dropped > 0);
        let read = read(&queue);
        assert!(read.starts_with("+-") && read.contains("7-"), "{read}");
        let missed = read.split_once('?').unwrap().1.split_once(' ').unwrap().0;
        assert!(missed.parse::<u64>().unwrap() > 10_000, "{missed}");
        assert_eq!(queue.state.lock().weight, 0);
    }

    #[test]
    fn notices_of_many_names_are_all_kept() {
        let queue = Queue::new(100, Policy::DropOldest, Counter::noop());
        assert!(queue.push(message(1)));
        for number in 0..5_000_u32 {
            let name = Bytes::copy_from_slice(&number.to_be_bytes());
            if queue.tell(Event::Activated { name }) {
                assert_eq!(queue.fold(5_000, |_| true), 0);
            }
        }
        assert_eq!(read(&queue), format!("1{}", "+".repeat(5_000)));
    }
}
