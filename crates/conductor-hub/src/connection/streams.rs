//! The streams that one connection sends.

use std::sync::Arc;

use bytes::BytesMut;
use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::{BindLimits, Connection};
use crate::protocol::{Message, MessageRef, Opcode};
use crate::stream_permits::{StreamName, StreamOwner, StreamPermit, StreamPermits};

/// The body of the `StreamEnd` that the hub sends in the place of a sender.
const ABORTED: &str = "aborted";

/// What an open stream costs besides its names: its entries in two tables that may be half empty,
/// its permit, and two allocations.
const STREAM_COST: usize = 256;

/// The open streams by their channels.
///
/// One that was cut has lost its sender in that channel, and the task of the connection has still
/// to tell the members of it.
#[derive(Default)]
pub(super) struct Streams {
    open: HashMap<Box<str>, OpenStream, RandomState>,
    /// What all of them cost.
    bytes: usize,
}

struct OpenStream {
    /// That of its `StreamStart`.
    uuid: Box<str>,
    is_cut: bool,
    /// Whether a piece came with that uuid, so that all of its messages have it.
    is_named: bool,
    /// The stream whose place it took.
    before: Option<StreamName>,
    permit: StreamPermit,
}

/// A stream that its sender did not end.
#[derive(Debug)]
pub(crate) struct AbortedStream {
    pub(crate) channel: Box<str>,
    uuid: Box<str>,
    /// Kept until the members are told, as nobody else may use its uuid before. None if the next
    /// stream of its sender has it, which begins with the same uuid behind the end.
    pub(crate) permit: Option<StreamPermit>,
}

/// What became of the begin of a stream.
#[derive(Debug)]
pub(crate) enum StreamBegun {
    Begun,
    /// The connection has as many as it may have.
    TooMany,
    /// Its uuid is that of a stream which somebody else has open in the channel.
    OfAnother,
}

/// What a piece or an end is to the stream that its sender has open in the channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamPart {
    /// There is no such stream.
    OfNone,
    /// It has the uuid of its `StreamStart`.
    Named,
    /// It has another, as the original's clients give one to each message.
    Unnamed,
    /// It has another, and is of no stream that is open.
    Stray,
}

impl AbortedStream {
    /// Returns the message that ends it, encoded.
    pub(crate) fn end(&self) -> BytesMut {
        let end = Message::with_uuid(Opcode::STREAM_END, &*self.uuid, &*self.channel, ABORTED);
        let mut encoded = BytesMut::new();
        end.encode(&mut encoded).expect("its uuid and its channel come from a message that was decoded");
        encoded
    }
}

impl Streams {
    fn remove(&mut self, channel: &str) -> Option<AbortedStream> {
        let (channel, stream) = self.open.remove_entry(channel)?;
        self.bytes -= cost(&channel, &stream.uuid);
        Some(AbortedStream { channel, uuid: stream.uuid, permit: Some(stream.permit) })
    }
}

const fn cost(channel: &str, uuid: &str) -> usize {
    STREAM_COST + channel.len() + uuid.len()
}

impl Connection {
    /// Opens a stream in the channel of its `StreamStart`; the one that was open there is aborted.
    ///
    /// `own` is the permit for its uuid, if the sender has it of a stream whose end is on its way.
    /// It is left there if no stream begins.
    pub(crate) fn begin_stream(
        &self,
        start: MessageRef<'_>,
        limits: BindLimits,
        permits: &Arc<StreamPermits>,
        own: &mut Option<StreamPermit>,
    ) -> (Option<AbortedStream>, StreamBegun) {
        let mut streams = self.extras().streams.lock();
        let streams = streams.get_or_insert_default();
        let before = streams.open.get(start.channel).and_then(|stream| stream.permit.name());
        let mut aborted = streams.remove(start.channel);
        let cost = cost(start.channel, start.uuid);
        let bytes = streams.bytes + cost;
        if streams.open.len() >= limits.channels_max || bytes > limits.bytes_max {
            return (aborted, StreamBegun::TooMany);
        }
        let owner = StreamOwner::Connection(self.id());
        // The sender may use its uuid again: members hear of the end first. Nobody else is to take
        // it in between, so the permit is passed on.
        let of_aborted = aborted.as_mut().filter(|aborted| *aborted.uuid == *start.uuid);
        let permit = match own.take().or_else(|| of_aborted?.permit.take()) {
            Some(permit) => permit.pass_on(owner, cost),
            None => match StreamPermits::take(permits, start.channel, start.uuid, owner, cost) {
                Some(permit) => permit,
                None => return (aborted, StreamBegun::OfAnother),
            },
        };
        streams.bytes = bytes;
        let stream = OpenStream { uuid: start.uuid.into(), is_cut: false, is_named: false, before, permit };
        streams.open.insert(start.channel.into(), stream);
        (aborted, StreamBegun::Begun)
    }

