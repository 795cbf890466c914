//! One connection, as hooks and publishers see it.

mod binds;
mod bursts;
mod channel;
mod data;
mod extras;
mod login;
mod streams;

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::net::TcpStream;

use self::binds::Bound;
pub(crate) use self::binds::{BIND_COST, BindLimits, BindOutcome, CHANNEL_COST, Telling};
pub(crate) use self::channel::{Channel, ReservedRoom};
pub use self::data::ConnectionData;
use self::extras::Extras;
pub(crate) use self::login::{LoginOutcome, LoginPhase};
pub(crate) use self::streams::{AbortedStream, StreamBegun, StreamPart};
use crate::deflation::Deflation;
use crate::encode::encode;
use crate::frame::Frame;
use crate::late::LateAnswers;
use crate::outbox::{Outbox, Rejected};
use crate::outbox_memory::OutboxMemory;
use crate::protocol::{Message, Opcode};
use crate::{Admission, ConnectionId, Disconnect, Error, ErrorKind, Right, Rights};

/// One connection of a client.
///
/// It outlives its socket in the hands of whoever keeps it; sending to it then
/// fails with [`Closed`](crate::ErrorKind::Closed).
pub struct Connection {
    id: ConnectionId,
    /// It is set once: by the admission, or by the login that the connection awaits.
    user: OnceLock<Box<str>>,
    pub(crate) outbox: Outbox,
    pub(crate) late: LateAnswers,
    channels: Mutex<Bound>,
    /// In a box, as an idle connection without a login has none of it.
    extras: OnceLock<Box<Extras>>,
}

impl Connection {
    /// Creates a connection that is bound to nothing; `heard` says whether a hook hears of changes.
    pub(crate) fn new(
        id: ConnectionId,
        mut admission: Admission,
        memory: Arc<OutboxMemory>,
        heard: bool,
    ) -> Self {
        // The user of one that awaits its login is not known before.
        let user = admission.user.take().filter(|_| admission.login_time.is_none());
        Self {
            id,
            user: user.map(|user| OnceLock::from(user.into_boxed_str())).unwrap_or_default(),
            outbox: Outbox::new(memory),
            late: LateAnswers::default(),
            channels: Mutex::new(Bound::new(heard)),
            extras: Extras::of(admission).map(OnceLock::from).unwrap_or_default(),
        }
    }

    /// Has what is queued for it compressed.
    pub(crate) fn deflating(mut self, deflation: Option<Arc<Deflation>>) -> Self {
        self.outbox = self.outbox.deflating(deflation);
        self
    }

    /// Has short messages written to this socket by those who deliver them.
    pub(crate) fn writing_to(mut self, socket: Option<Arc<TcpStream>>) -> Self {
        self.outbox = self.outbox.writing_to(socket);
        self
    }

    /// Returns its number.
    #[must_use]
    pub const fn id(&self) -> ConnectionId {
        self.id
    }

    /// Returns whose connection it is, as its admission or its login said.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.get().map(|user| &**user)
    }

    /// Returns what the program keeps with it.
    #[must_use]
    pub const fn data(&self) -> ConnectionData<'_> {
        ConnectionData::new(self)
    }

    /// Returns what its client may do, if its admission said so.
    #[must_use]
    pub fn rights(&self) -> Option<Arc<Rights>> {
        self.extras.get()?.login.lock().rights.clone()
    }

    /// Tells whether its client may do this in a channel, as far as its rights go.
    ///
    /// A connection without rights may do everything: then it is for the hooks alone to decide. One
    /// that awaits its login may do nothing.
    #[must_use]
    pub fn permits(&self, right: Right, channel: &str) -> bool {
        let Some(extras) = self.extras.get() else { return true };
        if extras.phase.get() == LoginPhase::Awaited {
            return false;
        }
        extras.login.lock().rights.as_ref().is_none_or(|rights| rights.permits(right, channel))
    }

    /// Queues a message for the client, behind what is queued already.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the message has no encoding,
    /// [`Closed`](crate::ErrorKind::Closed) if the connection is closing,
    /// [`Overflow`](crate::ErrorKind::Overflow) if the client does not read fast enough; it is then
    /// being closed as a slow reader.
    pub fn send(&self, message: &Message) -> Result<(), Error> {
        self.push(self.outbox.frame(encode(message)?))
    }

    /// Writes a message of the server's own to this client alone.
    ///
    /// It is a Write message with a fresh uuid, as [`Hub::publish`](crate::Hub::publish) sends, and
    /// the client need not be bound to the channel.
    ///
    /// # Errors
    ///
    /// Those of [`send`](Self::send).
    pub fn publish(&self, channel: &str, body: impl Into<Bytes>) -> Result<(), Error> {
        self.send(&Message::new(Opcode::WRITE, channel, body))
    }

    /// Ends the connection: what is queued is written, then a close frame.
    ///
    /// From now on it is given nothing more, and nothing more of the client is routed. With
    /// [`Revoked`](Disconnect::Revoked) it ends at once, and what is queued is dropped.
    pub fn close(&self, reason: Disconnect) {
        self.outbox.close(reason);
    }

    pub(crate) fn push(&self, frame: Frame) -> Result<(), Error> {
        self.outbox.push(frame).map_err(|rejected| match rejected {
            Rejected::Closed => {
                Error::new(ErrorKind::Closed, format!("connection {} is being closed", self.id()))
            }
            Rejected::Overflow => {
                let text =
                    format!("the client of connection {} reads too slowly, so it is being closed", self.id());
                Error::new(ErrorKind::Overflow, text)
            }
        })
    }

    fn extras(&self) -> &Extras {
        self.extras.get_or_init(Box::default)
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("id", &self.id.0)
            .field("user", &self.user())
            .finish_non_exhaustive()
    }
}
