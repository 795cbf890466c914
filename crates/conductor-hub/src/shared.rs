//! What the handles of a hub and the tasks of its connections share.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
#[cfg(not(feature = "sisters"))]
use std::task::Waker;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use crate::admitting::Admitting;
#[cfg(not(feature = "sisters"))]
use crate::connection::Channel;
use crate::connection::{AbortedStream, BindLimits, BindOutcome, Telling};
use crate::deflation::Deflations;
use crate::encode::{decode_payload, encode, encode_payload, framed};
#[cfg(feature = "sisters")]
use crate::federation::{Federation, ManagedLinks};
use crate::frame::Frame;
use crate::input_memory::InputMemory;
use crate::metrics::Metrics;
use crate::most_bound::MostBound;
#[cfg(not(feature = "sisters"))]
use crate::outbox::WaitMark;
use crate::outbox_memory::OutboxMemory;
use crate::program_streams::{OfAnother, ProgramStreams};
use crate::protocol::{Message, Opcode};
use crate::registry::Registry;
use crate::roll_call::RollCall;
use crate::slow_readers::SlowReaders;
use crate::stream_permits::StreamPermits;
use crate::{
    Author, BindCause, Config, Connection, ConnectionId, Dedup, Disconnect, Error, ErrorKind, Hooks,
    StandardDedup,
};

/// What the handles of a hub and the tasks of its connections share.
///
/// A task must not keep the hub open.
pub(crate) struct Shared {
    pub(crate) config: Config,
    pub(crate) hooks: Hooks,
    pub(crate) registry: Registry,
    pub(crate) streams: Arc<StreamPermits>,
    program_streams: ProgramStreams,
    pub(crate) dedup: Arc<dyn Dedup>,
    pub(crate) unfinished: InputMemory,
    pub(crate) memory: Arc<OutboxMemory>,
    slow_readers: SlowReaders,
    most_bound: MostBound,
    pub(crate) roll_call: RollCall,
    /// Held while readers are looked at for a large row of messages, and their room is reserved.
    pub(crate) large_rows: Mutex<()>,
    pub(crate) metrics: Metrics,
    /// None unless messages are compressed.
    pub(crate) deflations: Option<Deflations>,
    pub(crate) admitting: Admitting,
    /// Those of the connections.
    pub(crate) tasks: TaskTracker,
    /// Those of the links to sisters, and of nodes that want to be some.
    pub(crate) links: TaskTracker,
    #[cfg(feature = "sisters")]
    pub(crate) sisters: Option<Arc<Federation>>,
    closing: AtomicBool,
    next_id: AtomicU64,
}

impl Shared {
    pub(crate) fn new(config: Config, hooks: Hooks) -> Self {
        let dedup = hooks.dedup.as_ref().map(Arc::clone);
        let metrics = Metrics::new();
        Self {
            dedup: dedup.unwrap_or_else(|| Arc::new(StandardDedup::of(&config))),
            deflations: config.compress_from.map(|from| Deflations::new(from, &metrics)),
            unfinished: InputMemory::new(config.unfinished_bytes_max),
            memory: Arc::new(OutboxMemory::new(config.outboxes_bytes_max, config.outbox_bytes_max)),
            #[cfg(feature = "sisters")]
            sisters: hooks.sisters.clone().map(|(sisters, manager)| {
                let manager = Arc::new(ManagedLinks(manager));
                Arc::new(Federation::new(sisters, manager, &config))
            }),
            config,
            hooks,
            registry: Registry::new(),
            streams: Arc::default(),
            program_streams: ProgramStreams::default(),
            slow_readers: SlowReaders::default(),
            most_bound: MostBound::default(),
            roll_call: RollCall::default(),
            large_rows: Mutex::new(()),
            metrics,
            admitting: Admitting::default(),
            tasks: TaskTracker::new(),
            links: TaskTracker::new(),
            closing: AtomicBool::new(false),
            next_id: AtomicU64::new(1),
        }
    }

    /// Takes the permit of one more connection.
    pub(crate) fn reserve(shared: &Arc<Self>) -> Result<ConnectionPermit, Error> {
        // A shutdown behind this look is found by the task of the connection when it has entered
        // the hub.
        if shared.closing.load(Ordering::Acquire) {
            return Err(Error::new(ErrorKind::Closed, "the hub is shutting down; connect again in a moment"));
        }
        if !shared.registry.reserve(shared.config.connections_max) {
            shared.call_the_roll();
            let most = shared.config.connections_max;
            let text = format!("the hub has {most} connections, as many as it may have; try again later");
            return Err(Error::new(ErrorKind::Closed, text));
        }
        shared.metrics.connections.increment(1.0);
        Ok(ConnectionPermit(Arc::clone(shared)))
    }

