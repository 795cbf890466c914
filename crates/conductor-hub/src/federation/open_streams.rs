//! The streams of other nodes that have begun and not ended; pure.

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::node_id::NodeId;
use super::parcel::ParcelAuthor;
use crate::protocol::{Message, MessageRef, Opcode};

/// What the end of a stream says that was not sent whole.
const ABORTED: &str = "aborted";

/// Streams that may be open at once. More of them are passed on all the same, and end without
/// a word if their origin does.
const STREAMS_MAX: usize = 16 * 1024;

/// The streams of other nodes that have begun here and not ended.
#[derive(Debug, Default)]
pub(crate) struct OpenStreams {
    /// For each the uuid of its beginning.
    open: HashMap<StreamKey, Box<str>, RandomState>,
    /// Those that lack a piece: the rest of them is dropped.
    broken: HashMap<StreamKey, (), RandomState>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct StreamKey {
    origin: NodeId,
    channel: Box<str>,
    author: StreamAuthor,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum StreamAuthor {
    Server,
    User(Box<str>),
    Connection(u64),
}

impl OpenStreams {
    /// Notes a message; tells whether it is for the members.
    pub(crate) fn pass(&mut self, origin: NodeId, author: ParcelAuthor<'_>, message: MessageRef<'_>) -> bool {
        if message.opcode == Opcode::WRITE {
            return true;
        }
        let key = StreamKey { origin, channel: message.channel.into(), author: author.into() };
        match message.opcode {
            Opcode::STREAM_START => {
                self.broken.remove(&key);
                if self.open.len() < STREAMS_MAX {
                    self.open.insert(key, message.uuid.into());
                }
                true
            }
            Opcode::STREAM_END => {
                self.open.remove(&key);
                self.broken.remove(&key).is_none()
            }
            _ => !self.broken.contains_key(&key),
        }
    }

    /// Ends all streams of an origin of which something is missing; returns what to tell members.
    pub(crate) fn abort(&mut self, origin: NodeId) -> Vec<Message> {
        let mut ends = Vec::new();
        for (key, uuid) in self.open.extract_if(|key, _| key.origin == origin) {
            ends.push(Message::with_uuid(Opcode::STREAM_END, uuid, &*key.channel, ABORTED));
            if self.broken.len() >= STREAMS_MAX {
                self.broken.clear();
            }
            self.broken.insert(key, ());
        }
        ends
    }
}

impl From<ParcelAuthor<'_>> for StreamAuthor {
    fn from(author: ParcelAuthor<'_>) -> Self {
        match author {
            ParcelAuthor::Server => Self::Server,
            ParcelAuthor::User(name) => Self::User(name.into()),
            ParcelAuthor::Connection(number) => Self::Connection(number),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::BytesMut;

    use super::*;

    const ORIGIN: NodeId = NodeId::from_bytes([1; 16]);

    fn pass(streams: &mut OpenStreams, opcode: Opcode, uuid: &str) -> bool {
        let mut bytes = BytesMut::new();
        Message::with_uuid(opcode, uuid, "tea", "").encode(&mut bytes).expect("it is short");
        let message = MessageRef::decode(&bytes).expect("it was encoded");
        streams.pass(ORIGIN, ParcelAuthor::User("alice"), message)
    }

    #[test]
    fn a_stream_that_lacks_a_piece_ends_once() {
        let mut streams = OpenStreams::default();
        assert!(pass(&mut streams, Opcode::STREAM_START, "u"));
        assert!(pass(&mut streams, Opcode::STREAM_WRITE, "u"));
        let ends = streams.abort(ORIGIN);
        assert_eq!(ends, [Message::with_uuid(Opcode::STREAM_END, "u", "tea", ABORTED)]);
        assert_eq!(streams.abort(ORIGIN), []);
        assert!(
            !pass(&mut streams, Opcode::STREAM_WRITE, "u") && !pass(&mut streams, Opcode::STREAM_END, "u")
        );
        assert!(
            pass(&mut streams, Opcode::STREAM_START, "v") && pass(&mut streams, Opcode::STREAM_WRITE, "v")
        );
        assert!(pass(&mut streams, Opcode::STREAM_END, "v"));
        assert_eq!(streams.abort(ORIGIN), []);
    }
}
