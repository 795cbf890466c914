//! The hub: start, publish, shut down.

use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout};
use tokio_util::task::TaskTracker;

use crate::connection::{BindLimits, BindOutcome, encode};
use crate::dedup::Dedup;
use crate::frame::Frame;
use crate::metrics::Metrics;
use crate::protocol::{Message, Opcode};
use crate::registry::Registry;
use crate::room::Room;
use crate::unfinished::Unfinished;
use crate::{
    Admission, Auth, Config, Connection, ConnectionId, Disconnect, Error, ErrorKind, Handler, Lifecycle,
    Storage, session,
};

/// The hooks of a hub; each is `()`, the default of its trait, unless it is set.
#[derive(Clone)]
#[non_exhaustive]
pub struct Hooks {
    /// Decides who may connect, bind and write.
    pub auth: Arc<dyn Auth>,
    /// Hears of connections.
    pub lifecycle: Arc<dyn Lifecycle>,
    /// Answers Server messages.
    pub handler: Arc<dyn Handler>,
    /// Keeps the last messages of each channel.
    pub storage: Arc<dyn Storage>,
}

impl Default for Hooks {
    fn default() -> Self {
        Self { auth: Arc::new(()), lifecycle: Arc::new(()), handler: Arc::new(()), storage: Arc::new(()) }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks").finish_non_exhaustive()
    }
}

/// A handle to a running hub; clones are the same hub.
///
/// [`start`](Self::start) makes it, [`shutdown`](Self::shutdown) ends it and waits.
/// Dropping the last handle closes every connection without waiting.
///
/// # Delivery
///
/// A message is delivered at most once, to the members its channel has at that
/// moment. Each member gets the messages of one sender in the order they were
/// sent. A member that does not read is disconnected, never skipped, so what a
/// connection has received has no gaps but those of [`publish_latest`](Self::publish_latest);
/// what was missed while away is the business of a timeline.
#[derive(Clone, Debug)]
pub struct Hub {
    pub(crate) shared: Arc<Shared>,
    _last: Arc<CloseOnDrop>,
}

/// What the handles and the sessions share. Sessions must not keep the hub open.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) hooks: Hooks,
    pub(crate) registry: Registry,
    pub(crate) dedup: Dedup,
    pub(crate) unfinished: Unfinished,
    pub(crate) room: Arc<Room>,
    /// Held while a large row of messages is delivered.
    pub(crate) large_rows: Mutex<()>,
    pub(crate) metrics: Metrics,
    pub(crate) tasks: TaskTracker,
    closing: AtomicBool,
    next_id: AtomicU64,
    sender_hasher: RandomState,
}

/// How much a hub holds at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// The number of connections, including those that are closing.
    pub connections: usize,
    /// The number of channels that have a member.
    pub channels: usize,
    /// The bytes that wait in all outboxes.
    ///
    /// What many outboxes share counts once.
    pub outboxes_bytes: usize,
}

impl Hub {
    /// Starts a hub.
    ///
    /// It has no task of its own: each connection has one.
    ///
    /// # Errors
    ///
    /// `Config`, naming the value that is out of its bounds.
    pub fn start(config: Config, hooks: Hooks) -> Result<Self, Error> {
        config.validate()?;
        let dedup = Dedup::new(config.dedup_ttl, config.dedup_bytes_max, Instant::now());
        let unfinished = Unfinished::new(config.unfinished_bytes_max);
        let room = Arc::new(Room::new(config.outboxes_bytes_max, config.outbox_bytes_max));
        let shared = Arc::new(Shared {
            config,
            hooks,
            registry: Registry::new(),
            dedup,
            unfinished,
            room,
            large_rows: Mutex::new(()),
            metrics: Metrics::new(),
            tasks: TaskTracker::new(),
            closing: AtomicBool::new(false),
            next_id: AtomicU64::new(1),
            sender_hasher: RandomState::default(),
        });
        Ok(Self { _last: Arc::new(CloseOnDrop(Arc::clone(&shared))), shared })
    }

    /// Writes a message of the server's own to every member of a channel.
    ///
    /// It is a Write message with a fresh uuid. Returns the number of members it was
    /// queued for. Never waits.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the name or body is too long to encode.
    pub fn publish(&self, channel: &str, body: impl Into<Bytes>) -> Result<usize, Error> {
        // Who has no member costs no encoding.
        let Some(members) = self.shared.registry.channel(channel) else { return Ok(0) };
        let frame = self.shared.written(channel, body)?;
        let receivers = members.deliver(&frame, None, &self.shared.room);
        self.shared.metrics.delivered.increment(receivers as u64);
        self.shared.make_room();
        Ok(receivers)
    }

    /// Writes to every member a message of which only the newest matters.
    ///
    /// To members that keep up it is [`publish`](Self::publish). A member that is behind, with more
    /// than an eighth of its outbox to read and no room for this in a quarter, gets the newest of
    /// the channel when it has caught up, and none of those between. So however much is published
    /// in a row, it makes nobody a slow reader who reads; each member gets a part of the messages,
    /// in their order and with the last one. Those of `publish` to the same channel keep their
    /// place among them.
    ///
    /// For what says where it stands: a position, a state, or an entry with a number that shows the
    /// gap, which the member then fetches elsewhere. Returns the number of members it was queued or
    /// kept for. Never waits. A message longer than 7/16 of an outbox may still find no room.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the name or body is too long to encode.
    pub fn publish_latest(&self, channel: &str, body: impl Into<Bytes>) -> Result<usize, Error> {
        let Some(members) = self.shared.registry.channel(channel) else { return Ok(0) };
        let frame = self.shared.written(channel, body)?;
        let receivers = members.deliver_latest(&frame, &self.shared.room);
        self.shared.metrics.delivered.increment(receivers.new as u64);
        self.shared.metrics.conflated.increment(receivers.instead as u64);
        self.shared.make_room();
        Ok(receivers.new + receivers.instead)
    }

