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
//! While something waits nothing is read, so that the client's own socket slows it down, and what
//! waits is bounded: one row, one message and one read.

use std::mem;
use std::sync::Arc;
use std::task::Context;

use bytes::Bytes;
use tokio::time::Instant;

use crate::answer::PendingAnswer;
use crate::meter::Meter;
use crate::router::{Credit, HeldRun, Routed, Router};
use crate::shared::Shared;
use crate::websocket::{ClientInput, Decoder, FrameKind, Violation};
use crate::{Connection, Disconnect};

/// Calls that are answered before others have a turn on this thread.
const CALLS_IN_TURN: u8 = 8;

/// Reads that are routed before others have a turn on this thread.
const READS_IN_TURN: u8 = 4;

/// The input of one connection.
pub(crate) struct Intake {
    decoder: Decoder,
    credit: Credit,
    /// In a box, as few hubs have rates.
    meter: Option<Box<Meter>>,
    /// In a box, as few connections have something that waits.
    waiting: Option<Box<Waiting>>,
}

#[derive(Default)]
struct Waiting {
    row: Option<HeldRun>,
    answer: Option<PendingAnswer>,
    message: Option<Deferred>,
    rest: Vec<u8>,
    /// Bytes of `rest` that are decoded.
    used: usize,
}

/// What was decoded and is not routed yet.
enum Deferred {
    Message(Vec<u8>),
    Ping(Vec<u8>),
}

/// What may be done before others have a turn.
pub(crate) struct Turn {
    calls: u8,
    reads: u8,
}

/// What the task of a connection does next.
pub(crate) enum Next {
    /// Nothing waits: read more.
    Read,
    /// Wait until woken, at most until then.
    Wait(Option<Instant>),
    Ended(Disconnect),
}

impl Intake {
    /// Creates the intake of a connection of which some bytes were read already.
    pub(crate) fn new(hub: &Shared, already_read: &Bytes, inflates: bool) -> Self {
        // A copy: the bytes are a part of a buffer that could otherwise not be freed.
        let waiting = Waiting { rest: already_read.to_vec(), ..Waiting::default() };
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
        waiting.rest = bytes[used..].to_vec();
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

    /// Forgets everything: the connection ends.
    pub(crate) fn clear(&mut self) {
        self.waiting = None;
        self.decoder = Decoder::new(0);
    }

    /// Tells whether something waits, so that nothing is read.
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
            if let Some(HeldRun { row, .. }) = waiting.row.take()
                && let Some(held) = Router::new(hub, connection, &mut self.credit, None).deliver(row)
            {
                // If the reader has caught up in between, `wait` says that there is nothing to wait
                // for, and the row is delivered at once.
                let look_at = held.reader.outbox.wait(connection.id(), cx.waker()).then_some(held.look_at);
                waiting.row = Some(held);
                match look_at {
                    Some(look_at) => return Ok(Some(Next::Wait(Some(look_at)))),
                    None => continue,
                }
            }
            if let Some(answer) = &mut waiting.answer {
                if !answer.advance(connection)? {
                    return Ok(Some(Next::Wait(None)));
                }
                waiting.answer = None;
            }
            if turn.calls == 0 {
                cx.waker().wake_by_ref();
                return Ok(Some(Next::Wait(None)));
            }
            if let Some(kept) = waiting.message.take() {
                self.route_deferred(hub, connection, turn, &kept, waiting)?;
                if waiting.message.is_some() && waiting.row.is_none() {
                    return Ok(Some(Next::Wait(None)));
                }
                continue;
            }
            if waiting.used == waiting.rest.len() {
                return Ok(None);
            }
            let mut rest = mem::take(&mut waiting.rest);
            let used = self.decode(hub, connection, turn, &mut rest[waiting.used..], waiting);
            waiting.rest = rest;
            waiting.used += used?;
        }
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
        let event = match kept {
            Deferred::Message(bytes) => ClientInput::Message(FrameKind::Binary, bytes),
            Deferred::Ping(payload) => ClientInput::Ping(payload),
        };
        route(&mut router, connection, turn, &event, waiting)?;
        if let Some(held) = router.flush() {
            waiting.row = Some(held);
        }
        Ok(())
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

impl Waiting {
    fn is_empty(&self) -> bool {
        self.row.is_none() && self.answer.is_none() && self.message.is_none() && self.rest.is_empty()
    }

    fn bytes(&self) -> usize {
        let row = self.row.as_ref().map_or(0, |held| held.row.bytes());
        let answer = self.answer.as_ref().map_or(0, PendingAnswer::bytes);
        let message = match &self.message {
            Some(Deferred::Message(bytes) | Deferred::Ping(bytes)) => bytes.capacity(),
            None => 0,
        };
        row + answer + message + self.rest.capacity()
    }
}

impl Turn {
    pub(crate) const fn new() -> Self {
        Self { calls: CALLS_IN_TURN, reads: READS_IN_TURN }
    }

    /// Counts a read; `false` if it is others' turn.
    pub(crate) const fn may_read(&mut self) -> bool {
        if self.reads == 0 {
            return false;
        }
        self.reads -= 1;
        true
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
        ClientInput::Close(_code) => return Err(Disconnect::Normal),
    };
    match routed {
        Routed::Done => return Ok(true),
        Routed::Answered(answer) => {
            turn.calls = turn.calls.saturating_sub(1);
            let mut answer = PendingAnswer::new(answer);
            if answer.advance(connection)? {
                return Ok(turn.calls > 0);
            }
            waiting.answer = Some(answer);
            return Ok(false);
        }
        Routed::Held(held) => waiting.row = Some(held),
        Routed::ClientFirst | Routed::HookFirst => {}
    }
    waiting.message = Some(match event {
        ClientInput::Ping(payload) => Deferred::Ping(payload.to_vec()),
        ClientInput::Message(_, message) => Deferred::Message(message.to_vec()),
        ClientInput::Pong | ClientInput::Close(_) => return Ok(true),
    });
    Ok(false)
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
