//! The handle of a client.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use conductor_protocol::{Message, Opcode};
use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::runtime::Handle;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::Config;
use crate::connection_task::ConnectionTask;
use crate::dial::Dialer;
use crate::error::{Error, ErrorKind};
use crate::event::Event;
use crate::mailbox::Mailbox;
use crate::messages::Messages;
use crate::outbox::MessageKind;
use crate::outgoing_stream::OutgoingStream;
use crate::shared::Shared;
use crate::streams::{IncomingStream, Streams};

/// How long a piece of a stream is at most, in bytes.
const PIECE_BYTES_MAX: usize = 32 * 1024;

/// What surrounds a piece at most in its message, beside the name of the channel.
const AROUND_PIECE_BYTES: usize = 64;

/// A client of a hub; a handle that is cheap to clone.
///
/// It connects by itself, again after a loss, and asks again for what it is bound to. Only a hub
/// that says so, by the code with which it closes or by 401 or 403, makes it stay away: then it is
/// over, and everything fails with an error of kind [`Refused`](ErrorKind::Refused).
///
/// It ends with [`shutdown`](Self::shutdown). Dropping the last handle ends it without waiting:
/// what was not sent is lost.
///
/// # Delivery
///
/// At most once, and in order: what one task sends arrives as it was sent, over all channels. A
/// call that returns `Ok` has put its message among those that are sent next. If the connection is
/// lost before that, [`Disconnected::unsent`](crate::Disconnected::unsent) counts it, and nothing
/// is sent twice. Only a [`call`](Self::call) of which no byte was written goes out again, behind
/// what was sent meanwhile.
#[derive(Clone)]
pub struct Client {
    running: Arc<Running>,
}

/// What ends with the last handle.
struct Running {
    shared: Arc<Shared>,
    tasks: TaskTracker,
    cancelled: CancellationToken,
}

impl Client {
    /// Starts a client, which connects from now on, however often that fails.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) if a setting is out of its bounds, or outside a tokio runtime.
    pub fn start(config: Config) -> Result<Self, Error> {
        config.validate()?;
        let address = config.address()?;
        let runtime = Handle::try_current().map_err(|error| {
            Error::with_source(ErrorKind::Config, "a client is started inside a tokio runtime", error)
        })?;
        let shared = Arc::new(Shared::new(config, &address));
        let task = ConnectionTask::new(Arc::clone(&shared), Dialer::new(&shared.config, address)?);
        let (tasks, cancelled) = (TaskTracker::new(), CancellationToken::new());
        tasks.spawn_on(task.run(cancelled.clone()), &runtime);
        tasks.close();
        Ok(Self { running: Arc::new(Running { shared, tasks, cancelled }) })
    }

    /// Starts a client, and waits until it is connected.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it leaves no client.
    ///
    /// # Errors
    ///
    /// Those of [`start`](Self::start), and what makes the first attempt to connect fail:
    /// [`Unavailable`](ErrorKind::Unavailable), [`Refused`](ErrorKind::Refused) or
    /// [`Protocol`](ErrorKind::Protocol). There is no client then.
    pub async fn connect(config: Config) -> Result<Self, Error> {
        let client = Self::start(config)?;
        client.shared().first_attempt().await?;
        Ok(client)
    }

    /// Waits until there is a connection.
    ///
    /// # Errors
    ///
    /// [`Refused`](ErrorKind::Refused) or [`Closed`](ErrorKind::Closed) if there will be none.
    pub async fn connected(&self) -> Result<(), Error> {
        self.shared().connected().await.map(|_| ())
    }

    /// Returns whether there is a connection at this moment.
    #[must_use]
    pub fn is_connected(&self) -> bool {
        self.shared().is_connected()
    }

    /// Binds to a channel, whose messages come from now on.
    ///
    /// The bind lasts until [`unbind`](Self::unbind). It is kept, and needs no connection: each one
    /// that comes is told. A hub does not say whether it allows it; [`settle`](Self::settle) waits
    /// until it has decided. To bind twice is to bind once.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) if the name is too long, [`Busy`](ErrorKind::Busy)
    /// if as many channels are bound as may be, and otherwise as for [`write`](Self::write).
    pub async fn bind(&self, channel: impl AsRef<str>) -> Result<(), Error> {
        self.shared().wish(channel.as_ref(), true).await
    }

    /// Unbinds from a channel; if it was not bound, that changes nothing.
    ///
    /// Streams of others that are open there fail with [`Aborted`](ErrorKind::Aborted), also if it
    /// is bound again at once: a part of them may be missing.
    ///
    /// # Errors
    ///
    /// As for [`bind`](Self::bind), and [`Busy`](ErrorKind::Busy) if the hub has yet to answer
    /// thousands of them.
    pub async fn unbind(&self, channel: impl AsRef<str>) -> Result<(), Error> {
        self.shared().wish(channel.as_ref(), false).await
    }

