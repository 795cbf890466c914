//! Streams of other nodes that lack a piece.

use bytes::BytesMut;

use super::*;
use crate::ConnectionId;
use crate::stream_permits::StreamOwner;

const ORIGIN: NodeId = NodeId::from_bytes([1; 16]);

/// Alice, on one of her connections.
const fn alice(connection: u64) -> ParcelAuthor<'static> {
    ParcelAuthor::User { name: "alice", connection: Some(connection) }
}

/// Streams, and the hub at whose node they are.
#[derive(Default)]
struct World {
    streams: OpenStreams,
    permits: Arc<StreamPermits>,
}

impl World {
    fn passed(&mut self, author: ParcelAuthor<'_>, opcode: Opcode, uuid: &str) -> StreamPass {
        let mut bytes = BytesMut::new();
        Message::with_uuid(opcode, uuid, "tea", "").encode(&mut bytes).expect("it is short");
        let message = MessageRef::decode(&bytes).expect("it was encoded");
        self.streams.pass(ORIGIN, author, message, &self.permits)
    }

    fn pass(&mut self, author: ParcelAuthor<'_>, opcode: Opcode, uuid: &str) -> bool {
        self.passed(author, opcode, uuid) == StreamPass::ForMembers
    }

    /// Returns what members are told when something of the origin is missing.
    fn abort(&mut self) -> Vec<Message> {
        ends(&self.streams.abort(ORIGIN))
    }

    /// Returns what members are told of streams that have ended by themselves.
    fn ended(&mut self) -> Vec<Message> {
        ends(&self.streams.take_ended())
    }

    /// A client of this node begins a stream.
    fn begin_here(&self, uuid: &str) -> Option<StreamPermit> {
        StreamPermits::take(&self.permits, "tea", uuid, StreamOwner::Connection(ConnectionId(1)), 100)
    }
}

fn ends(ended: &[EndedStream]) -> Vec<Message> {
    ended.iter().filter_map(EndedStream::aborted).cloned().collect()
}

fn aborted(uuid: &str) -> Message {
    Message::with_uuid(Opcode::STREAM_END, uuid, "tea", ABORTED)
}

#[test]
fn a_stream_that_lacks_a_piece_ends_once() {
    for author in [
        alice(7),
        ParcelAuthor::User { name: "alice", connection: None },
        ParcelAuthor::Connection(7),
        ParcelAuthor::Server,
    ] {
        let mut world = World::default();
        assert!(world.pass(author, Opcode::STREAM_START, "u"));
        assert!(world.pass(author, Opcode::STREAM_WRITE, "u"));
        assert_eq!(world.abort(), [aborted("u")]);
        assert_eq!(world.abort(), []);
        assert!(!world.pass(author, Opcode::STREAM_WRITE, "u"));
        assert!(!world.pass(author, Opcode::STREAM_END, "u"));
        assert!(world.pass(author, Opcode::STREAM_START, "v"));
        assert!(world.pass(author, Opcode::STREAM_WRITE, "v"));
        assert!(world.pass(author, Opcode::STREAM_END, "v"));
        assert_eq!(world.abort(), []);
        assert_eq!((world.streams.open_bytes, world.streams.broken_bytes), (0, 0));
    }
}

#[test]
fn two_streams_of_one_user_end_each_for_itself() {
    let mut world = World::default();
    assert!(world.pass(alice(1), Opcode::STREAM_START, "one"));
    assert!(world.pass(alice(2), Opcode::STREAM_START, "two"));
    let mut ends = world.abort();
    ends.sort_by(|a, b| a.uuid.cmp(&b.uuid));
    assert_eq!(ends, [aborted("one"), aborted("two")]);
    // The next one of the first connection, beside the rest of the second one's.
    assert!(world.pass(alice(1), Opcode::STREAM_START, "three"));
    assert!(!world.pass(alice(2), Opcode::STREAM_WRITE, "two"));
    assert!(world.pass(alice(1), Opcode::STREAM_WRITE, "three"));
    assert!(!world.pass(alice(2), Opcode::STREAM_END, "two"));
    assert!(world.pass(alice(1), Opcode::STREAM_END, "three"));
    assert_eq!(world.abort(), []);
}

#[test]
fn a_stream_that_began_on_a_young_link_is_the_same_behind_that() {
    let begun = || {
        let mut world = World::default();
        let young = ParcelAuthor::User { name: "alice", connection: None };
        assert!(world.pass(young, Opcode::STREAM_START, "u"));
        assert!(world.pass(alice(7), Opcode::STREAM_WRITE, "u"));
        world
    };
    let mut world = begun();
    assert!(world.pass(alice(7), Opcode::STREAM_END, "u"));
    assert_eq!(world.abort(), [], "it has ended");
    let mut world = begun();
    assert_eq!(world.abort(), [aborted("u")]);
    assert!(!world.pass(alice(7), Opcode::STREAM_WRITE, "u"));
    assert!(!world.pass(alice(7), Opcode::STREAM_END, "u"));
    assert_eq!((world.streams.open_bytes, world.streams.broken_bytes), (0, 0));
}

#[test]
fn streams_of_a_program_are_told_apart_by_their_uuids() {
    let mut world = World::default();
    for uuid in ["one", "two"] {
        assert!(world.pass(ParcelAuthor::Server, Opcode::STREAM_START, uuid));
    }
    assert!(world.pass(ParcelAuthor::Server, Opcode::STREAM_END, "one"));
    assert_eq!(world.abort(), [aborted("two")]);
}

