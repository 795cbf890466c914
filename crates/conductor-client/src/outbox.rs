//! What waits to be sent, and what the client wants to be bound to.
//!
//! Both are under one lock, so that the hub is told of binds in the order in which they were asked
//! for, and none is forgotten when a connection begins or ends in between.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Poll, Waker};

use bytes::{Bytes, BytesMut};
use conductor_protocol::{Message, Opcode};
use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{Error, ErrorKind};
use crate::handed::Handed;
use crate::handover::Handover;

/// The number of the ping behind which there is only the goodbye.
pub(crate) const LAST_PING: u64 = u64::MAX;

/// The number of pings that nobody waits for: that they are answered is all.
pub(crate) const NOBODY: u64 = 0;

/// How many unbinds may wait for the answer of the hub.
const LEAVING_MAX: usize = 4_096;

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
    /// The connection that there is.
    connection: Option<Underway>,
    /// What is bound now, and again by each connection that comes.
    channels: BTreeSet<String>,
    /// What the connection that there is leaves, by the pings behind which it has.
    leaving: BTreeMap<u64, String>,
    is_closing: bool,
    /// Whether the hub has answered the last ping, or was not sent any.
    may_say_goodbye: bool,
    /// Whether the connection ended before that.
    was_cut_short: bool,
    writer: Option<Waker>,
}

/// What is known of the connection that there is.
///
/// Its messages have numbers from 1 on, in the order in which they came here, which is that of the
/// wire: by its number [`Handed`] says what became of each.
#[derive(Debug)]
struct Underway {
    number: u64,
    handed: Arc<Handed>,
    /// How many messages came.
    pushed: u64,
    /// What the writer has taken, and the socket may not have.
    under_way: Vec<(MessageKind, Option<Claim>)>,
}

/// One thing to be sent.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// An encoded message, with its share of what may wait; an end of a stream needs none.
    Message(MessageKind, Bytes, Option<Claim>),
    /// A ping with this number, and its share if somebody waits for its answer.
    Ping(u64, Option<Claim>),
    /// The close frame, behind which nothing comes.
    Goodbye,
}

/// What becomes of a message that a connection has not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MessageKind {
    /// The next connection is told what is bound then.
    Bind,
    /// Who waits for its answer sends it again if no byte of it was written.
    Call,
    /// It is lost, and counted.
    Other,
}

/// What a client wants to be of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    Bound,
    /// The hub has unbound it once it answers the ping with this number.
    Unbound(u64),
}

/// What the writer does next.
#[derive(Debug)]
pub(crate) enum Taken {
    Message(Bytes),
    Ping(u64),
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
            leaving: BTreeMap::new(),
            is_closing: false,
            may_say_goodbye: false,
            was_cut_short: false,
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

    /// Puts something behind all that waits; `None` if this is not the connection any more.
    pub(crate) fn push(&self, connection: u64, outgoing: Outgoing) -> Option<Handover> {
        let mut locked = self.locked.lock();
        let is_this = locked.connection.as_ref().is_some_and(|now| now.number == connection);
        // Whoever had room just before the close would come behind the last ping, whose answer does
        // not speak for it. Only what needs no room goes on, as the end of a stream.
        let is_late = locked.is_closing && outgoing.has_claim();
        // What is refused gives its room back without the lock.
        if is_this && !is_late { locked.push(outgoing) } else { None }
    }

    /// Enters or removes a channel, and tells the hub if there is a connection.
    pub(crate) fn wish(&self, channel: &str, wish: Wish, told: Outgoing) -> Result<(), Error> {
        let mut locked = self.locked.lock();
        if locked.is_closing {
            return Err(Error::closed());
        }
        match wish {
            Wish::Bound => locked.enter(channel, self.channels_max)?,
            Wish::Unbound(_) => locked.remove(channel)?,
        }
        if locked.push(told).is_some()
            && let Wish::Unbound(ping) = wish
        {
            locked.leaving.insert(ping, channel.to_owned());
            locked.push(Outgoing::Ping(ping, None));
        }
        Ok(())
    }