    /// Returns what the client wants to be bound to, in order.
    #[must_use]
    pub fn channels(&self) -> Vec<String> {
        self.shared().outbox.channels()
    }

    /// Writes to the other members of a channel.
    ///
    /// It waits for a connection and for room, as long as
    /// [`Config::send_timeout`](crate::Config::send_timeout) says. Whether the hub allows it,
    /// nobody is told.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has sent nothing.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](ErrorKind::InvalidInput) if the message or the name is too long,
    /// [`Unavailable`](ErrorKind::Unavailable) if no connection came in time,
    /// [`Timeout`](ErrorKind::Timeout) if the hub took nothing, [`Refused`](ErrorKind::Refused) and
    /// [`Closed`](ErrorKind::Closed) if the client is over. Nothing was sent in any of these cases.
    pub async fn write(&self, channel: impl Into<String>, body: impl Into<Bytes>) -> Result<(), Error> {
        self.send(&Message::new(Opcode::WRITE, channel, body)).await
    }

    /// Sends a message to the hub's program, without waiting for an answer.
    ///
    /// An answer comes as an [`Event::Message`].
    ///
    /// # Errors
    ///
    /// As for [`write`](Self::write).
    pub async fn server_message(
        &self,
        channel: impl Into<String>,
        body: impl Into<Bytes>,
    ) -> Result<(), Error> {
        self.send(&Message::new(Opcode::SERVER, channel, body)).await
    }

    /// Sends a message with a uuid of the program's own.
    ///
    /// A hub drops one whose uuid it has seen from this user lately. Binds and streams have calls
    /// of their own, and what only servers may send is refused here, as a hub would close the
    /// connection over it.
    ///
    /// # Errors
    ///
    /// As for [`write`](Self::write).
    pub async fn send(&self, message: &Message) -> Result<(), Error> {
        let is_of_others = !matches!(message.opcode, Opcode::WRITE | Opcode::SERVER);
        if is_of_others && Opcode::ALL.contains(&message.opcode) {
            let text = format!("{:?} is not sent as a message of one's own", message.opcode);
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        let bytes = self.shared().encoded(message)?;
        self.shared().send(MessageKind::Other, bytes).await.map(|_| ())
    }

    /// Calls the hub's program, and waits for its answer.
    ///
    /// That is the first Server message with the uuid of the call; any others come as an
    /// [`Event::Message`]. The channel is what the program makes of it; many use the empty one.
    ///
    /// # Delivery
    ///
    /// At most once. If the connection is lost before a byte of the call was written, it goes out
    /// again on the next one, as long as
    /// [`Config::call_timeout`](crate::Config::call_timeout) is not over. A call that may have been
    /// sent does not: its error says that its outcome is unknown.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it may have called; the answer then comes as an event. It goes
    /// out no more if it has not yet.
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write), [`Busy`](ErrorKind::Busy) if as many calls wait as may, and
    /// where the call may have been worked on: [`Timeout`](ErrorKind::Timeout) if no answer came in
    /// [`Config::call_timeout`](crate::Config::call_timeout), and
    /// [`Uncertain`](ErrorKind::Uncertain) if the connection was lost.
    pub async fn call(&self, channel: impl Into<String>, body: impl Into<Bytes>) -> Result<Message, Error> {
        let (shared, call) = (self.shared(), Message::new(Opcode::SERVER, channel, body));
        let bytes = shared.encoded(&call)?;
        let mut waiter = shared.calls.enter(call.uuid)?;
        let mut handover = shared.send(MessageKind::Call, bytes.clone()).await?;
        let until = Instant::now() + shared.config.call_timeout;
        loop {
            let answer = timeout_at(until, shared.answer_on(handover.connection(), &mut waiter)).await;
            match answer {
                Ok(Some(answer)) => return Ok(answer),
                // The connection has ended, so what became of the call is known for good.
                Ok(None) if handover.is_untouched() => {}
                Ok(None) => return Err(shared.unknown()),
                Err(_) => return Err(self.not_answered()),
            }
            handover = shared.send_until(until, MessageKind::Call, bytes.clone()).await?;
        }
    }

