//! What a subscription is yet to read: bounded, whatever comes.

use std::collections::VecDeque;
use std::task::{Context, Poll, Waker};

use metrics::Counter;
use parking_lot::Mutex;

use crate::error::{Error, ErrorKind};
use crate::event::{Event, Message};

/// What happens when a message comes and the queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Policy {
    /// The oldest message goes, and [`Event::Lagged`] says how many went.
    #[default]
    DropOldest,
    /// The subscription is closed: its stream ends with an error of kind [`Overflow`](ErrorKind::Overflow).
    Close,
}

/// The queue between the connection's task and who reads.
///
/// Messages are bounded by their number. Notices are never dropped alone: of each name there are at most a few between two losses
/// of the connection, and when there are [`LOSSES_MAX`] losses unread all before the last goes at once.
pub(crate) struct Queue {
    state: Mutex<State>,
    messages_max: usize,
    policy: Policy,
    /// Counts messages that were dropped.
    drops: Counter,
}

#[derive(Debug, Default)]
struct State {
    messages: VecDeque<(u64, Message)>,
    notices: VecDeque<(u64, Event)>,
    /// Numbers what comes, so that the two keep one order.
    next: u64,
    missed: u64,
    losses: usize,
    closed: bool,
    /// The last thing that is read.
    end: Option<Error>,
    waker: Option<Waker>,
}

impl Queue {
    pub(crate) fn new(messages_max: usize, policy: Policy, drops: Counter) -> Self {
        Self { state: Mutex::default(), messages_max, policy, drops }
    }

    /// Adds a message, and says whether the queue goes on.
    pub(crate) fn push(&self, message: Message) -> bool {
        let mut state = self.state.lock();
        if state.closed {
            return false;
        }
        if state.messages.len() == self.messages_max {
            if self.policy == Policy::Close {
                let error = Error::new(ErrorKind::Overflow, "the subscription did not read what came");
                return state.close(Some(error));
            }
            state.messages.pop_front();
            state.missed += 1;
            self.drops.increment(1);
        }
        let number = state.number();
        state.messages.push_back((number, message));
        let waker = state.waker.take();
        drop(state);
        wake(waker);
        true
    }

    /// Adds a notice.
    pub(crate) fn tell(&self, notice: Event) {
        let mut state = self.state.lock();
        if state.closed {
            return;
        }
        if matches!(notice, Event::Disconnected { .. }) {
            if state.losses == LOSSES_MAX {
                let missed = state.messages.len() as u64;
                state.messages.clear();
                state.missed += missed;
                self.drops.increment(missed);
                state.notices.clear();
                state.losses = 0;
            }
            state.losses += 1;
        }
        let number = state.number();
        state.notices.push_back((number, notice));
        let waker = state.waker.take();
        drop(state);
        wake(waker);
    }

    /// Lets nothing more in. What is there can still be read.
    pub(crate) fn close(&self) {
        self.state.lock().close(None);
    }

    pub(crate) fn poll(&self, context: &Context<'_>) -> Poll<Option<Result<Event, Error>>> {
        let mut state = self.state.lock();
        if let Some(event) = state.pop() {
            return Poll::Ready(Some(Ok(event)));
        }
        if state.closed {
            return Poll::Ready(state.end.take().map(Err));
        }
        state.waker = Some(context.waker().clone());
        Poll::Pending
    }
}

impl State {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn pop(&mut self) -> Option<Event> {
        let notice = self.notices.front().map(|(number, _)| *number);
        let message = self.messages.front().map(|(number, _)| *number);
        if notice.is_some_and(|notice| message.is_none_or(|message| notice < message)) {
            let (_, notice) = self.notices.pop_front()?;
            if matches!(notice, Event::Disconnected { .. }) {
                self.losses -= 1;
            }
            return Some(notice);
        }
        // What went was older than all messages that are left.
        if self.missed > 0 {
            return Some(Event::Lagged { missed: std::mem::take(&mut self.missed) });
        }
        self.messages.pop_front().map(|(_, message)| Event::Message(message))
    }

    fn close(&mut self, end: Option<Error>) -> bool {
        if !self.closed {
            self.closed = true;
            self.end = end;
        }
        wake(self.waker.take());
        false
    }
}

fn wake(waker: Option<Waker>) {
    if let Some(waker) = waker {
        waker.wake();
    }
}

/// How many losses of the connection may lie unread.
const LOSSES_MAX: usize = 8;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
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

    /// Reads all there is: a digit for a message, `+` and `-` for notices, `?` and a number for a gap, `.` for the end.
    fn read(queue: &Queue) -> String {
        let mut read = String::new();
        loop {
            let next = std::future::poll_fn(|context| queue.poll(context)).now_or_never();
            match next {
                None => return read,
                Some(None) => return read + ".",
                Some(Some(Err(error))) => read += &format!("{:?}", error.kind()),
                Some(Some(Ok(Event::Message(message)))) => read += &String::from_utf8_lossy(&message.payload),
                Some(Some(Ok(Event::Activated { .. }))) => read += "+",
                Some(Some(Ok(Event::Disconnected { .. }))) => read += "-",
                Some(Some(Ok(Event::Lagged { missed }))) => read += &format!("?{missed} "),
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
    fn losses_nobody_reads_about_do_not_pile_up() {
        let queue = Queue::new(100, Policy::DropOldest, Counter::noop());
        for _ in 0..1_000 {
            queue.tell(activated());
            assert!(queue.push(message(7)));
            queue.tell(lost());
        }
        let state = queue.state.lock();
        assert!(state.notices.len() <= 2 * LOSSES_MAX && state.messages.len() <= LOSSES_MAX);
        drop(state);
        let read = read(&queue);
        let (head, tail) = read.split_at(read.find('?').unwrap());
        assert_eq!(head.chars().last(), Some('+'), "what is left begins with a loss");
        assert!(head.starts_with('-') && tail.ends_with("+7-"), "{read}");
    }
}