    /// Blocks this thread until the outboxes of all connections have room for more.
    ///
    /// There is room while they hold less than three quarters of
    /// [`outboxes_bytes_max`](Config::outboxes_bytes_max). Whoever publishes much in a row from a
    /// thread of its own, such as one message to thousands of people, calls this before each; tasks
    /// must not. It waits 2 s at most, and half a second when nobody reads anything. Then the
    /// connections that have read nothing for a quarter of a second are ended as slow readers, as
    /// many as it takes to free half of the room.
    pub fn wait_for_room(&self) {
        let ended = self.shared.room.wait(&self.shared.registry);
        self.shared.metrics.ended_for_room.increment(ended as u64);
    }

    /// Returns the connection with the given number, while it is open.
    #[must_use]
    pub fn connection(&self, id: ConnectionId) -> Option<Arc<Connection>> {
        self.shared.registry.connection(id)
    }

    /// Returns how many members a channel has.
    #[must_use]
    pub fn members(&self, channel: &str) -> usize {
        self.shared.registry.channel(channel).map_or(0, |channel| channel.len())
    }

    /// Returns how much the hub holds at the moment.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            connections: self.shared.registry.connections_len(),
            channels: self.shared.registry.channels_len(),
            outboxes_bytes: self.shared.room.held(),
        }
    }

    /// Serves an admitted client on a byte stream, on which the handshake is over.
    ///
    /// The future is done when the connection has ended; dropping it ends the
    /// connection without a close frame. It does not keep the hub open.
    /// `already_read` are bytes that came behind the handshake. Most programs use
    /// [`handle`](Self::handle) instead.
    ///
    /// # Errors
    ///
    /// `Closed` if the hub is shutting down or has as many connections as it may.
    pub fn serve<S>(
        &self,
        socket: S,
        admission: Admission,
        already_read: Bytes,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<S>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let place = Shared::reserve(&self.shared);
        self.shared.tasks.track_future(async move {
            session::serve(socket, place?, admission, already_read).await;
            Ok(())
        })
    }

    /// Ends the hub, and waits for its connections to end.
    ///
    /// It refuses new clients, and closes each connection with code 1012. Returns whether all have
    /// ended within `grace`; those that have not are ended by their own close timeout. May be
    /// called again.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        self.shared.close();
        timeout(grace, self.shared.tasks.wait()).await.is_ok()
    }
}

impl Shared {
    /// Takes the place of one more connection.
    pub(crate) fn reserve(shared: &Arc<Self>) -> Result<Place, Error> {
        if shared.closing.load(Ordering::Acquire) {
            return Err(Error::new(ErrorKind::Closed, "hub is shutting down"));
        }
        if !shared.registry.reserve(shared.config.connections_max) {
            return Err(Error::new(ErrorKind::Closed, "hub has as many connections as it may"));
        }
        shared.metrics.connections.increment(1.0);
        Ok(Place(Arc::clone(shared)))
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    pub(crate) fn next_id(&self) -> ConnectionId {
        ConnectionId(self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn bind(&self, connection: &Arc<Connection>, name: &str) -> BindOutcome {
        let limits = BindLimits {
            channels_max: self.config.channels_per_connection_max,
            bytes_max: self.config.binds_bytes_max,
        };
        connection.bind(name, limits, || self.registry.join(name, connection))
    }

    /// Returns whose uuids a connection's are compared with: its user's, or its own.
    ///
    /// A user who comes back on a new connection and repeats a message is recognised.
    pub(crate) fn sender_key(&self, connection: &Connection) -> u64 {
        match connection.user() {
            Some(user) => self.sender_hasher.hash_one(user),
            None => self.sender_hasher.hash_one(connection.id()),
        }
    }

    /// Ends readers, if what waits for all of them has no room. No lock may be held but that of
    /// large rows.
    pub(crate) fn make_room(&self) {
        if self.room.is_full() {
            let ended = self.room.make_room(&self.registry);
            self.metrics.ended_for_room.increment(ended as u64);
        }
    }

    fn written(&self, channel: &str, body: impl Into<Bytes>) -> Result<Frame, Error> {
        Ok(Frame::new(encode(&Message::new(Opcode::WRITE, channel, body))?, &self.room))
    }

    fn close(&self) {
        self.closing.store(true, Ordering::Release);
        self.tasks.close();
        for connection in self.registry.all_connections() {
            connection.close(Disconnect::Restart);
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("config", &self.config).finish_non_exhaustive()
    }
}

/// The reserved place of one connection, given back on drop.
#[derive(Debug)]
pub(crate) struct Place(pub(crate) Arc<Shared>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.registry.release();
        self.0.metrics.connections.decrement(1.0);
    }
}

#[derive(Debug)]
struct CloseOnDrop(Arc<Shared>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}