    /// Notes a piece or an end; returns what it is to the stream that is open.
    pub(crate) fn stream_part(&self, message: MessageRef<'_>, permits: &StreamPermits) -> StreamPart {
        let Some(extras) = self.extras.get() else { return StreamPart::OfNone };
        let mut streams = extras.streams.lock();
        let stream = streams.as_mut().and_then(|streams| streams.open.get_mut(message.channel));
        let Some(stream) = stream.filter(|stream| !stream.is_cut) else { return StreamPart::OfNone };
        if *stream.uuid == *message.uuid {
            stream.is_named |= message.opcode == Opcode::STREAM_WRITE && !message.uuid.is_empty();
            return StreamPart::Named;
        }
        // The end of the one before may come late, from a client with several threads.
        let is_of_before =
            stream.before.is_some() && stream.before == permits.name(message.channel, message.uuid);
        if stream.is_named || is_of_before { StreamPart::Stray } else { StreamPart::Unnamed }
    }

    /// Returns what its open streams cost.
    pub(crate) fn stream_bytes(&self) -> usize {
        let Some(extras) = self.extras.get() else { return 0 };
        extras.streams.lock().as_ref().map_or(0, |streams| streams.bytes)
    }

    /// Gives back what its streams cost: it was ended to make room for others.
    ///
    /// Its task tells the members of their end. Until then their uuids are nobody else's.
    pub(crate) fn give_stream_room_back(&self) {
        let Some(extras) = self.extras.get() else { return };
        if let Some(streams) = extras.streams.lock().as_mut() {
            streams.open.values_mut().for_each(|stream| stream.permit.give_room_back());
        }
    }

    /// Takes the stream of a channel: its sender has ended it, or its members are to be told of its
    /// end.
    pub(crate) fn abort_stream(&self, channel: &str) -> Option<AbortedStream> {
        self.extras.get()?.streams.lock().as_mut()?.remove(channel)
    }

    /// Cuts the stream of a channel that the connection leaves; tells whether there is one.
    ///
    /// Its end is told by the task of the connection, behind the pieces that are on the way.
    pub(crate) fn cut_stream(&self, channel: &str) -> bool {
        let Some(extras) = self.extras.get() else { return false };
        let mut streams = extras.streams.lock();
        let stream = streams.as_mut().and_then(|streams| streams.open.get_mut(channel));
        let Some(stream) = stream else { return false };
        stream.is_cut = true;
        // Under the lock, as whoever takes them takes the note with them.
        extras.note_cut_streams(true);
        true
    }

    /// Takes the streams that were cut.
    pub(crate) fn take_cut_streams(&self) -> Vec<AbortedStream> {
        let Some(extras) = self.extras.get().filter(|extras| extras.has_cut_streams()) else {
            return Vec::new();
        };
        let mut streams = extras.streams.lock();
        extras.note_cut_streams(false);
        let Some(streams) = streams.as_mut() else { return Vec::new() };
        let cut = streams.open.iter().filter(|(_, stream)| stream.is_cut);
        let cut: Vec<_> = cut.map(|(channel, _)| channel.clone()).collect();
        cut.iter().filter_map(|channel| streams.remove(channel)).collect()
    }

    /// Takes all its streams: it ends.
    pub(crate) fn take_streams(&self) -> Vec<AbortedStream> {
        let streams = self.extras.get().and_then(|extras| extras.streams.lock().take());
        let open = streams.map_or_else(HashMap::default, |streams| streams.open);
        let aborted = |(channel, stream): (Box<str>, OpenStream)| AbortedStream {
            channel,
            uuid: stream.uuid,
            permit: Some(stream.permit),
        };
        open.into_iter().map(aborted).collect()
    }
}
