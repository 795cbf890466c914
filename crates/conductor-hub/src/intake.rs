//! What one client sends, from its bytes to the router, and what of it has to wait.
//!
//! ```text
//! read ──► decoder ──► router ──► delivered
//!                        │
//!                        ▼ waiting, in this order
//!            a row that a reader is behind for, the answer that the client has to read,
//!            a message that comes behind one of them, the rest of the read
//! ```
//!
//! While something waits a little is read ahead, and then nothing, so that the client's own socket
//! slows it down. If it waits for long, a far look is taken now and then: up to 1 MiB is read, if
//! less than a quarter of the room for such input is in use. So pongs of a sender who waits for a
//! reader are seen, also in the middle of an upload, and so is its goodbye: then it waits no longer
//! than for the row that waits at the moment, and of what it sent before, that is delivered which
//! no reader is behind for. What lies beyond that is seen once the rows before it have been
//! delivered. What waits is bounded: one row, one message and what is read ahead; and over all
//! senders, beyond half of the room for such input nothing more is read ahead behind a row, and no
//! other row waits, neither for a reader here nor for one at another node.

mod turn;
mod waiting;

use std::sync::Arc;
use std::task::Context;

use bytes::Bytes;
use tokio::time::Instant;

pub(crate) use self::turn::Turn;
use self::waiting::{Deferred, Waiting};
use crate::answer::PendingAnswer;
use crate::meter::Meter;
use crate::router::{Credit, HeldRun, MessageRun, Routed, Router};
use crate::shared::Shared;
use crate::websocket::{ClientInput, Decoder, Violation};
use crate::{Connection, Disconnect};

/// The input of one connection.
pub(crate) struct Intake {
    decoder: Decoder,
    credit: Credit,
    /// In a box, as few hubs have rates.
    meter: Option<Box<Meter>>,
    /// In a box, as few connections have something that waits.
    waiting: Option<Box<Waiting>>,
}

/// What the task of a connection does next.
pub(crate) enum Next {
    /// Nothing waits: read more.
    Read,
    /// Wait until woken, at most until then, and meanwhile read ahead.
    Wait(Option<Instant>),
    /// Others have a turn; the task is woken again.
    Yield,
    Ended(Disconnect),
}

impl Intake {
    /// Creates the intake of a connection of which some bytes were read already.
    pub(crate) fn new(hub: &Shared, already_read: &Bytes, inflates: bool) -> Self {
        // A copy: the bytes are a part of a buffer that could otherwise not be freed.
        let mut waiting = Waiting::default();
        waiting.put_rest(already_read);
        let decoder = Decoder::new(hub.config.message_bytes_max);
        Self {
            decoder: if inflates { decoder.inflating() } else { decoder },
            credit: Credit::new(),
            meter: Meter::of(&hub.config.rates),
            waiting: (!waiting.is_empty()).then(|| Box::new(waiting)),
        }
    }

    /// Takes what was read; to be called when nothing waits. A fault or a goodbye is returned.
    pub(crate) fn take(
        &mut self,
        hub: &Shared,
        connection: &Arc<Connection>,
        turn: &mut Turn,
        bytes: &mut [u8],
    ) -> Result<(), Disconnect> {
        let mut waiting = Waiting::default();
        let used = self.decode(hub, connection, turn, bytes, &mut waiting)?;
        waiting.put_rest(&bytes[used..]);
        if !waiting.is_empty() {
            self.waiting = Some(Box::new(waiting));
        }
        Ok(())
    }

    /// Goes on with what waits, as far as it can.
    pub(crate) fn go_on(
        &mut self,
        hub: &Shared,
        connection: &Arc<Connection>,
        turn: &mut Turn,
        cx: &Context<'_>,
    ) -> Next {
        let Some(mut waiting) = self.waiting.take() else { return Next::Read };
        let stopped = self.advance(hub, connection, turn, cx, &mut waiting);
        match stopped {
            Ok(Some(next)) => {
                self.waiting = Some(waiting);
                next
            }
            Ok(None) => Next::Read,
            Err(reason) => Next::Ended(reason),
        }
    }

    fn clear(&mut self) {
        self.waiting = None;
        self.decoder = Decoder::new(0);
    }

    /// Delivers what it can without waiting for any reader: the client has gone.
    ///
    /// That is the row that waits for one, and of what comes behind it, in order, what no reader is
    /// behind for. The rest has had no effect and is dropped.
    pub(crate) fn finish(&mut self, hub: &Shared, connection: &Arc<Connection>) {
        if let Some(waiting) = self.waiting.take() {
            self.deliver_last(hub, connection, *waiting);
        }
    }

