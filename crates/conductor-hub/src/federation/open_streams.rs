//! The streams of other nodes that have begun and not ended; pure.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::node_id::NodeId;
use super::parcel::ParcelAuthor;
use crate::protocol::{Message, MessageRef, Opcode};

/// What the end of a stream says that was not sent whole.
const ABORTED: &str = "aborted";

/// Bytes of all streams that are open, or of all that are broken. More of them are passed on all
/// the same, and end without a word if their origin does.
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// What a stream costs besides its names.
///
/// That is its entry in a table that may be half empty, and three allocations.
const STREAM_COST: usize = 256;

/// The streams of other nodes that have begun here and not ended.
#[derive(Debug, Default)]
pub(crate) struct OpenStreams {
    /// For each the uuid of its beginning.
    open: HashMap<StreamKey, Box<str>, RandomState>,
    /// What the open ones cost.
    open_bytes: usize,
    /// Those that lack a piece: the rest of them is dropped.
    broken: HashMap<StreamKey, (), RandomState>,
    broken_bytes: usize,
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
    pub(crate) fn pass(&mut self, origin: NodeId, author: ParcelAuthor<'_>, message: MessageRef<'_>) -> bool {
        if message.opcode == Opcode::WRITE {
            return true;
        }
        let sender = StreamSender::of(author, message.uuid);
        let mut key = StreamKey { origin, channel: message.channel.into(), sender };
        if message.opcode != Opcode::STREAM_START {
            self.find_begin(&mut key, author);
        }
        match message.opcode {
            Opcode::STREAM_START => {
                self.mend(&key);
                self.end(&key);
                let cost = key.cost() + message.uuid.len();
                if self.open_bytes + cost <= BYTES_MAX {
                    self.open_bytes += cost;
                    self.open.insert(key, message.uuid.into());
                }
                true
            }
            Opcode::STREAM_END => {
                self.end(&key);
                !self.mend(&key)
            }
            _ => !self.broken.contains_key(&key),
        }
    }

    /// Ends all streams of an origin of which something is missing; returns what to tell members.
    pub(crate) fn abort(&mut self, origin: NodeId) -> Vec<Message> {
        self.abort_those(|key| key.origin == origin)
    }

    /// Ends an origin's streams in one channel, of which something is missing there.
    pub(crate) fn abort_in(&mut self, origin: NodeId, channel: &str) -> Vec<Message> {
        self.abort_those(|key| key.origin == origin && *key.channel == *channel)
    }

    /// Returns the channels in which an origin has open streams, once for each of these.
    pub(crate) fn channels(&self, origin: NodeId) -> impl Iterator<Item = &str> {
        self.open.keys().filter(move |key| key.origin == origin).map(|key| &*key.channel)
    }

    fn abort_those(&mut self, are_those: impl Fn(&StreamKey) -> bool) -> Vec<Message> {
        let mut ends = Vec::new();
        for (key, uuid) in self.open.extract_if(|key, _| are_those(key)) {
            self.open_bytes -= key.cost() + uuid.len();
            ends.push(Message::with_uuid(Opcode::STREAM_END, uuid, &*key.channel, ABORTED));
            if self.broken_bytes + key.cost() > BYTES_MAX {
                self.broken.clear();
                self.broken_bytes = 0;
            }
            let cost = key.cost();
            if self.broken.insert(key, ()).is_none() {
                self.broken_bytes += cost;
            }
        }
        ends
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

    /// Forgets that a stream is open.
    fn end(&mut self, key: &StreamKey) {
        if let Some(uuid) = self.open.remove(key) {
            self.open_bytes -= key.cost() + uuid.len();
        }
    }

    /// Forgets that a stream is broken; `false` if it is not.
    fn mend(&mut self, key: &StreamKey) -> bool {
        let is_broken = self.broken.remove(key).is_some();
        if is_broken {
            self.broken_bytes -= key.cost();
        }
        is_broken
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
