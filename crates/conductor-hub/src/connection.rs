//! One connection, as hooks and publishers see it.

mod channel;

use std::fmt;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::encode::encode;
use crate::frame::Frame;
use crate::late::LateAnswers;
use crate::outbox::{Outbox, Rejected};
use crate::outbox_memory::OutboxMemory;
use crate::protocol::Message;
use crate::{ConnectionId, Disconnect, Error, ErrorKind};

pub(crate) use self::channel::Channel;

/// One connection of a client.
///
/// It outlives its socket in the hands of whoever keeps it; sending to it then
/// fails with [`Closed`](crate::ErrorKind::Closed).
pub struct Connection {
    id: ConnectionId,
    user: Option<Box<str>>,
    pub(crate) outbox: Outbox,
    pub(crate) late: LateAnswers,
    channels: Mutex<Bound>,
}

/// The channels a connection is bound to.
///
/// A set whose `open` is false takes no more: the connection has ended.
struct Bound {
    open: bool,
    /// What the names and their places cost.
    bytes: usize,
    by_name: HashMap<Arc<str>, Arc<Channel>, RandomState>,
}

impl Connection {
    pub(crate) fn new(id: ConnectionId, user: Option<String>, memory: Arc<OutboxMemory>) -> Self {
        Self {
            id,
            user: user.map(String::into_boxed_str),
            outbox: Outbox::new(memory),
            late: LateAnswers::default(),
            channels: Mutex::new(Bound { open: true, bytes: 0, by_name: HashMap::default() }),
        }
    }

    /// Returns its number.
    #[must_use]
    pub const fn id(&self) -> ConnectionId {
        self.id
    }

    /// Returns whose connection it is, as its admission said.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Returns what its binds would cost if nobody shared its channels.
    pub(crate) fn bound_bytes(&self) -> usize {
        self.channels.lock().bytes
    }

    /// Returns its share of what all binds cost: each of its binds, and of each channel with its
    /// name the part of one member.
    pub(crate) fn bound_share(&self) -> usize {
        let bound = self.channels.lock();
        let shares = bound.by_name.values().map(|channel| {
            let whole = CHANNEL_COST + channel.name().len();
            BIND_COST + whole / channel.len().max(1)
        });
        shares.sum()
    }

    /// Tells whether it is bound to a channel.
    #[must_use]
    pub fn is_bound(&self, channel: &str) -> bool {
        self.channels.lock().by_name.contains_key(channel)
    }

    /// Returns the names of the channels it is bound to, in no particular order.
    #[must_use]
    pub fn channels(&self) -> Vec<String> {
        self.channels.lock().by_name.keys().map(|name| String::from(&**name)).collect()
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

    /// Ends the connection: what is queued is written, then a close frame.
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

    pub(crate) fn channel(&self, name: &str) -> Option<Arc<Channel>> {
        self.channels.lock().by_name.get(name).map(Arc::clone)
    }

    /// Runs `join`, which makes it a member of the channel, unless it is one or may not be.
    pub(crate) fn bind(
        &self,
        name: &str,
        limits: BindLimits,
        join: impl FnOnce() -> Arc<Channel>,
    ) -> BindOutcome {
        let mut bound = self.channels.lock();
        if !bound.open || bound.by_name.contains_key(name) {
            return BindOutcome::Unchanged;
        }
        let bytes = bound.bytes + bind_cost(name);
        if bound.by_name.len() >= limits.channels_max || bytes > limits.bytes_max {
            return BindOutcome::TooMany;
        }
        bound.bytes = bytes;
        // The lock is held until the channel is noted. Otherwise the connection could end in
        // between, and stay a member of this channel for ever.
        let channel = join();
        bound.by_name.insert(Arc::clone(channel.name()), channel);
        BindOutcome::Bound
    }

    pub(crate) fn unbind(&self, name: &str) -> Option<Arc<Channel>> {
        let mut bound = self.channels.lock();
        let channel = bound.by_name.remove(name)?;
        bound.bytes -= bind_cost(name);
        let (len, room) = (bound.by_name.len(), bound.by_name.capacity());
        if len < room / 4 {
            bound.by_name.shrink_to(len);
        }
        Some(channel)
    }

    /// Takes all its channels, for good.
    pub(crate) fn unbind_all(&self) -> Vec<Arc<Channel>> {
        let mut bound = self.channels.lock();
        (bound.open, bound.bytes) = (false, 0);
        std::mem::take(&mut bound.by_name).into_values().collect()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("id", &self.id.0).field("user", &self.user).finish_non_exhaustive()
    }
}

/// What a connection may be bound to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BindLimits {
    pub(crate) channels_max: usize,
    pub(crate) bytes_max: usize,
}

/// What being bound to a channel costs: the entries in the maps of the connection and of the
/// channel, each of which may be half empty.
pub(crate) const BIND_COST: usize = 128;

/// What a channel costs besides its name: itself with a first member, and the entry in the map of
/// the hub.
pub(crate) const CHANNEL_COST: usize = 272;

/// What being bound costs if nobody else is a member.
const fn bind_cost(name: &str) -> usize {
    name.len() + BIND_COST + CHANNEL_COST
}

/// What became of a request to bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BindOutcome {
    Bound,
    /// It was bound already, or has ended.
    Unchanged,
    TooMany,
    /// The binds of all connections have no room, and it had most of them; now it has none.
    NoRoom,
}
