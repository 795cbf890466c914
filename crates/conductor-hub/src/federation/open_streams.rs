//! The streams of other nodes that have begun and not ended; pure.

use std::mem;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::node_id::NodeId;
use super::parcel::ParcelAuthor;
use super::stream_doubts::OriginChannels;
use crate::protocol::{Message, MessageRef, Opcode};
use crate::stream_permits::{StreamName, StreamPermit, StreamPermits};

/// What the end of a stream says that was not sent whole.
const ABORTED: &str = "aborted";

/// Bytes of all streams that are open, or of all that are broken. More of them are passed on all
/// the same, and end without a word if their origin does.
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// What a stream costs besides its names.
///
/// That is its entries in two tables that may be half empty, and three allocations.
const STREAM_COST: usize = 352;

/// The streams of other nodes that have begun here and not ended.
#[derive(Debug, Default)]
pub(crate) struct OpenStreams {
    open: HashMap<StreamKey, OpenStream, RandomState>,
    /// What the open ones cost.
    open_bytes: usize,
    /// Those that lack a piece, or had the uuid of another: the rest of them is dropped.
    broken: HashMap<StreamKey, (), RandomState>,
    broken_bytes: usize,
    /// Those that have ended since they were taken from here.
    ended: Vec<EndedStream>,
}

#[derive(Debug)]
struct OpenStream {
    /// That of its beginning.
    uuid: Box<str>,
    permit: StreamPermit,
}

/// A stream that has ended; its uuid is taken until this is dropped.
#[derive(Debug)]
pub(crate) struct EndedStream {
    origin: NodeId,
    /// The end that members are told, unless its sender has sent one.
    aborted: Option<Message>,
    permit: StreamPermit,
}

/// What becomes of a message that came from another node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamPass {
    ForMembers,
    /// It is of a stream that has ended for the members.
    Broken,
    /// It has the uuid of a stream that somebody else has open.
    OfAnother,
}

/// A sender has one stream in a channel.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct StreamKey {
    origin: NodeId,
    channel: Box<str>,
    sender: StreamSender,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum StreamSender {
    /// A program may send several at once, which have their uuids.
    Program(Box<str>),
    Connection(u64),
    /// A connection of a user whose number was not said, as on links of older versions.
    User(Box<str>),
}

impl OpenStreams {
    /// Notes a message; tells whether it is for the members.
    ///
    /// What of that ends streams is returned by [`take_ended`](Self::take_ended).
    pub(crate) fn pass(
        &mut self,
        origin: NodeId,
        author: ParcelAuthor<'_>,
        message: MessageRef<'_>,
        permits: &Arc<StreamPermits>,
    ) -> StreamPass {
        if message.opcode == Opcode::WRITE {
            return StreamPass::ForMembers;
        }
        let sender = StreamSender::of(author, message.uuid);
        let mut key = StreamKey { origin, channel: message.channel.into(), sender };
        if message.opcode == Opcode::STREAM_START {
            return self.begin(key, message.uuid, permits);
        }
        self.find_begin(&mut key, author);
        let is_end = message.opcode == Opcode::STREAM_END;
        if self.broken.contains_key(&key) {
            if is_end {
                self.mend(&key);
            }
            return StreamPass::Broken;
        }
        if permits.is_of_another(message.channel, message.uuid, permits.sister(&key)) {
            // Its own stream now lacks a piece.
            if let Some(stream) = self.close(&key) {
                self.ended.push(stream.aborted(&key));
            }
            // Nor is the rest for the members of one for which there was no room here. Behind an
            // end nothing more of it comes.
            if !is_end {
                self.note_broken(key);
            }
            return StreamPass::OfAnother;
        }
        if is_end && let Some(OpenStream { permit, .. }) = self.close(&key) {
            self.ended.push(EndedStream { origin, aborted: None, permit });
        }
        StreamPass::ForMembers
    }

    /// Ends all streams of an origin of which something is missing.
    pub(crate) fn abort(&mut self, origin: NodeId) -> Vec<EndedStream> {
        self.abort_those(|key| key.origin == origin)
    }

    /// Ends an origin's streams in one channel, of which something is missing there.
    pub(crate) fn abort_in(&mut self, origin: NodeId, channel: &str) -> Vec<EndedStream> {
        self.abort_those(|key| key.origin == origin && *key.channel == *channel)
    }

    /// Ends the streams in these channels of these origins, in one look at all that are open.
    pub(crate) fn abort_in_all(&mut self, channels: &OriginChannels) -> Vec<EndedStream> {
        if channels.is_empty() {
            return Vec::new();
        }
        self.abort_those(|key| channels.get(&key.origin).is_some_and(|names| names.contains(&key.channel)))
    }

    /// Returns the channels in which an origin has open streams, once for each of these.
    pub(crate) fn channels(&self, origin: NodeId) -> impl Iterator<Item = &str> {
        self.open.keys().filter(move |key| key.origin == origin).map(|key| &*key.channel)
    }