    /// Forgets everything but the row that waits for a reader: the connection ends.
    ///
    /// That was accepted, and perhaps stored, so it is delivered.
    pub(crate) fn end(&mut self, hub: &Shared, connection: &Arc<Connection>) {
        let row = self.waiting.take().and_then(|waiting| waiting.row);
        self.clear();
        if let Some(held) = row {
            Router::new(hub, connection, &mut self.credit, None).for_the_rest().deliver(held.row);
        }
    }

    /// Tells whether more may be read while something waits.
    pub(crate) fn reads_ahead(&mut self, hub: &Shared) -> bool {
        let Some(waiting) = &mut self.waiting else { return false };
        waiting.look_ahead(&self.decoder);
        // What is read ahead behind a row counts as what waits for readers, which has a bound.
        let is_halted = waiting.row.is_some() && !hub.unfinished.may_pause();
        waiting.note_halted(is_halted);
        !is_halted && waiting.takes_more(Instant::now(), || hub.unfinished.has_room())
    }

    /// Returns when more is to be read than is usual while something waits.
    pub(crate) fn far_look_at(&self) -> Option<Instant> {
        self.waiting.as_ref()?.far_look_at()
    }

    /// Takes what was read while something waits.
    pub(crate) fn read_ahead(&mut self, bytes: &[u8]) {
        if let Some(waiting) = &mut self.waiting {
            waiting.read_ahead(bytes);
        }
    }

    /// Notes that the client's side of the socket has ended while something waits.
    pub(crate) fn note_goodbye(&mut self) {
        if let Some(waiting) = &mut self.waiting {
            waiting.note_goodbye();
        }
    }

    /// Tells whether nothing is read.
    ///
    /// Much waits, of this client or of all, or the client has said goodbye.
    pub(crate) fn is_full(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.is_full())
    }

    /// Tells whether the client has said goodbye, and something of it waits.
    pub(crate) fn has_goodbye(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.has_goodbye())
    }

    /// Tells whether a row waits for a reader.
    pub(crate) fn holds_row(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| waiting.row.is_some())
    }

    /// Tells whether something waits.
    pub(crate) const fn is_waiting(&self) -> bool {
        self.waiting.is_some()
    }

    /// Returns a number for the message that the client has begun, if there is one.
    pub(crate) fn unfinished(&self) -> Option<u32> {
        self.decoder.unfinished()
    }

    /// Returns the bytes of memory that it holds.
    pub(crate) fn held_bytes(&self) -> usize {
        self.decoder.held_bytes() + self.waiting.as_ref().map_or(0, |waiting| waiting.bytes())
    }

    /// Goes on until nothing waits, or until something that waits cannot go on yet.
    fn advance(
        &mut self,
        hub: &Shared,
        connection: &Arc<Connection>,
        turn: &mut Turn,
        cx: &Context<'_>,
        waiting: &mut Waiting,
    ) -> Result<Option<Next>, Disconnect> {
        loop {
            if let Some(held) = waiting.row.take()
                && let Some(held) = self.deliver(hub, connection, held.row)
            {
                let until = held.until;
                // If the reader has caught up in between, `wait` says that there is nothing to wait
                // for, and the row is delivered at once.
                let waits = held.wait(hub, connection.id(), cx.waker());
                waiting.row = Some(held);
                if waiting.has_waited(until, Instant::now()) {
                    self.deliver_last(hub, connection, std::mem::take(waiting));
                    return Err(Disconnect::Normal);
                }
                if waits {
                    return Ok(Some(Next::Wait(Some(waiting.waits_until(until)))));
                }
                continue;
            }
            if let Some(answer) = &mut waiting.answer {
                if !answer.advance(connection)? {
                    return Ok(Some(Next::Wait(None)));
                }
                waiting.answer = None;
            }
            if turn.is_over() {
                cx.waker().wake_by_ref();
                return Ok(Some(Next::Yield));
            }
            if let Some(kept) = waiting.message.take() {
                self.route_deferred(hub, connection, turn, &kept, waiting)?;
                if waiting.message.is_some() && waiting.row.is_none() {
                    return Ok(Some(Next::Wait(None)));
                }
                continue;
            }
            if waiting.has_no_rest() {
                return Ok(None);
            }
            let (mut rest, before) = waiting.take_rest();
            let used = self.decode(hub, connection, turn, &mut rest[before..], waiting)?;
            waiting.give_back(rest, before + used);
        }
    }

    /// Delivers a row, or says for whom it has to wait, if there is memory for that.
    fn deliver(&mut self, hub: &Shared, connection: &Arc<Connection>, row: MessageRun) -> Option<HeldRun> {
        let held = Router::new(hub, connection, &mut self.credit, None).deliver(row)?;
        if hub.unfinished.may_pause() {
            return Some(held);
        }
        Router::new(hub, connection, &mut self.credit, None).for_the_rest().deliver(held.row)
    }

    /// Routes what was decoded before, which may have to wait again.
    fn route_deferred(
        &mut self,
        hub: &Shared,
        connection: &Arc<Connection>,
        turn: &mut Turn,
        kept: &Deferred,
        waiting: &mut Waiting,
    ) -> Result<(), Disconnect> {
        let mut router = Router::new(hub, connection, &mut self.credit, self.meter.as_deref_mut());
        route(&mut router, connection, turn, &kept.event(), waiting)?;
        if let Some(held) = router.flush() {
            waiting.row = Some(held);
        }
        Ok(())
    }

    /// Routes what is left of a client that has gone, as far as nobody has to wait for it.
    fn deliver_last(&mut self, hub: &Shared, connection: &Arc<Connection>, mut waiting: Waiting) {
        let router = Router::new(hub, connection, &mut self.credit, self.meter.as_deref_mut());
        let mut router = router.for_the_rest();
        if let Some(held) = waiting.row.take() {
            router.deliver(held.row);
        }
        let mut goes_on = match waiting.message.take() {
            Some(kept) => route_last(&mut router, &kept.event()),
            None => true,
        };
        let (mut rest, used) = waiting.take_rest();
        if goes_on {
            let decoded = self.decoder.decode(&mut rest[used..], |event| {
                goes_on = route_last(&mut router, &event);
                goes_on
            });
            if let Err(fault) = decoded {
                violation(connection, fault);
            }
        }
        router.flush_at_once();
    }

    /// Decodes and routes; returns how much was used.
    fn decode(
        &mut self,
        hub: &Shared,
        connection: &Arc<Connection>,
        turn: &mut Turn,
        bytes: &mut [u8],
        waiting: &mut Waiting,
    ) -> Result<usize, Disconnect> {
        let mut router = Router::new(hub, connection, &mut self.credit, self.meter.as_deref_mut());
        let mut ended = None;
        let decoded = self.decoder.decode(bytes, |event| {
            let routed = route(&mut router, connection, turn, &event, waiting);
            routed.unwrap_or_else(|reason| {
                ended = Some(reason);
                false
            })
        });
        let outcome = match ended {
            Some(reason) => Err(reason),
            None => decoded.map_err(|fault| violation(connection, fault)),
        };
        match outcome {
            Ok(used) => {
                if let Some(held) = router.flush() {
                    waiting.row = Some(held);
                }
                Ok(used)
            }
            Err(reason) => {
                // The messages before the wrong one were accepted, so they are delivered before the
                // connection ends.
                router.flush_at_once();
                Err(reason)
            }
        }
    }
}