    /// Returns the channel that the hub has unbound the client from when it answers this ping.
    pub(crate) fn left(&self, ping: u64) -> Option<String> {
        self.locked.lock().leaving.remove(&ping)
    }

    /// Returns the number of the connection that there is.
    pub(crate) fn connection(&self) -> Option<u64> {
        self.locked.lock().connection.as_ref().map(|connection| connection.number)
    }

    /// Returns how many messages the socket of the connection has taken whole.
    pub(crate) fn messages_handed_over(&self) -> u64 {
        self.locked.lock().connection.as_ref().map_or(0, |connection| connection.handed.whole())
    }

    pub(crate) fn channels(&self) -> Vec<String> {
        self.locked.lock().channels.iter().cloned().collect()
    }

    /// A connection begins, which is told first what is bound.
    pub(crate) fn connect(&self, number: u64, handed: Arc<Handed>) {
        let mut locked = self.locked.lock();
        let binds: Vec<Bytes> = locked.channels.iter().filter_map(|channel| bind(channel)).collect();
        locked.connection = Some(Underway { number, handed, pushed: 0, under_way: Vec::new() });
        locked.leaving.clear();
        for bind in binds {
            locked.push(Outgoing::Message(MessageKind::Bind, bind, None));
        }
        locked.say_goodbye();
    }

    /// The connection has ended: returns how many messages it has lost.
    ///
    /// Its socket is gone by now. Lost is what it had not taken to the last byte, but for what goes
    /// out again by itself: binds, and calls of which it had taken no byte. `None` if there was no
    /// connection.
    pub(crate) fn disconnect(&self) -> Option<usize> {
        let mut locked = self.locked.lock();
        let connection = locked.connection.take();
        locked.writer = None;
        if connection.is_some() && locked.is_closing && !locked.may_say_goodbye {
            locked.was_cut_short = true;
        }
        let queue = std::mem::take(&mut locked.queue);
        drop(locked);
        // Who waits for room gets it as these are dropped.
        connection.map(|connection| connection.lost(&queue))
    }

    /// Takes nothing more, and asks the hub behind what waits whether it has taken all of it.
    ///
    /// A hub that is told goodbye waits for no reader any more, and drops what it has not come to.
    /// So the goodbye comes when it has answered: see [`say_goodbye`](Self::say_goodbye).
    pub(crate) fn close(&self) {
        self.slots.close();
        self.bytes.close();
        let mut locked = self.locked.lock();
        if !std::mem::replace(&mut locked.is_closing, true) {
            locked.push(Outgoing::Ping(LAST_PING, None));
        }
    }

    /// Says goodbye: the hub has answered the last ping.
    pub(crate) fn say_goodbye(&self) {
        self.locked.lock().say_goodbye();
    }

    /// Returns whether the connection ended after [`close`](Self::close) and before the goodbye.
    pub(crate) fn was_cut_short(&self) -> bool {
        self.locked.lock().was_cut_short
    }

    /// Takes what is sent next, if there is something.
    pub(crate) fn try_take(&self) -> Option<Taken> {
        self.locked.lock().pop()
    }

