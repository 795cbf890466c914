//! What the hub gives to its sisters, and takes from them.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::task::Waker;

use bytes::BytesMut;

use crate::connection::Channel;
use crate::encode::{encode, messages_of};
use crate::federation::{
    Federation, NodeId, PaceMark, ParcelAuthor, ParcelBody, SisterDialler, SisterHost, StreamPass, begin,
};
use crate::frame::Frame;
use crate::guard::guarded;
use crate::outbox::WaitMark;
use crate::protocol::{Message, MessageRef, Opcode};
use crate::registry::ChannelWatcher;
use crate::shared::Shared;
use crate::stream_permits::StreamPermits;
use crate::websocket::{FrameKind, put_frame};
use crate::{Author, ConnectionId, Error, ErrorKind, Sender};

/// Waits at readers for the federation. Connections are numbered from 1 on.
const FEDERATION: ConnectionId = ConnectionId(0);

impl Shared {
    /// Gives sisters what a client, or the program, wrote in a row to one channel.
    ///
    /// `frames` are those that local members get. It is called in the order in which the author
    /// wrote, before or after local members have them.
    pub(crate) fn write_to_sisters(&self, channel: &str, author: &Author<'_>, frames: &[u8]) {
        let Some(sisters) = &self.sisters else { return };
        let author = match *author {
            Author::Server => ParcelAuthor::Server,
            Author::Connection(connection) => match connection.user() {
                Some(name) => ParcelAuthor::User { name, connection: Some(connection.id().0) },
                None => ParcelAuthor::Connection(connection.id().0),
            },
            // What came from a sister is passed on by the relay.
            Author::Sister { .. } => return,
        };
        sisters.write(channel, author, |parcel| {
            messages_of(frames).for_each(|message| parcel.push(message.encoded()));
        });
    }

    /// Tells whether a sender has to wait for a reader at another node, or for a link.
    pub(crate) fn sisters_hold(&self, channel: &str, mark: WaitMark) -> bool {
        self.sisters.as_ref().is_some_and(|sisters| sisters.holds(channel, mark))
    }

    /// Wakes a sender when it need not wait for that any more; `false` if it need not wait now.
    pub(crate) fn wait_for_sisters(
        &self,
        channel: &str,
        mark: WaitMark,
        sender: ConnectionId,
        waker: &Waker,
    ) -> bool {
        self.sisters.as_ref().is_some_and(|sisters| sisters.wait(channel, mark, sender, waker))
    }

    /// Returns a channel without members, for what goes to sisters alone.
    pub(crate) fn channel_of_sisters(&self, name: &str) -> Option<Arc<Channel>> {
        self.sisters.as_ref().filter(|_| !name.starts_with('$')).map(|_| Arc::new(Channel::new(name)))
    }

    /// Checks that a message of the program of so many bytes may go to sisters, if it is for them.
    pub(crate) fn check_for_sisters(&self, channel: &str, bytes: usize) -> Result<(), Error> {
        self.sisters.as_ref().map_or(Ok(()), |sisters| sisters.check(channel, bytes))
    }

    /// Returns what dials sisters.
    pub(crate) fn dialler(shared: &Arc<Self>) -> Result<SisterDialler, Error> {
        let Some(federation) = &shared.sisters else {
            let text = "the hub has no sisters; set them with Hooks::sisters";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        };
        let host: Arc<dyn SisterHost> = shared.clone();
        Ok(SisterDialler { federation: Arc::clone(federation), host, tasks: shared.links.clone() })
    }

    /// Begins the tasks of the federation, if there is one.
    pub(crate) fn begin_sisters(shared: &Arc<Self>) -> Result<(), Error> {
        let (Some(federation), Some((config, manager))) = (&shared.sisters, &shared.hooks.sisters) else {
            return Ok(());
        };
        config.validate(shared.config.message_bytes_max)?;
        if tokio::runtime::Handle::try_current().is_err() {
            let text =
                "a hub with sisters was not started on a tokio runtime; call Hub::start from a task of one";
            return Err(Error::new(ErrorKind::Config, text));
        }
        let watcher: Arc<dyn ChannelWatcher> = Arc::clone(federation) as _;
        shared.registry.watch(watcher);
        begin(&Self::dialler(shared)?, Arc::clone(manager));
        Ok(())
    }

    /// Tells whether a message is new, for the uuids of whoever wrote it on another node.
    fn is_new_of(&self, author: &Author<'_>, uuid: &str) -> bool {
        // The program that publishes knows what it does, as the one of this hub.
        let Some(sender) = author.sender().filter(|_| !uuid.is_empty()) else { return true };
        let is_new = guarded(|| self.dedup.add(&sender, uuid)).unwrap_or_else(|_| {
            tracing::error!("the dedup hook panicked at a message of a sister, which is taken for new");
            true
        });
        if !is_new {
            self.metrics.repeated.increment(1);
        }
        is_new
    }

