//! The router, which turns one message of a client into an action.

mod credit;
mod row;
mod streams;

use std::sync::Arc;

use bytes::BytesMut;
use tokio::time::Instant;

pub(crate) use self::credit::Credit;
use self::row::Behind;
pub(crate) use self::row::{HeldRun, MessageRun};
use crate::connection::{BindOutcome, Channel, LoginPhase, ReservedRoom, Telling};
use crate::frame::{FRAME_COST, Frame};
use crate::meter::Meter;
use crate::outbox::WaitMark;
use crate::protocol::{MessageRef, Opcode};
use crate::shared::Shared;
use crate::stream_permits::{STREAM_UUID_BYTES_MAX, StreamPermit};
use crate::websocket::{FrameKind, put_frame};
use crate::{Answer, Author, BindCause, Connection, Disconnect, RateExceeded};

/// Bytes of a row beyond which it takes no more messages, or an eighth of an outbox.
const ROW_BYTES_MAX: usize = 16 * 1024;

/// A client that sends more than this part of an outbox in a second floods a reader that is behind.
const FLOOD: usize = 64;

/// Routes the messages of one client.
///
/// Messages in a row to one channel become one piece of bytes, encoded once,
/// queued once for each member and written at once. Whatever comes between ends
/// the row, so every member gets a client's messages in the order they were sent.
/// The last row is delivered by [`flush`](Self::flush), which the caller calls at the end.
pub(crate) struct Router<'a> {
    hub: &'a Shared,
    connection: &'a Arc<Connection>,
    credit: &'a mut Credit,
    meter: Option<&'a mut Meter>,
    row: Option<MessageRun>,
    /// That of the stream which ends with the message that is appended next.
    ended: Option<StreamPermit>,
    /// Whether the client has gone, so that what is left of it waits for nobody.
    has_gone: bool,
}

/// What became of a message.
pub(crate) enum Routed {
    Done,
    /// It is a call with this answer.
    Answered(Answer),
    /// What came before it has to be delivered first.
    Held(HeldRun),
    /// The client has to read first what it was answered, or to wait for late answers.
    ClientFirst,
    /// A reader has to read first, and the client, which has gone, waits for nobody.
    ReaderFirst,
    /// The lifecycle hook has to be told first that the client has logged in.
    HookFirst,
}

impl<'a> Router<'a> {
    pub(crate) const fn new(
        hub: &'a Shared,
        connection: &'a Arc<Connection>,
        credit: &'a mut Credit,
        meter: Option<&'a mut Meter>,
    ) -> Self {
        Self { hub, connection, credit, meter, row: None, ended: None, has_gone: false }
    }

    /// Makes it one for what is left of a client that has gone.
    ///
    /// It waits for no reader. What was accepted is delivered; of the rest, in order, what no
    /// reader is behind for.
    pub(crate) fn for_the_rest(self) -> Self {
        Self { has_gone: true, ..self }
    }

    /// Routes one WebSocket message; an error ends the connection.
    ///
    /// A message that is held, or for which the client or a hook comes first, has had no effect and
    /// is to be routed again.
    pub(crate) fn message(&mut self, bytes: &[u8]) -> Result<Routed, Disconnect> {
        let message = self.decode(bytes)?;
        // The order matters: all that can put this message off comes before all that has an effect,
        // since a message that was put off is routed again.
        let phase = self.connection.login_phase();
        if matches!(phase, LoginPhase::Begun | LoginPhase::Untold) {
            return Ok(Routed::HookFirst);
        }
        if !self.continues_row(message)
            && let Some(held) = self.flush()
        {
            return Ok(Routed::Held(held));
        }
        if message.opcode == Opcode::SERVER && !self.may_call() {
            return Ok(Routed::ClientFirst);
        }
        if self.has_gone && message.opcode.is_for_members() && self.is_held_up(message) {
            return Ok(Routed::ReaderFirst);
        }
        self.hub.metrics.received.increment(1);
        self.count(message.opcode, bytes.len())?;
        match message.opcode {
            opcode if phase == LoginPhase::Awaited && opcode.is_of_channels() => self.refuse(message),
            opcode if opcode.is_for_members() => self.write(message),
            Opcode::BIND => self.bind(message)?,
            Opcode::UNBIND => {
                self.unbind(message.channel);
                // What came before has been delivered, so this comes behind it.
                self.hub.abort_streams(self.connection, self.connection.take_cut_streams());
            }
            Opcode::SERVER => {
                if self.hub.is_new(self.connection, message.uuid) {
                    let answer = self.hub.hooks.handler.call(self.connection, message.to_message());
                    return Ok(Routed::Answered(answer));
                }
            }
            Opcode::CLEAN_UP | Opcode::META_QUERY | Opcode::META_QUERY_RESPONSE => {
                return Err(Disconnect::ForbiddenOpcode);
            }
            unknown => tracing::debug!(
                connection = %self.connection.id(),
                ?unknown,
                "a message with an unknown opcode is ignored"
            ),
        }
        Ok(Routed::Done)
    }