    /// Waits until there is something to send, and takes it.
    ///
    /// One thing at a time: what a connection does not come to stays here, and is counted.
    pub(crate) async fn take(&self) -> Taken {
        poll_fn(|context| {
            let mut locked = self.locked.lock();
            let next = locked.pop();
            if next.is_none() {
                locked.writer = Some(context.waker().clone());
            }
            next.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// The socket has taken all that was taken from here: gives its room back.
    pub(crate) fn handed_over(&self) {
        let mut locked = self.locked.lock();
        let handed = locked.connection.as_mut().map(|connection| std::mem::take(&mut connection.under_way));
        drop(locked);
        drop(handed);
    }
}

impl Locked {
    /// Enters a channel, unless there are as many as may be.
    fn enter(&mut self, channel: &str, channels_max: usize) -> Result<(), Error> {
        if self.channels.contains(channel) {
            return Ok(());
        }
        if self.channels.len() >= channels_max {
            let text = format!("{channels_max} channels are bound, which are as many as may");
            return Err(Error::new(ErrorKind::Busy, text));
        }
        self.channels.insert(channel.to_owned());
        Ok(())
    }

    /// Removes a channel, unless the hub has yet to answer too many that were removed.
    fn remove(&mut self, channel: &str) -> Result<(), Error> {
        if self.leaving.len() >= LEAVING_MAX {
            let text =
                format!("{LEAVING_MAX} unbinds wait for the hub, which are as many as may; try again later");
            return Err(Error::new(ErrorKind::Busy, text));
        }
        self.channels.remove(channel);
        Ok(())
    }

    /// Says goodbye if the client is closing: nothing is left to be sent, or the hub has it.
    fn say_goodbye(&mut self) {
        if self.is_closing {
            self.may_say_goodbye = true;
            self.push(Outgoing::Goodbye);
        }
    }

    /// Puts something in, if there is a connection.
    fn push(&mut self, outgoing: Outgoing) -> Option<Handover> {
        let connection = self.connection.as_mut()?;
        connection.pushed += u64::from(matches!(outgoing, Outgoing::Message(..)));
        let handover = Handover::new(connection.number, connection.pushed, &connection.handed);
        self.queue.push_back(outgoing);
        if let Some(writer) = self.writer.take() {
            writer.wake();
        }
        Some(handover)
    }

    fn pop(&mut self) -> Option<Taken> {
        Some(match self.queue.pop_front()? {
            Outgoing::Message(kind, bytes, claim) => {
                if let Some(connection) = &mut self.connection {
                    connection.under_way.push((kind, claim));
                }
                Taken::Message(bytes)
            }
            // It is a few bytes, which nothing has to be remembered of.
            Outgoing::Ping(number, _claim) => Taken::Ping(number),
            Outgoing::Goodbye => Taken::Goodbye,
        })
    }
}

impl Outgoing {
    fn has_claim(&self) -> bool {
        matches!(self, Self::Message(_, _, Some(_)) | Self::Ping(_, Some(_)))
    }
}

impl Underway {
    /// Returns how many of its messages are lost, with those that are still in the queue.
    fn lost(&self, queue: &VecDeque<Outgoing>) -> usize {
        let waiting = queue.iter().filter_map(|outgoing| match outgoing {
            Outgoing::Message(kind, ..) => Some(*kind),
            Outgoing::Ping(..) | Outgoing::Goodbye => None,
        });
        let open: Vec<MessageKind> = self.under_way.iter().map(|(kind, _)| *kind).chain(waiting).collect();
        let (begun, whole) = (self.handed.begun(), self.handed.whole());
        let first = self.pushed - open.len() as u64 + 1;
        let is_lost = |&(number, kind): &(u64, MessageKind)| match kind {
            MessageKind::Bind => false,
            MessageKind::Call => number > whole && number <= begun,
            MessageKind::Other => number > whole,
        };
        (first..).zip(open).filter(is_lost).count()
    }
}

/// Encodes a bind, whose name was checked when it was asked for.
fn bind(channel: &str) -> Option<Bytes> {
    let mut bytes = BytesMut::new();
    Message::new(Opcode::BIND, channel, "").encode(&mut bytes).ok()?;
    Some(bytes.freeze())
}

#[cfg(test)]
mod tests {
    use conductor_protocol::MessageRef;
    use futures_util::FutureExt as _;

    use super::*;

    fn message(outbox: &Outbox, kind: MessageKind) -> Outgoing {
        let claim = outbox.claim(4).now_or_never().expect("there is room");
        Outgoing::Message(kind, Bytes::from_static(b"four"), claim.ok())
    }

    fn connected(outbox: &Outbox) -> Arc<Handed> {
        let handed = Arc::new(Handed::default());
        outbox.connect(1, Arc::clone(&handed));
        handed
    }

    #[test]
    fn what_a_connection_has_not_sent_is_counted_and_its_room_given_back() {
        let outbox = Outbox::new(2, 100, 10);
        connected(&outbox);
        for _ in 0..2 {
            let message = message(&outbox, MessageKind::Other);
            assert!(outbox.push(1, message).is_some());
        }
        assert!(outbox.claim(4).now_or_never().is_none(), "two may wait");
        assert_eq!(outbox.disconnect(), Some(2));
        let late = message(&outbox, MessageKind::Other);
        assert!(outbox.push(1, late).is_none(), "nothing is kept for another connection");
        assert_eq!(outbox.disconnect(), None);
    }

    #[test]
    fn what_the_writer_has_taken_is_lost_unless_the_socket_has_it_whole() {
        let outbox = Outbox::new(10, 100, 10);
        let handed = connected(&outbox);
        let mut handovers = Vec::new();
        for kind in [
            MessageKind::Other,
            MessageKind::Other,
            MessageKind::Call,
            MessageKind::Call,
            MessageKind::Bind,
            MessageKind::Other,
        ] {
            let message = message(&outbox, kind);
            handovers.extend(outbox.push(1, message));
        }
        for _ in 0..4 {
            assert!(matches!(outbox.try_take(), Some(Taken::Message(_))));
        }
        // The second message is whole, of the first call a part was written, of the other nothing.
        handed.set_begun(3);
        handed.set_whole(2);
        let is_untouched: Vec<bool> = handovers.iter().map(Handover::is_untouched).collect();
        assert_eq!(is_untouched, [false, false, false, true, true, true]);
        assert_eq!(outbox.disconnect(), Some(2), "the call that was begun, and the last message");
    }

    #[test]
    fn room_is_given_back_once_the_socket_has_all() {
        let outbox = Outbox::new(1, 100, 10);
        let handed = connected(&outbox);
        let one = message(&outbox, MessageKind::Other);
        outbox.push(1, one);
        assert!(matches!(outbox.try_take(), Some(Taken::Message(_))));
        assert!(outbox.claim(4).now_or_never().is_none(), "it is under way");
        handed.set_begun(1);
        handed.set_whole(1);
        outbox.handed_over();
        assert!(outbox.claim(4).now_or_never().is_some());
        assert_eq!(outbox.disconnect(), Some(0));
    }

    #[test]
    fn what_comes_behind_the_last_ping_is_refused_unless_it_needs_no_room() {
        let outbox = Outbox::new(10, 100, 10);
        connected(&outbox);
        let late = message(&outbox, MessageKind::Other);
        outbox.close();
        assert!(outbox.push(1, late).is_none(), "its sender had room before");
        let end = Outgoing::Message(MessageKind::Other, Bytes::from_static(b"end"), None);
        assert!(outbox.push(1, end).is_some());
        assert!(matches!(outbox.try_take(), Some(Taken::Ping(LAST_PING))));
        assert!(matches!(outbox.try_take(), Some(Taken::Message(_))));
    }

    #[test]
    fn a_close_is_cut_short_by_a_connection_that_ends_before_the_goodbye() {
        let closed = |says_goodbye: bool, is_connected: bool| {
            let outbox = Outbox::new(10, 100, 10);
            if is_connected {
                connected(&outbox);
            }
            outbox.close();
            if says_goodbye {
                outbox.say_goodbye();
            }
            outbox.disconnect();
            outbox.was_cut_short()
        };
        assert!(closed(false, true));
        assert!(!closed(true, true) && !closed(false, false));
    }

    #[test]
    fn each_connection_is_told_what_is_bound_by_then() {
        let outbox = Outbox::new(10, 100, 2);
        for (channel, wish) in [
            ("a", Wish::Bound),
            ("b", Wish::Bound),
            ("a", Wish::Unbound(1)),
            ("c", Wish::Bound),
            ("c", Wish::Bound),
        ] {
            outbox.wish(channel, wish, Outgoing::Ping(0, None)).expect("there is room");
        }
        assert_eq!(outbox.left(1), None, "nothing was told without a connection");
        connected(&outbox);
        let told = || match outbox.try_take() {
            Some(Taken::Message(bytes)) => {
                let message = MessageRef::decode(&bytes).expect("it is a message");
                Some(message.channel.to_owned())
            }
            _ => None,
        };
        assert_eq!([told(), told(), told()], [Some("b".to_owned()), Some("c".to_owned()), None]);
        let error = outbox.wish("d", Wish::Bound, Outgoing::Ping(0, None)).expect_err("two are bound");
        assert_eq!(error.kind(), ErrorKind::Busy);
    }
}