#[test]
fn open_and_broken_streams_are_bounded_in_bytes() {
    let mut world = World::default();
    for round in 0..3 {
        for number in 0..1_000 {
            let uuid = format!("{round} {number} {}", "u".repeat(40_000));
            assert!(world.pass(alice(round * 1_000 + number), Opcode::STREAM_START, &uuid));
        }
        assert!(world.streams.open_bytes <= BYTES_MAX);
        let ends = world.abort();
        assert!((100..1_000).contains(&ends.len()), "{}", ends.len());
        assert_eq!(world.streams.open_bytes, 0);
    }
    for number in 0..50_000 {
        assert!(world.pass(alice(number), Opcode::STREAM_START, ""));
        world.abort();
        assert!(world.streams.broken_bytes <= BYTES_MAX);
    }
}

#[test]
fn a_uuid_is_that_of_the_sender_who_was_first() {
    let (mut world, bob) = (World::default(), ParcelAuthor::Connection(8));
    assert!(world.pass(alice(7), Opcode::STREAM_START, "u"));
    assert!(world.begin_here("u").is_none(), "nor a client of this node");
    assert!(world.pass(bob, Opcode::STREAM_START, "of bob"));
    assert_eq!(world.passed(bob, Opcode::STREAM_WRITE, "u"), StreamPass::OfAnother);
    assert_eq!(world.ended(), [aborted("of bob")], "it lacks that piece");
    for opcode in [Opcode::STREAM_WRITE, Opcode::STREAM_END] {
        assert_eq!(world.passed(bob, opcode, "of bob"), StreamPass::Broken);
    }
    assert_eq!(world.passed(bob, Opcode::STREAM_START, "u"), StreamPass::OfAnother);
    assert!(world.pass(alice(7), Opcode::STREAM_WRITE, "u"));
    assert!(world.pass(alice(7), Opcode::STREAM_END, "u"));
    assert!(world.begin_here("u").is_none(), "the members do not know of the end yet");
    assert_eq!(world.ended(), []);
    let here = world.begin_here("u").expect("now it is free");
    // What is left of the stream that could not begin.
    for opcode in [Opcode::STREAM_WRITE, Opcode::STREAM_END] {
        assert_eq!(world.passed(bob, opcode, "u"), StreamPass::Broken);
    }
    assert_eq!(world.passed(alice(7), Opcode::STREAM_START, "u"), StreamPass::OfAnother);
    drop(here);
    assert!(world.pass(bob, Opcode::STREAM_START, "u"));
    assert_eq!(world.permits.bytes(), 0, "streams of other nodes cost the clients of this one nothing");
}

#[test]
fn a_sender_may_use_its_uuid_again_behind_the_end() {
    let mut world = World::default();
    for _ in 0..2 {
        for opcode in [Opcode::STREAM_START, Opcode::STREAM_WRITE, Opcode::STREAM_END] {
            assert!(world.pass(alice(7), opcode, "u"));
        }
    }
    assert_eq!(world.ended(), []);
    assert!(world.begin_here("u").is_some());
}

#[test]
fn a_uuid_is_free_when_the_members_know_that_its_stream_is_broken() {
    let mut world = World::default();
    assert!(world.pass(alice(7), Opcode::STREAM_START, "u"));
    let ended = world.streams.abort(ORIGIN);
    assert!(world.begin_here("u").is_none());
    drop(ended);
    let _here = world.begin_here("u").expect("it is free");
    assert_eq!(world.passed(alice(7), Opcode::STREAM_END, "u"), StreamPass::Broken);
}

#[test]
fn streams_end_in_the_channels_of_an_origin_that_are_named_and_in_no_others() {
    let mut world = World::default();
    assert!(world.pass(alice(7), Opcode::STREAM_START, "u"));
    let mut abort = |origin, channel: &str| {
        let mut channels = OriginChannels::default();
        channels.entry(origin).or_default().insert(channel.into());
        ends(&world.streams.abort_in_all(&channels))
    };
    assert_eq!(abort(ORIGIN, "cake"), []);
    assert_eq!(abort(NodeId::from_bytes([2; 16]), "tea"), []);
    assert_eq!(abort(ORIGIN, "tea"), [aborted("u")]);
    assert_eq!(world.streams.open_bytes, 0);
}

#[test]
fn a_stream_for_which_there_was_no_room_is_broken_by_a_piece_of_another_as_well() {
    let mut world = World::default();
    for number in 0..250 {
        let uuid = format!("{number} {}", "u".repeat(40_000));
        assert!(world.pass(alice(number), Opcode::STREAM_START, &uuid));
    }
    let _here = world.begin_here("of another").expect("it is free");
    let uuid = "v".repeat(40_000);
    assert!(world.pass(alice(1_000), Opcode::STREAM_START, &uuid));
    assert_eq!(world.passed(alice(1_000), Opcode::STREAM_WRITE, "of another"), StreamPass::OfAnother);
    assert_eq!(world.ended(), [], "nobody knows that it is open");
    for opcode in [Opcode::STREAM_WRITE, Opcode::STREAM_END] {
        assert_eq!(world.passed(alice(1_000), opcode, &uuid), StreamPass::Broken);
    }
    assert!(world.pass(alice(1_000), Opcode::STREAM_START, &uuid), "the next one is whole again");
}