/// Routes one event; returns whether the next may follow.
fn route(
    router: &mut Router<'_>,
    connection: &Connection,
    turn: &mut Turn,
    event: &ClientInput<'_>,
    waiting: &mut Waiting,
) -> Result<bool, Disconnect> {
    let routed = match event {
        ClientInput::Message(_kind, message) => router.message(message)?,
        ClientInput::Ping(payload) => router.ping(payload),
        ClientInput::Pong => Routed::Done,
        // Behind everything that came before it.
        ClientInput::Close(_code) => match router.flush() {
            Some(held) => Routed::Held(held),
            None => return Err(Disconnect::Normal),
        },
    };
    match routed {
        Routed::Done => return Ok(true),
        Routed::Answered(answer) => {
            let others_wait = !turn.count_call();
            let mut answer = PendingAnswer::new(answer);
            if answer.advance(connection)? {
                return Ok(!others_wait);
            }
            waiting.answer = Some(answer);
            return Ok(false);
        }
        Routed::Held(held) => waiting.row = Some(held),
        Routed::ClientFirst | Routed::ReaderFirst | Routed::HookFirst => {}
    }
    waiting.message = Deferred::new(event);
    Ok(waiting.message.is_none())
}

/// Routes one event of a client that has gone; returns whether the next may follow.
fn route_last(router: &mut Router<'_>, event: &ClientInput<'_>) -> bool {
    match event {
        // Nobody is there for the answer to a call, which has its effect all the same.
        ClientInput::Message(_kind, message) => {
            matches!(router.message(message), Ok(Routed::Done | Routed::Answered(_)))
        }
        ClientInput::Ping(_) | ClientInput::Pong => true,
        ClientInput::Close(_) => false,
    }
}

fn violation(connection: &Connection, fault: Violation) -> Disconnect {
    tracing::debug!(
        connection = %connection.id(),
        ?fault,
        "a client broke the WebSocket protocol, so its connection is closed"
    );
    match fault {
        Violation::Protocol(_) => Disconnect::ProtocolError,
        Violation::Utf8 => Disconnect::InvalidPayload,
        Violation::TooBig => Disconnect::MessageTooBig,
    }
}