    /// Has clients who are silent asked whether they are there, as somebody found no place: who
    /// never answers would keep theirs until the next ping.
    fn call_the_roll(&self) {
        if self.roll_call.begin(Instant::now(), self.config.pong_timeout) {
            for connection in self.registry.all_connections() {
                connection.outbox.wake_task();
            }
        }
    }

    pub(crate) fn is_closing(&self) -> bool {
        self.closing.load(Ordering::Acquire)
    }

    pub(crate) fn next_id(&self) -> ConnectionId {
        ConnectionId(self.next_id.fetch_add(1, Ordering::Relaxed))
    }

    /// Binds a connection; its task is woken if it has to tell of that.
    pub(crate) fn bind(&self, connection: &Arc<Connection>, name: &str, cause: BindCause) -> BindOutcome {
        let outcome =
            connection.bind(name, self.bind_limits(), cause, || self.registry.join(name, connection));
        let BindOutcome::Bound(telling) = outcome else { return outcome };
        wake_to_tell(connection, telling);
        // It may be this very connection that was ended to make room.
        if self.make_room_for_binds() && connection.has_left() {
            return BindOutcome::NoRoom(telling);
        }
        outcome
    }

    /// Ends connections, if binds and open streams have no room; tells whether they had none.
    pub(crate) fn make_room_for_binds(&self) -> bool {
        let bytes_max = self.config.all_binds_bytes_max;
        let is_full = self.binds_bytes() > bytes_max;
        if is_full {
            self.most_bound.make_room(bytes_max, &self.registry, &self.streams);
        }
        is_full
    }

    /// Returns what all binds and open streams cost.
    pub(crate) fn binds_bytes(&self) -> usize {
        self.registry.binds_bytes() + self.streams.bytes()
    }

    /// Binds a connection to the channels of its admission or its login, or closes it.
    pub(crate) fn bind_admitted(&self, connection: &Arc<Connection>, channels: &[String]) {
        for channel in channels {
            match self.bind(connection, channel, BindCause::Admission) {
                BindOutcome::Bound(_) | BindOutcome::Unchanged | BindOutcome::Ended => {}
                BindOutcome::TooMany => connection.close(Disconnect::TooManyChannels),
                BindOutcome::NoRoom(_) => connection.close(Disconnect::NoRoomForChannels),
            }
        }
    }

    /// Unbinds a connection that was bound; its task is woken if it has to tell of that.
    pub(crate) fn unbind(&self, connection: &Connection, name: &str, cause: BindCause) -> Option<Telling> {
        let telling = connection.unbind(name, cause, |channel| {
            self.registry.leave(channel, connection.id());
            connection.outbox.forget(name);
            // The task ends the stream for the others, behind what of it waits for readers.
            if connection.cut_stream(name) {
                connection.outbox.wake_task();
            }
        })?;
        wake_to_tell(connection, telling);
        Some(telling)
    }

    /// Returns to how much one connection may be bound, and how many streams it may have open.
    pub(crate) fn bind_limits(&self) -> BindLimits {
        BindLimits {
            channels_max: self.config.channels_per_connection_max,
            bytes_max: self.config.binds_bytes_max,
        }
    }

    /// Ends streams for those who receive them, in the place of their sender.
    pub(crate) fn abort_streams(&self, sender: &Arc<Connection>, streams: Vec<AbortedStream>) {
        for stream in streams {
            self.metrics.aborted.increment(1);
            let Some(members) = self.channel_of(&stream.channel) else { continue };
            let frame = Frame::new(framed(&stream.end()), &self.memory);
            let author = Author::Connection(sender);
            let receivers = self.deliver(&members, &frame, Some(sender.id()), &author);
            self.metrics.delivered.increment(receivers as u64);
        }
    }

    /// Writes a message of the server's own to the members of a channel, except one.
    pub(crate) fn publish(
        &self,
        channel: &str,
        body: impl Into<Bytes>,
        except: Option<ConnectionId>,
    ) -> Result<usize, Error> {
        // Nothing is encoded for a channel without members that nobody keeps.
        if self.channel_of(channel).is_none() && self.storage_of(channel).is_none() {
            return Ok(0);
        }
        self.publish_message(&Message::new(Opcode::WRITE, channel, body), except)
    }

