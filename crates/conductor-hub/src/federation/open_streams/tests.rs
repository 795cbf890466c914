//! Streams of other nodes that lack a piece.

use bytes::BytesMut;

use super::*;

const ORIGIN: NodeId = NodeId::from_bytes([1; 16]);

/// Alice, on one of her connections.
const fn alice(connection: u64) -> ParcelAuthor<'static> {
    ParcelAuthor::User { name: "alice", connection: Some(connection) }
}

fn pass(streams: &mut OpenStreams, author: ParcelAuthor<'_>, opcode: Opcode, uuid: &str) -> bool {
    let mut bytes = BytesMut::new();
    Message::with_uuid(opcode, uuid, "tea", "").encode(&mut bytes).expect("it is short");
    let message = MessageRef::decode(&bytes).expect("it was encoded");
    streams.pass(ORIGIN, author, message)
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
        let mut streams = OpenStreams::default();
        let pass = |streams: &mut OpenStreams, opcode, uuid| pass(streams, author, opcode, uuid);
        assert!(pass(&mut streams, Opcode::STREAM_START, "u"));
        assert!(pass(&mut streams, Opcode::STREAM_WRITE, "u"));
        assert_eq!(streams.abort(ORIGIN), [aborted("u")]);
        assert_eq!(streams.abort(ORIGIN), []);
        assert!(!pass(&mut streams, Opcode::STREAM_WRITE, "u"));
        assert!(!pass(&mut streams, Opcode::STREAM_END, "u"));
        assert!(pass(&mut streams, Opcode::STREAM_START, "v"));
        assert!(pass(&mut streams, Opcode::STREAM_WRITE, "v"));
        assert!(pass(&mut streams, Opcode::STREAM_END, "v"));
        assert_eq!(streams.abort(ORIGIN), []);
        assert_eq!((streams.open_bytes, streams.broken_bytes), (0, 0));
    }
}

#[test]
fn two_streams_of_one_user_end_each_for_itself() {
    let mut streams = OpenStreams::default();
    assert!(pass(&mut streams, alice(1), Opcode::STREAM_START, "one"));
    assert!(pass(&mut streams, alice(2), Opcode::STREAM_START, "two"));
    let mut ends = streams.abort(ORIGIN);
    ends.sort_by(|a, b| a.uuid.cmp(&b.uuid));
    assert_eq!(ends, [aborted("one"), aborted("two")]);
    // The next one of the first connection, beside the rest of the second one's.
    assert!(pass(&mut streams, alice(1), Opcode::STREAM_START, "three"));
    assert!(!pass(&mut streams, alice(2), Opcode::STREAM_WRITE, "two"));
    assert!(pass(&mut streams, alice(1), Opcode::STREAM_WRITE, "three"));
    assert!(!pass(&mut streams, alice(2), Opcode::STREAM_END, "two"));
    assert!(pass(&mut streams, alice(1), Opcode::STREAM_END, "three"));
    assert_eq!(streams.abort(ORIGIN), []);
}

#[test]
fn a_stream_that_began_on_a_young_link_is_the_same_behind_that() {
    let begun = || {
        let mut streams = OpenStreams::default();
        let young = ParcelAuthor::User { name: "alice", connection: None };
        assert!(pass(&mut streams, young, Opcode::STREAM_START, "u"));
        assert!(pass(&mut streams, alice(7), Opcode::STREAM_WRITE, "u"));
        streams
    };
    let mut streams = begun();
    assert!(pass(&mut streams, alice(7), Opcode::STREAM_END, "u"));
    assert_eq!(streams.abort(ORIGIN), [], "it has ended");
    let mut streams = begun();
    assert_eq!(streams.abort(ORIGIN), [aborted("u")]);
    assert!(!pass(&mut streams, alice(7), Opcode::STREAM_WRITE, "u"));
    assert!(!pass(&mut streams, alice(7), Opcode::STREAM_END, "u"));
    assert_eq!((streams.open_bytes, streams.broken_bytes), (0, 0));
}

#[test]
fn streams_of_a_program_are_told_apart_by_their_uuids() {
    let mut streams = OpenStreams::default();
    for uuid in ["one", "two"] {
        assert!(pass(&mut streams, ParcelAuthor::Server, Opcode::STREAM_START, uuid));
    }
    assert!(pass(&mut streams, ParcelAuthor::Server, Opcode::STREAM_END, "one"));
    assert_eq!(streams.abort(ORIGIN), [aborted("two")]);
}

#[test]
fn open_and_broken_streams_are_bounded_in_bytes() {
    let mut streams = OpenStreams::default();
    for round in 0..3 {
        for number in 0..1_000 {
            let uuid = format!("{round} {number} {}", "u".repeat(40_000));
            assert!(pass(&mut streams, alice(round * 1_000 + number), Opcode::STREAM_START, &uuid));
        }
        assert!(streams.open_bytes <= BYTES_MAX);
        let ends = streams.abort(ORIGIN);
        assert!((100..1_000).contains(&ends.len()), "{}", ends.len());
        assert_eq!(streams.open_bytes, 0);
    }
    for number in 0..50_000 {
        assert!(pass(&mut streams, alice(number), Opcode::STREAM_START, ""));
        streams.abort(ORIGIN);
        assert!(streams.broken_bytes <= BYTES_MAX);
    }
}