    /// Counts a message of a sister with the uuid of somebody else's stream.
    fn note_of_another(&self, message: MessageRef<'_>) {
        self.metrics.denied.increment(1);
        tracing::debug!(
            channel = message.channel,
            "a message of a sister has the uuid of a stream that somebody else has open; it is dropped"
        );
    }

    fn deliver_row(&self, channel: &str, frames: BytesMut, messages: u64, author: &Author<'_>) {
        if let Some(members) = self.registry.channel(channel) {
            let frames = Frame::new(frames, &self.memory);
            // The hook that hears of deliveries may panic, and the link is not to end of that.
            let receivers = guarded(|| self.deliver(&members, &frames, None, author)).unwrap_or_else(|_| {
                tracing::error!(channel, "the deliveries hook panicked at a message of a sister");
                0
            });
            self.metrics.delivered.increment(receivers as u64 * messages);
            self.make_room();
        }
    }
}

impl SisterHost for Shared {
    fn deliver(
        &self,
        origin: NodeId,
        body: &ParcelBody,
        pass: &mut dyn FnMut(MessageRef<'_>, &Arc<StreamPermits>) -> StreamPass,
    ) {
        let author = author_of(origin, body.author());
        let (mut frames, mut messages) = (BytesMut::with_capacity(body.bytes().len() + 64), 0);
        // The lengths were checked when it came.
        for message in body.messages().filter_map(Result::ok) {
            match pass(message, &self.streams) {
                StreamPass::ForMembers => {}
                StreamPass::Broken => continue,
                StreamPass::OfAnother => {
                    self.note_of_another(message);
                    continue;
                }
            }
            if message.opcode == Opcode::WRITE {
                if !self.is_new_of(&author, message.uuid) {
                    continue;
                }
                if guarded(|| self.store(&author, message)).is_err() {
                    tracing::error!(
                        channel = message.channel,
                        "the storage panicked at a message of a sister"
                    );
                }
            }
            put_frame(&mut frames, FrameKind::Binary, message.encoded());
            messages += 1;
        }
        if messages > 0 {
            self.deliver_row(body.channel(), frames, messages, &author);
        }
    }

    fn deliver_end(&self, origin: NodeId, end: &Message) {
        // It was made from a message that had an encoding.
        let Ok(bytes) = encode(end) else { return };
        self.deliver_row(&end.channel, bytes, 1, &author_of(origin, ParcelAuthor::Server));
    }

    fn reader_mark(&self, channel: &str, waker: &Waker) -> PaceMark {
        let Some(members) = self.registry.channel(channel) else { return PaceMark::Free };
        let behind = |mark| members.behind(FEDERATION, 0, mark);
        while let Some(half) = behind(WaitMark::Half) {
            let (reader, mark, pace) = match behind(WaitMark::Upper) {
                Some(upper) => (upper, WaitMark::Upper, PaceMark::Upper),
                None => (half, WaitMark::Half, PaceMark::Half),
            };
            // One who has caught up in between is not waited for, and another may be behind.
            if reader.outbox.wait(FEDERATION, waker, 0, mark) {
                return pace;
            }
        }
        PaceMark::Free
    }

    fn gap(&self, origin: NodeId, missing: RangeInclusive<u64>) {
        tracing::warn!(%origin, ?missing, "messages of a sister are missing: a link was lost, or did not keep up");
        if guarded(|| self.hooks.lifecycle.sister_gap(origin, missing)).is_err() {
            panicked("sister_gap");
        }
    }

    fn found(&self, origin: NodeId, first: u64) {
        tracing::info!(%origin, first, "messages of a node come by way of sisters, from this number on");
        if guarded(|| self.hooks.lifecycle.sister_found(origin, first)).is_err() {
            panicked("sister_found");
        }
    }

    fn silent(&self, origin: NodeId) {
        tracing::warn!(%origin, "nothing has come from a node for a while: it has ended, or is cut off");
        if guarded(|| self.hooks.lifecycle.sister_lost(origin)).is_err() {
            panicked("sister_lost");
        }
    }
}

impl ChannelWatcher for Federation {
    fn changed(&self, channel: &str, has_members: &dyn Fn() -> bool) {
        self.note_channel(channel, has_members);
    }
}

/// Returns who wrote on another node, as hooks hear it.
fn author_of(origin: NodeId, author: ParcelAuthor<'_>) -> Author<'_> {
    let node = u128::from_be_bytes(*origin.as_bytes());
    let sender = match author {
        ParcelAuthor::Server => None,
        ParcelAuthor::User { name, .. } => Some(Sender::User(name)),
        ParcelAuthor::Connection(connection) => Some(Sender::SisterConnection { node, connection }),
    };
    Author::Sister { node, sender }
}

fn panicked(hook: &'static str) {
    tracing::error!(hook, "the lifecycle hook panicked as it was told of a sister");
}