    fn abort_those(&mut self, are_those: impl Fn(&StreamKey) -> bool) -> Vec<EndedStream> {
        let aborted: Vec<_> = self.open.extract_if(|key, _| are_those(key)).collect();
        for (key, stream) in aborted {
            self.open_bytes -= key.cost() + stream.uuid.len();
            self.ended.push(stream.aborted(&key));
            self.note_broken(key);
        }
        self.take_ended()
    }

    /// Takes the streams that have ended, to be dropped when the members know.
    #[must_use]
    pub(crate) fn take_ended(&mut self) -> Vec<EndedStream> {
        mem::take(&mut self.ended)
    }

    /// Begins a stream, unless somebody else has one open with its uuid.
    fn begin(&mut self, key: StreamKey, uuid: &str, permits: &Arc<StreamPermits>) -> StreamPass {
        self.mend(&key);
        let (name, owner) = (permits.name(&key.channel, uuid), permits.sister(&key));
        // It may be behind one of its sender's own, in the same row, with the same uuid. Nobody
        // else is to take that in between, so the permit is passed on.
        let before = self.close(&key).map(|stream| stream.permit).filter(|permit| permit.name() == name);
        let permit = match before.or_else(|| self.take_permit(name)) {
            Some(permit) => permit.pass_on(owner, 0),
            None => match StreamPermits::take(permits, &key.channel, uuid, owner, 0) {
                Some(permit) => permit,
                None => {
                    self.note_broken(key);
                    return StreamPass::OfAnother;
                }
            },
        };
        let cost = key.cost() + uuid.len();
        if self.open_bytes + cost <= BYTES_MAX {
            self.open_bytes += cost;
            self.open.insert(key, OpenStream { uuid: uuid.into(), permit });
        }
        StreamPass::ForMembers
    }

    /// Takes the permit of a stream that its sender has ended, if it has this name.
    fn take_permit(&mut self, name: Option<StreamName>) -> Option<StreamPermit> {
        let is_it = |ended: &EndedStream| ended.aborted.is_none() && ended.permit.name() == name;
        let index = self.ended.iter().position(is_it)?;
        Some(self.ended.remove(index).permit)
    }

    /// Finds the stream of a user that began without the number of the connection: by a link whose
    /// sister had not said yet which version she is of, or by way of a node of an older one.
    fn find_begin(&self, key: &mut StreamKey, author: ParcelAuthor<'_>) {
        let ParcelAuthor::User { name, connection: Some(_) } = author else { return };
        if self.knows(key) {
            return;
        }
        let sender = StreamSender::User(name.into());
        let other = StreamKey { origin: key.origin, channel: key.channel.clone(), sender };
        if self.knows(&other) {
            *key = other;
        }
    }

    fn knows(&self, key: &StreamKey) -> bool {
        self.open.contains_key(key) || self.broken.contains_key(key)
    }

    /// Forgets that a stream is open; returns what was known of it.
    fn close(&mut self, key: &StreamKey) -> Option<OpenStream> {
        let stream = self.open.remove(key)?;
        self.open_bytes -= key.cost() + stream.uuid.len();
        Some(stream)
    }

    /// Notes that a stream is broken.
    fn note_broken(&mut self, key: StreamKey) {
        let cost = key.cost();
        if self.broken_bytes + cost > BYTES_MAX {
            self.broken.clear();
            self.broken_bytes = 0;
        }
        if self.broken.insert(key, ()).is_none() {
            self.broken_bytes += cost;
        }
    }

    /// Forgets that a stream is broken, if it is.
    fn mend(&mut self, key: &StreamKey) {
        if self.broken.remove(key).is_some() {
            self.broken_bytes -= key.cost();
        }
    }
}

impl OpenStream {
    fn aborted(self, key: &StreamKey) -> EndedStream {
        let end = Message::with_uuid(Opcode::STREAM_END, self.uuid, &*key.channel, ABORTED);
        EndedStream { origin: key.origin, aborted: Some(end), permit: self.permit }
    }
}

impl EndedStream {
    /// Returns the node where it was written.
    pub(crate) const fn origin(&self) -> NodeId {
        self.origin
    }

    /// Returns the end that members are told, unless its sender has sent one.
    pub(crate) const fn aborted(&self) -> Option<&Message> {
        self.aborted.as_ref()
    }
}

impl StreamKey {
    fn cost(&self) -> usize {
        let name = match &self.sender {
            StreamSender::Program(name) | StreamSender::User(name) => name.len(),
            StreamSender::Connection(_) => 0,
        };
        STREAM_COST + self.channel.len() + name
    }
}

impl StreamSender {
    fn of(author: ParcelAuthor<'_>, uuid: &str) -> Self {
        match author {
            ParcelAuthor::Server => Self::Program(uuid.into()),
            ParcelAuthor::Connection(number) | ParcelAuthor::User { connection: Some(number), .. } => {
                Self::Connection(number)
            }
            ParcelAuthor::User { name, connection: None } => Self::User(name.into()),
        }
    }
}

#[cfg(test)]
mod tests;