    /// Waits until the hub has done what was asked for before.
    ///
    /// It asks by a ping, which the hub answers behind all that came before it: binds are decided
    /// by then, and messages given to who gets them.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has changed nothing.
    ///
    /// # Errors
    ///
    /// As for [`call`](Self::call), but a ping never goes out again: what was asked for before it
    /// may be lost with its connection, which is [`Uncertain`](ErrorKind::Uncertain).
    pub async fn settle(&self) -> Result<(), Error> {
        let (shared, number) = (self.shared(), self.shared().next_ping());
        let mut waiter = shared.pings.enter(number)?;
        let connection = shared.ping(number).await?.connection();
        let answer = timeout(shared.config.call_timeout, shared.answer_on(connection, &mut waiter)).await;
        answer.map_err(|_| self.not_answered())?.ok_or_else(|| shared.unknown())
    }

    fn not_answered(&self) -> Error {
        let (hub, patience) = (self.shared().hub(), self.shared().config.call_timeout);
        Error::new(ErrorKind::Timeout, format!("the hub at {hub} did not answer within {patience:?}"))
    }

    /// Sends all that a reader gives to the other members of a channel, as one stream.
    ///
    /// It returns how many bytes that were. Streams are of any length, and go at the pace of the
    /// hub; messages that are written meanwhile go between the pieces. A channel has one stream of
    /// a client at a time. All messages of a stream have one uuid.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has sent a part. The stream then ends with the body
    /// `aborted`, by which its receivers know; so it does if the reader fails.
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write), [`Busy`](ErrorKind::Busy) if a stream of this client is
    /// open in the channel, [`Aborted`](ErrorKind::Aborted) if the reader failed, and
    /// [`Uncertain`](ErrorKind::Uncertain) if the connection was lost: a stream is not continued
    /// on another one.
    pub async fn write_stream(
        &self,
        channel: impl Into<String>,
        reader: impl AsyncRead,
    ) -> Result<u64, Error> {
        let channel = channel.into();
        let around = AROUND_PIECE_BYTES + channel.len();
        let piece_max =
            PIECE_BYTES_MAX.min(self.shared().config.message_bytes_max.saturating_sub(around)).max(1);
        let mut reader = std::pin::pin!(reader);
        let stream = OutgoingStream::start(self.shared(), channel).await?;
        let (mut piece, mut sent) = (BytesMut::new(), 0_u64);
        loop {
            piece.reserve(piece_max);
            let read = (&mut reader).take(piece_max as u64).read_buf(&mut piece).await;
            match read {
                Ok(0) => break,
                Ok(read) => sent += read as u64,
                Err(error) => {
                    let text = "what was to be sent as a stream cannot be read; the stream was ended";
                    return Err(Error::with_source(ErrorKind::Aborted, text, error));
                }
            }
            stream.piece(piece.split().freeze()).await?;
        }
        stream.end().await?;
        Ok(sent)
    }

    /// Returns what comes from now on: messages, and how the connection is.
    ///
    /// Any number may be asked for, each of which gets all. Streams are no part of it, see
    /// [`streams`](Self::streams).
    pub fn messages(&self) -> Messages {
        let config = &self.shared().config;
        let mailbox: Arc<Mailbox<Event>> = Arc::new(Mailbox::new(config.events_max, config.events_bytes_max));
        self.shared().events.add(&mailbox);
        Messages::new(mailbox)
    }

    /// Returns the streams that begin from now on.
    pub fn streams(&self) -> Streams {
        let mailbox: Arc<Mailbox<IncomingStream>> =
            Arc::new(Mailbox::new(self.shared().config.streams_max, usize::MAX));
        self.shared().streams.add(&mailbox);
        Streams::new(mailbox)
    }

    /// Ends the client: what was accepted is sent, then the connection is closed.
    ///
    /// It is closed when the hub has answered a ping behind it all: a hub to which a client says
    /// goodbye waits for no reader any more, and would drop what it has not come to. So the end of
    /// an upload to a slow reader takes its time. It returns whether all that was done within the
    /// grace time, and `false` as well if the connection ended first. Then the last
    /// [`Event::Disconnected`] says how much was not sent; of what was sent, the hub may have taken
    /// less. A second call waits for the same end.
    ///
    /// # Cancel safety
    ///
    /// Dropped before it is ready, it has begun: the client ends, but no grace time hurries it.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        let Running { shared, tasks, cancelled } = &*self.running;
        shared.closing.cancel();
        shared.outbox.close();
        let is_done = timeout(grace, tasks.wait()).await.is_ok();
        cancelled.cancel();
        tasks.wait().await;
        is_done && !shared.outbox.was_cut_short()
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.running.shared
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shared = self.shared();
        f.debug_struct("Client")
            .field("hub", &shared.hub())
            .field("is_connected", &shared.is_connected())
            .finish_non_exhaustive()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.cancelled.cancel();
    }
}
