//! The hub: start, publish, shut down.

mod control;
#[cfg(feature = "sisters")]
mod sisters;
mod write;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout};

pub use self::write::WriteOutcome;
use crate::admission::Admitted;
use crate::protocol::{Message, Opcode};
use crate::shared::Shared;
use crate::stream_permits::STREAM_UUID_BYTES_MAX;
use crate::{Admission, Config, Error, ErrorKind, History, Hooks, connection_task};

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
    /// The bytes that all binds and open streams cost.
    ///
    /// A channel counts once for all its members.
    pub binds_bytes: usize,
}

impl Hub {
    /// Starts a hub.
    ///
    /// It has no task of its own: each connection has one. With [sisters](crate::Hooks) it has a
    /// few, and has to be started on a tokio runtime.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config), naming the value that is out of its bounds.
    pub fn start(config: Config, hooks: Hooks) -> Result<Self, Error> {
        config.validate()?;
        let shared = Arc::new(Shared::new(config, hooks));
        shared.dedup.start();
        #[cfg(feature = "sisters")]
        Shared::begin_sisters(&shared)?;
        Ok(Self { _last: Arc::new(CloseOnDrop(Arc::clone(&shared))), shared })
    }

    /// Writes a message of the server's own to every member of a channel.
    ///
    /// It is a Write message with a fresh uuid. It is stored, if there is a
    /// [`Storage`](crate::Storage) that keeps the channel. Returns the number of members it was
    /// queued for. Never waits.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the name or body is too long to encode,
    /// or in a hub with sisters for them.
    pub fn publish(&self, channel: &str, body: impl Into<Bytes>) -> Result<usize, Error> {
        self.shared.publish(channel, body, None)
    }

    /// Writes a message of the server's own, with the uuid that it has.
    ///
    /// It is [`publish`](Self::publish) for a program that knows its messages by their uuids, such
    /// as one that passes on what it got elsewhere. Whether it is a repetition is for the program
    /// to know: nothing is compared. It may be a Write message, or one of a stream, which is not
    /// stored; of several streams in a channel receivers tell the pieces apart by their uuids. Such
    /// a stream takes its uuid, as those of clients do, at all nodes and until it ends. Nobody ends
    /// it in the program's place. While 65,536 are open that have not ended, the uuids of others
    /// are not taken at this node.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if it is a message of another kind, a part
    /// is too long to encode or for sisters, or a stream's uuid has more than 256 bytes;
    /// [`Busy`](crate::ErrorKind::Busy) if it is a message of a stream with the uuid of one that
    /// somebody else has open in the channel.
    #[expect(clippy::needless_pass_by_value, reason = "it is sent, and of no use behind that")]
    pub fn publish_message(&self, message: Message) -> Result<usize, Error> {
        if !message.opcode.is_for_members() {
            let text =
                format!("{:?} is not for the members of a channel; publish a Write message", message.opcode);
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        let bytes = message.uuid.len();
        if message.opcode == Opcode::STREAM_START && bytes > STREAM_UUID_BYTES_MAX {
            let text = format!(
                "the uuid of a stream has {bytes} bytes; give it one of {STREAM_UUID_BYTES_MAX} at most"
            );
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        self.shared.publish_message(&message, None)
    }

    /// Returns the newest messages that the storage keeps of a channel.
    ///
    /// They are all in memory at once. A [`Handler`](crate::Handler) that answers with them gives
    /// them to [`Answer::many`](crate::Answer::many), which sends them as the client reads.
    #[must_use]
    pub fn history(&self, channel: &str, newest: usize) -> History {
        self.shared.storage_of(channel).map_or_else(History::default, |storage| storage.get(channel, newest))
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
    /// kept for. It is not stored. Never waits. A message longer than 7/16 of an outbox may still
    /// find no room.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](crate::ErrorKind::InvalidInput) if the name or body is too long to encode.
    pub fn publish_latest(&self, channel: &str, body: impl Into<Bytes>) -> Result<usize, Error> {
        // Nothing is encoded for a channel without members.
        let Some(members) = self.shared.registry.channel(channel) else { return Ok(0) };
        let frame = self.shared.written(channel, body)?;
        let receivers = members.deliver_latest(&frame, &self.shared.memory);
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
        self.shared.wait_for_room();
    }

    /// Returns how much the hub holds at the moment.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            connections: self.shared.registry.connections_len(),
            channels: self.shared.registry.channels_len(),
            outboxes_bytes: self.shared.memory.held(),
            binds_bytes: self.shared.binds_bytes(),
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
    /// [`Closed`](crate::ErrorKind::Closed) if the hub is shutting down or has as many connections
    /// as it may.
    pub fn serve<S>(
        &self,
        socket: S,
        admission: Admission,
        already_read: Bytes,
    ) -> impl Future<Output = Result<(), Error>> + Send + use<S>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let permit = Shared::reserve(&self.shared);
        let admitted = Admitted::new(self.shared.next_id(), admission);
        // It is counted from here on and not from its first poll, so a shutdown waits for it.
        self.shared.tasks.track_future(async move {
            connection_task::serve(socket, permit?, admitted, already_read).await;
            Ok(())
        })
    }

    /// Ends the hub, and waits for its connections to end.
    ///
    /// It refuses new clients, has the [`calls`](crate::Hooks::calls) answered that were accepted,
    /// for half of `grace` at most, and then closes each connection with code 1012: one after
    /// another over [`drain_time`](Config::drain_time), which gets half of what is left at most.
    /// Links to sisters are closed last. Returns whether all have ended within `grace`; those that
    /// have not end by their own close timeout, which begins when a lifecycle hook that they wait
    /// for is done. May be called again, which waits for the same end; with a shorter `grace` it
    /// also hurries the end on, with none everything is closed at once.
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped after it was first polled has ended the hub all the same. Whatever is
    /// still open then is closed at once.
    pub async fn shutdown(&self, grace: Duration) -> bool {
        let (begun, shared) = (Instant::now(), &*self.shared);
        let left = || grace.saturating_sub(begun.elapsed());
        // Dropped below, or by who drops this in the middle.
        let close = CloseOnDrop(Arc::clone(&self.shared));
        shared.refuse_clients();
        let queue = shared.hooks.queue.as_ref();
        if let Some(queue) = queue {
            // What is not answered by then has the rest of the time, and its client has 1012.
            queue.finish(grace / 2).await;
        }
        shared.drain(shared.config.drain_time.min(left() / 2)).await;
        shared.close_connections();
        // Sisters get the last words of those who leave, and are not held up by those who stay.
        timeout(left() / 2, shared.tasks.wait()).await.ok();
        drop(close);
        let ended = async {
            shared.tasks.wait().await;
            shared.links.wait().await;
            if let Some(queue) = queue {
                queue.ended().await;
            }
        };
        timeout(left(), ended).await.is_ok()
    }
}

#[derive(Debug)]
struct CloseOnDrop(Arc<Shared>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}