    /// Stores a message of the server's own, and delivers it to the members of its channel, except
    /// one.
    pub(crate) fn publish_message(
        &self,
        message: &Message,
        except: Option<ConnectionId>,
    ) -> Result<usize, Error> {
        let payload = encode_payload(message)?;
        self.check_for_sisters(&message.channel, payload.len())?;
        let ended = self.program_streams.pass(message, &self.streams).map_err(in_use)?;
        if message.opcode == Opcode::WRITE {
            self.store(&Author::Server, decode_payload(&payload));
        }
        let Some(members) = self.channel_of(&message.channel) else { return Ok(0) };
        let frame = Frame::new(framed(&payload), &self.memory);
        let receivers = self.deliver(&members, &frame, except, &Author::Server);
        // The uuid of a stream is nobody else's until the members have the end.
        drop(ended);
        self.metrics.delivered.increment(receivers as u64);
        self.make_room();
        Ok(receivers)
    }

    /// Ends readers, if what waits for all of them has no room. No lock may be held.
    pub(crate) fn make_room(&self) {
        if self.memory.is_full() {
            let ended = self.slow_readers.make_room(&self.memory, &self.registry);
            self.metrics.ended_for_room.increment(ended as u64);
        }
    }

    /// Blocks this thread until what waits for all readers has room for more, for a bounded time.
    pub(crate) fn wait_for_room(&self) {
        let ended = self.slow_readers.wait(&self.memory, &self.registry);
        self.metrics.ended_for_room.increment(ended as u64);
    }

    pub(crate) fn written(&self, channel: &str, body: impl Into<Bytes>) -> Result<Frame, Error> {
        Ok(Frame::new(encode(&Message::new(Opcode::WRITE, channel, body))?, &self.memory))
    }

    /// Refuses new connections from now on.
    pub(crate) fn refuse_clients(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// Closes every connection; new ones have to be refused by then.
    pub(crate) fn close_connections(&self) {
        self.tasks.close();
        for connection in self.registry.all_connections() {
            connection.close(Disconnect::Restart);
        }
    }

    /// Closes everything at once, the links to sisters last.
    pub(crate) fn close(&self) {
        // The order matters: a connection that is added too late to be closed finds `closing` set.
        self.refuse_clients();
        if let Some(queue) = &self.hooks.queue {
            queue.close();
        }
        self.close_connections();
        #[cfg(feature = "sisters")]
        if let Some(sisters) = &self.sisters {
            sisters.close();
        }
        self.links.close();
    }
}

fn in_use(_: OfAnother) -> Error {
    let text = "somebody else has a stream open in the channel with the uuid of the message; give the stream \
                another one, or wait for the end of that";
    Error::new(ErrorKind::Busy, text)
}

/// Wakes the task of a connection if a change waits for it.
///
/// The order matters: the change is noted before. A task that goes to rest leaves its waker first
/// and looks for changes then, so it finds this one or is woken.
fn wake_to_tell(connection: &Connection, telling: Telling) {
    if telling == Telling::Waits {
        connection.outbox.wake_task();
    }
}

/// Without the feature nothing goes to other nodes.
#[cfg(not(feature = "sisters"))]
#[expect(clippy::unused_self, reason = "with the feature `sisters` these do something")]
impl Shared {
    pub(crate) const fn write_to_sisters(&self, _channel: &str, _author: &Author<'_>, _frames: &[u8]) {}

    pub(crate) const fn channel_of_sisters(&self, _name: &str) -> Option<Arc<Channel>> {
        None
    }

    pub(crate) const fn check_for_sisters(&self, _channel: &str, _bytes: usize) -> Result<(), Error> {
        Ok(())
    }

    pub(crate) const fn sisters_hold(&self, _channel: &str, _mark: WaitMark) -> bool {
        false
    }

    pub(crate) const fn wait_for_sisters(
        &self,
        _channel: &str,
        _mark: WaitMark,
        _sender: ConnectionId,
        _waker: &Waker,
    ) -> bool {
        false
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("config", &self.config).finish_non_exhaustive()
    }
}

/// The permit for one connection, given back on drop.
#[derive(Debug)]
pub(crate) struct ConnectionPermit(pub(crate) Arc<Shared>);

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.0.registry.release();
        self.0.metrics.connections.decrement(1.0);
    }
}