    fn decode<'b>(&self, bytes: &'b [u8]) -> Result<MessageRef<'b>, Disconnect> {
        let message = MessageRef::decode(bytes).map_err(|fault| {
            tracing::debug!(
                connection = %self.connection.id(),
                %fault,
                "a client sent a message that cannot be read, so its connection is closed"
            );
            Disconnect::InvalidPayload
        })?;
        self.check_name(message.channel)?;
        self.check_stream_uuid(message)?;
        Ok(message)
    }

    /// Answers a ping, behind everything that came before it.
    pub(crate) fn ping(&mut self, payload: &[u8]) -> Routed {
        if let Some(held) = self.flush() {
            return Routed::Held(held);
        }
        if !self.connection.outbox.takes_answers() {
            return Routed::ClientFirst;
        }
        let mut frame = BytesMut::new();
        put_frame(&mut frame, FrameKind::Pong, payload);
        // If the outbox is full or closing the pong is not queued. The task of the connection finds
        // that out by itself.
        let outbox = &self.connection.outbox;
        outbox.push(outbox.frame(frame)).ok();
        Routed::Done
    }

    /// Delivers the row that is still open, unless it has to wait for a reader.
    pub(crate) fn flush(&mut self) -> Option<HeldRun> {
        let row = self.row.take()?;
        self.deliver(row)
    }

    /// Delivers the row that is still open, whoever is behind: the connection ends.
    pub(crate) fn flush_at_once(&mut self) {
        if let Some(row) = self.row.take() {
            self.push(row, None);
        }
    }

    /// Delivers a row, or says for whom it has to wait.
    pub(crate) fn deliver(&mut self, mut row: MessageRun) -> Option<HeldRun> {
        // For large rows readers are looked at one row at a time, and their room is reserved before
        // the next. Otherwise several could look at the same reader at once, each find room, and
        // together be more than it has room for. What takes longer, such as compression and hooks,
        // comes when the lock is free again.
        let one = (row.frames.len() > self.row_bytes_max()).then(|| self.hub.large_rows.lock());
        let mut room = None;
        if let Some((behind, mark)) = self.waits_for(&row) {
            let now = Instant::now();
            let until = row.until.unwrap_or(now + self.hub.config.sender_pause_max);
            if now < until && !self.has_gone {
                if row.until.replace(until).is_none() {
                    self.hub.metrics.held.increment(1);
                }
                return Some(HeldRun { row, behind, mark, until });
            }
        } else if one.is_some() {
            room = Some(row.channel.reserve(row.cost(), self.connection.id()));
        }
        drop(one);
        self.push(row, room);
        None
    }

    /// Returns for whom a row has to wait, and above which mark.
    fn waits_for(&mut self, row: &MessageRun) -> Option<(Behind, WaitMark)> {
        let (hub, sender) = (self.hub, self.connection.id());
        let behind = |mark| {
            let reader = row.channel.behind(sender, row.cost(), mark).map(Behind::Reader);
            reader.or_else(|| hub.sisters_hold(row.channel.name(), mark).then_some(Behind::Sisters))
        };
        let half = behind(WaitMark::Half)?;
        let (bytes, full) = (row.frames.len(), self.hub.config.outbox_bytes_max / FLOOD);
        // Who has credit does not flood, and waits only for readers above the upper mark.
        if !self.credit.has(bytes, Instant::now(), full) {
            return Some((half, WaitMark::Half));
        }
        if let Some(upper) = behind(WaitMark::Upper) {
            return Some((upper, WaitMark::Upper));
        }
        self.credit.spend(bytes);
        None
    }

    /// Tells whether a reader is behind for whom a message would have to wait.
    fn is_held_up(&self, message: MessageRef<'_>) -> bool {
        let channel = self.channel_of(message.channel);
        let cost = message.encoded().len() + FRAME_COST;
        channel.is_some_and(|channel| {
            channel.behind(self.connection.id(), cost, WaitMark::Half).is_some()
                || self.hub.sisters_hold(channel.name(), WaitMark::Half)
        })
    }

    /// Returns the channel that a message is delivered to, if it has members.
    fn channel_of(&self, name: &str) -> Option<Arc<Channel>> {
        // The auth hook may let a client write to a channel that it is not bound to. Then the
        // members that the channel has at the moment get the message.
        self.connection.channel(name).or_else(|| self.hub.channel_of(name))
    }

    fn push(&self, row: MessageRun, room: Option<ReservedRoom>) {
        let (author, channel) = (Author::Connection(self.connection), &row.channel);
        let frames = Frame::new(row.frames, &self.hub.memory);
        let receivers = match room {
            Some(room) => self.hub.deliver_reserved(channel, &frames, room, &author),
            None => self.hub.deliver(channel, &frames, Some(self.connection.id()), &author),
        };
        self.hub.metrics.delivered.increment(receivers as u64 * row.messages);
    }

    /// Counts a message, unless nobody wants to know; an error ends the connection.
    fn count(&mut self, opcode: Opcode, bytes: usize) -> Result<(), Disconnect> {
        if let Some(meter) = &mut self.meter
            && let Err((of, after)) = meter.count(&self.hub.config.rates, opcode, bytes, Instant::now())
        {
            tracing::debug!(
                connection = %self.connection.id(),
                ?of,
                retry_after = ?after,
                "a client exceeded its rate, so its connection is closed"
            );
            if let Some(throttle) = &self.hub.hooks.throttle {
                throttle.exceeded(self.connection, of, RateExceeded { retry_after: after });
            }
            return Err(Disconnect::RateLimited);
        }
        if let Some(throttle) = &self.hub.hooks.throttle
            && let Err(exceeded) = throttle.take(self.connection, opcode, bytes)
        {
            tracing::debug!(
                connection = %self.connection.id(),
                retry_after = ?exceeded.retry_after,
                "the throttle says that a client sends too much, so its connection is closed"
            );
            return Err(Disconnect::RateLimited);
        }
        Ok(())
    }

    /// Drops what a client may not do before it has logged in.
    fn refuse(&self, message: MessageRef<'_>) {
        self.hub.metrics.denied.increment(1);
        tracing::debug!(
            connection = %self.connection.id(),
            opcode = ?message.opcode,
            channel = message.channel,
            "a client has not logged in yet; the message is dropped"
        );
    }

    fn check_name(&self, name: &str) -> Result<(), Disconnect> {
        if name.len() <= self.hub.config.name_bytes_max || name.starts_with('$') {
            return Ok(());
        }
        tracing::debug!(
            connection = %self.connection.id(),
            bytes = name.len(),
            "a channel name is longer than name_bytes_max, so its connection is closed"
        );
        Err(Disconnect::NameTooLong)
    }

    fn check_stream_uuid(&self, message: MessageRef<'_>) -> Result<(), Disconnect> {
        if message.opcode != Opcode::STREAM_START || message.uuid.len() <= STREAM_UUID_BYTES_MAX {
            return Ok(());
        }
        tracing::debug!(
            connection = %self.connection.id(),
            bytes = message.uuid.len(),
            most = STREAM_UUID_BYTES_MAX,
            "the uuid of a stream is longer than it may be, so its connection is closed"
        );
        Err(Disconnect::StreamUuidTooLong)
    }

    /// Tells whether a message needs no delivery of what came before it.
    fn continues_row(&self, message: MessageRef<'_>) -> bool {
        self.row.as_ref().is_none_or(|row| {
            message.opcode.is_for_members()
                && row.frames.len() < self.row_bytes_max()
                && **row.channel.name() == *message.channel
        })
    }

    /// Returns the bytes of a row beyond which it takes no more messages.
    fn row_bytes_max(&self) -> usize {
        ROW_BYTES_MAX.min(self.hub.config.outbox_bytes_max / 8)
    }

    fn may_call(&self) -> bool {
        let outbox = &self.connection.outbox;
        outbox.takes_answers() && self.connection.late.has_room() && !outbox.is_closing()
    }

    fn write(&mut self, message: MessageRef<'_>) {
        if !self.hub.may_write(self.connection, message) {
            // A hook may allow streams and no other messages, which are no part of one.
            if message.opcode != Opcode::WRITE {
                self.abort_stream(message.channel);
            }
            return;
        }
        if message.opcode == Opcode::WRITE {
            if !self.hub.is_new(self.connection, message.uuid) {
                return;
            }
            self.hub.store(&Author::Connection(self.connection), message);
        } else if !self.stream(message) {
            return;
        }
        self.append(message.channel, message.encoded());
    }

    /// Adds an encoded message to the row of its channel; the open row is of no other.
    fn append(&mut self, channel: &str, message: &[u8]) {
        if self.row.is_none() {
            self.row = self.channel_of(channel).map(MessageRun::new);
        }
        let ended = self.ended.take();
        if let Some(row) = &mut self.row {
            row.add(message);
            row.ended.extend(ended);
        }
    }

    fn bind(&self, message: MessageRef<'_>) -> Result<(), Disconnect> {
        let name = message.channel;
        if !self.hub.hooks.auth.can_bind(self.connection, message) {
            self.hub.metrics.denied.increment(1);
            tracing::debug!(
                connection = %self.connection.id(),
                channel = name,
                "the auth hook denied a bind; the client does not get the channel"
            );
            return Ok(());
        }
        match self.hub.bind(self.connection, name, BindCause::Client) {
            BindOutcome::Bound(telling) => self.tell(telling, name, true),
            BindOutcome::Unchanged | BindOutcome::Ended => {}
            BindOutcome::TooMany => return Err(Disconnect::TooManyChannels),
            BindOutcome::NoRoom(telling) => {
                // It was bound, and the end will say that it is no longer.
                self.tell(telling, name, true);
                return Err(Disconnect::NoRoomForChannels);
            }
        }
        Ok(())
    }

    fn unbind(&self, name: &str) {
        if let Some(telling) = self.hub.unbind(self.connection, name, BindCause::Client) {
            self.tell(telling, name, false);
        }
    }

    /// Tells of what the client has changed, unless changes of the program wait before it.
    fn tell(&self, telling: Telling, name: &str, bound: bool) {
        if telling == Telling::Now {
            self.hub.hooks.tell(self.connection, name, bound, BindCause::Client);
        }
    }
}
