//! What waits to be sent, and what the client wants to be bound to.
//!
//! Both are under one lock, so that the hub is told of binds in the order in which they were asked
//! for, and none is forgotten when a connection begins or ends in between.

use std::collections::{BTreeSet, VecDeque};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, ErrorKind};

#[derive(Debug)]
pub(crate) struct Outbox {
    slots: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    channels_max: usize,
    locked: Mutex<Locked>,
}

#[derive(Debug)]
struct Locked {
    queue: VecDeque<Outgoing>,
    /// The number of the connection that there is.
    connection: Option<u64>,
    /// What is bound now, and again by each connection that comes.
    channels: BTreeSet<String>,
    is_closing: bool,
    writer: Option<Waker>,
}

/// One thing to be sent.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// An encoded message, with its share of what may wait; an end of a stream needs none.
    Message(Bytes, Option<Claim>),
    /// A ping with this number.
    Ping(u64),
    /// The close frame, behind which nothing comes.
    Goodbye,
}

/// A share of what may wait to be sent, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    _slot: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

impl Outbox {
    pub(crate) fn new(messages_max: usize, bytes_max: usize, channels_max: usize) -> Self {
        let locked = Locked {
            queue: VecDeque::new(),
            connection: None,
            channels: BTreeSet::new(),
            is_closing: false,
            writer: None,
        };
        Self {
            slots: Arc::new(Semaphore::new(messages_max)),
            bytes: Arc::new(Semaphore::new(bytes_max)),
            channels_max,
            locked: Mutex::new(locked),
        }
    }

    /// Waits for room for a message of so many bytes; who came first gets it first.
    pub(crate) async fn claim(&self, bytes: usize) -> Result<Claim, Error> {
        // Longer messages are refused before, so this is exact.
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let slot = Arc::clone(&self.slots).acquire_owned().await.map_err(|_| Error::closed())?;
        let bytes = Arc::clone(&self.bytes).acquire_many_owned(bytes).await.map_err(|_| Error::closed())?;
        Ok(Claim { _slot: slot, _bytes: bytes })
    }

    /// Puts something behind all that waits; `false` if this is not the connection any more.
    pub(crate) fn push(&self, connection: u64, outgoing: Outgoing) -> bool {
        let mut locked = self.locked.lock();
        let is_taken = locked.connection == Some(connection);
        if is_taken {
            locked.push(outgoing);
        }
        is_taken
    }

    /// Enters or removes a channel, and tells the hub if there is a connection.
    pub(crate) fn wish(&self, channel: &str, is_bound: bool, told: Outgoing) -> Result<(), Error> {
        let mut locked = self.locked.lock();
        if locked.is_closing {
            return Err(Error::closed());
        }
        if !is_bound {
            locked.channels.remove(channel);
        } else if !locked.channels.contains(channel) {
            if locked.channels.len() >= self.channels_max {
                let text = format!("{} channels are bound, which are as many as may", self.channels_max);
                return Err(Error::new(ErrorKind::Busy, text));
            }
            locked.channels.insert(channel.to_owned());
        }
        if locked.connection.is_some() {
            locked.push(told);
        }
        Ok(())
    }

    /// Returns the number of the connection that there is.
    pub(crate) fn connection(&self) -> Option<u64> {
        self.locked.lock().connection
    }

    pub(crate) fn channels(&self) -> Vec<String> {
        self.locked.lock().channels.iter().cloned().collect()
    }

    /// A connection begins: returns what it is told first.
    pub(crate) fn connect(&self, connection: u64) -> Vec<String> {
        let mut locked = self.locked.lock();
        locked.connection = Some(connection);
        if locked.is_closing {
            locked.push(Outgoing::Goodbye);
        }
        locked.channels.iter().cloned().collect()
    }

    /// The connection has ended: returns how many messages were not sent.
    pub(crate) fn disconnect(&self) -> usize {
        let mut locked = self.locked.lock();
        locked.connection = None;
        locked.writer = None;
        let unsent = std::mem::take(&mut locked.queue);
        drop(locked);
        // Who waits for room gets it as these are dropped.
        unsent.iter().filter(|outgoing| matches!(outgoing, Outgoing::Message(..))).count()
    }

    /// Takes nothing more, and says goodbye behind what waits.
    pub(crate) fn close(&self) {
        self.slots.close();
        self.bytes.close();
        let mut locked = self.locked.lock();
        if !std::mem::replace(&mut locked.is_closing, true) && locked.connection.is_some() {
            locked.push(Outgoing::Goodbye);
        }
    }

    /// Takes what is sent next, if there is something.
    pub(crate) fn try_take(&self) -> Option<Outgoing> {
        self.locked.lock().queue.pop_front()
    }

    /// Waits until there is something to send, and takes it.
    ///
    /// One thing at a time: what a connection does not come to stays here, and is counted.
    pub(crate) async fn take(&self) -> Outgoing {
        poll_fn(|context| {
            let mut locked = self.locked.lock();
            let next = locked.queue.pop_front();
            if next.is_none() {
                locked.writer = Some(context.waker().clone());
            }
            next.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }
}

impl Locked {
    fn push(&mut self, outgoing: Outgoing) {
        self.queue.push_back(outgoing);
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(outbox: &Outbox) -> Outgoing {
        let claim = futures_util::FutureExt::now_or_never(outbox.claim(4)).expect("there is room");
        Outgoing::Message(Bytes::from_static(b"four"), claim.ok())
    }

    #[test]
    fn what_a_connection_has_not_sent_is_counted_and_its_room_given_back() {
        let outbox = Outbox::new(2, 100, 10);
        outbox.connect(1);
        for _ in 0..2 {
            let message = message(&outbox);
            assert!(outbox.push(1, message));
        }
        assert!(futures_util::FutureExt::now_or_never(outbox.claim(4)).is_none(), "two may wait");
        assert_eq!(outbox.disconnect(), 2);
        let late = message(&outbox);
        assert!(!outbox.push(1, late), "nothing is kept for another connection");
    }

    #[test]
    fn each_connection_is_told_what_is_bound_by_then() {
        let outbox = Outbox::new(10, 100, 2);
        for (channel, is_bound) in [("a", true), ("b", true), ("a", false), ("c", true), ("c", true)] {
            outbox.wish(channel, is_bound, Outgoing::Ping(0)).expect("there is room");
        }
        assert_eq!(outbox.connect(1), ["b", "c"]);
        let error = outbox.wish("d", true, Outgoing::Ping(0)).expect_err("two are bound");
        assert_eq!(error.kind(), ErrorKind::Busy);
    }
}
