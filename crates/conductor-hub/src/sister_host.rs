//! What the hub gives to its sisters, and takes from them: the one seam between the two.

use std::hash::{BuildHasher, Hash};
use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::BytesMut;
use tokio::time::Instant;

use crate::connection::Channel;
use crate::encode::encode;
use crate::federation::{Federation, NodeId, ParcelAuthor, ParcelBody, SisterDialler, SisterHost, begin};
use crate::frame::Frame;
use crate::guard::guarded;
use crate::protocol::{Message, MessageRef, Opcode};
use crate::registry::ChannelWatcher;
use crate::shared::Shared;
use crate::websocket::{FrameKind, payloads_of, put_frame};
use crate::{Connection, Error, ErrorKind};

impl Shared {
    /// Gives sisters what a client, or the program, wrote in a row to one channel.
    ///
    /// `frames` are those that local members get. It is called in the order in which the author
    /// wrote, before or after local members have them.
    pub(crate) fn write_to_sisters(&self, channel: &str, author: Option<&Connection>, frames: &[u8]) {
        let Some(sisters) = &self.sisters else { return };
        let author = match author {
            None => ParcelAuthor::Server,
            Some(connection) => match connection.user() {
                Some(user) => ParcelAuthor::User(user),
                None => ParcelAuthor::Connection(connection.id().0),
            },
        };
        sisters.write(channel, author, |parcel| payloads_of(frames).for_each(|message| parcel.push(message)));
    }

    /// Returns a channel without members, for what goes to sisters alone.
    pub(crate) fn channel_of_sisters(&self, name: &str) -> Option<Arc<Channel>> {
        self.sisters.as_ref().map(|_| Arc::new(Channel::new(name)))
    }

    /// Returns what dials sisters.
    pub(crate) fn dialler(shared: &Arc<Self>) -> Result<SisterDialler, Error> {
        let Some(federation) = &shared.sisters else {
            let text = "the hub has no sisters; set them with Hooks::sisters";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        };
        let host: Arc<dyn SisterHost> = shared.clone();
        Ok(SisterDialler { federation: Arc::clone(federation), host, tasks: shared.tasks.clone() })
    }

    /// Begins the tasks of the federation, if there is one.
    pub(crate) fn begin_sisters(shared: &Arc<Self>) -> Result<(), Error> {
        let Some(federation) = &shared.sisters else { return Ok(()) };
        federation.config.validate()?;
        if tokio::runtime::Handle::try_current().is_err() {
            let text =
                "a hub with sisters was not started on a tokio runtime; call Hub::start from a task of one";
            return Err(Error::new(ErrorKind::Config, text));
        }
        let watcher: Arc<dyn ChannelWatcher> = Arc::clone(federation) as _;
        shared.registry.watch(watcher);
        begin(&Self::dialler(shared)?);
        Ok(())
    }

    /// Tells whether a message of a sister's client is new, for her client's own uuids.
    ///
    /// A user is the same on all nodes.
    fn is_new_of(&self, origin: NodeId, author: ParcelAuthor<'_>, uuid: &str) -> bool {
        let sender = match author {
            // The program that publishes knows what it does, as the one of this hub.
            ParcelAuthor::Server => return true,
            ParcelAuthor::User(user) => self.sender_key_of(user),
            ParcelAuthor::Connection(number) => self.sender_key_of((origin, number)),
        };
        let is_new = self.dedup.is_new(sender, uuid, Instant::now());
        if !is_new {
            self.metrics.repeated.increment(1);
        }
        is_new
    }

    fn deliver_row(&self, channel: &str, frames: BytesMut, messages: u64) {
        if let Some(members) = self.registry.channel(channel) {
            let receivers = members.deliver(&Frame::new(frames, &self.memory), None, &self.memory);
            self.metrics.delivered.increment(receivers as u64 * messages);
            self.make_room();
        }
    }
}

impl SisterHost for Shared {
    fn deliver(&self, origin: NodeId, body: &ParcelBody, pass: &mut dyn FnMut(MessageRef<'_>) -> bool) {
        let (mut frames, mut messages) = (BytesMut::with_capacity(body.bytes().len() + 64), 0);
        // The lengths were checked when it came.
        for message in body.messages().filter_map(Result::ok).filter(|message| pass(*message)) {
            if message.opcode == Opcode::WRITE {
                if !self.is_new_of(origin, body.author(), message.uuid) {
                    continue;
                }
                if guarded(|| self.hooks.storage.store(message)).is_err() {
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
            self.deliver_row(body.channel(), frames, messages);
        }
    }

    fn deliver_end(&self, end: &Message) {
        // It was made from a message that had an encoding.
        let Ok(bytes) = encode(end) else { return };
        self.deliver_row(&end.channel, bytes, 1);
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

impl Shared {
    /// Returns whose uuids those of an author are compared with.
    fn sender_key_of(&self, author: impl Hash) -> u64 {
        self.sender_hasher.hash_one(author)
    }
}

fn panicked(hook: &'static str) {
    tracing::error!(hook, "the lifecycle hook panicked as it was told of a sister");
}
