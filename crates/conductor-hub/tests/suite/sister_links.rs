//! Links between sisters: who waits for whom, and what strangers may do.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use conductor_hub::Hooks;
use conductor_hub::federation::SisterConfig;
use conductor_hub::protocol::{Message, Opcode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::stream_names::Open;
use crate::support::Client;
use crate::support::node::{Node, SECRET, Told, next, stream, until};

/// Reads a stream to its end, at most so many bytes a second.
async fn read_stream(reader: &mut Client, bytes_per_second: u64) -> Vec<u8> {
    let (start, mut bytes) = (Instant::now(), Vec::new());
    loop {
        let message = reader.next().await;
        match message.opcode {
            Opcode::STREAM_WRITE => bytes.extend_from_slice(&message.body),
            Opcode::STREAM_END => {
                assert_eq!(message.body, "", "it is whole");
                return bytes;
            }
            _ => {}
        }
        sleep_until(start + Duration::from_millis(bytes.len() as u64 * 1_000 / bytes_per_second)).await;
    }
}

/// Has a sender at one node and two readers at another, who are so many links away.
async fn a_stream_reaches_a_slow_reader(links: usize) {
    let mut nodes = vec![Node::start().await];
    for _ in 0..links {
        let node = Node::start().await;
        nodes[nodes.len() - 1].link(&node).await;
        nodes.push(node);
    }
    let (first, last) = (&nodes[0], &nodes[links]);
    let mut sender = first.member("files").await;
    let (mut fast, mut slow) = (last.member("files").await, last.member("files").await);
    let (mut asks, mut answers) = (first.member("tea").await, last.member("tea").await);
    first.reach(&mut fast, "files").await;
    first.reach(&mut answers, "tea").await;
    let bytes: Bytes = (0..10_000_000u32).map(|number| ((number * 7) >> 3).to_le_bytes()[0]).collect();
    let writing = async {
        for message in stream("files", &bytes, 32 * 1024) {
            sender.send(&message).await;
        }
    };
    let reading = async { tokio::join!(read_stream(&mut fast, u64::MAX / 1_000), read_slowly(&mut slow)) };
    let (mut late, mut all) = (0, 0);
    let chatting = async {
        for number in 0..u32::MAX {
            let start = Instant::now();
            asks.write("tea", number.to_string()).await;
            assert_eq!(next(&mut answers).await.body, number.to_string());
            (late, all) = (late + u32::from(start.elapsed() > Duration::from_secs(1)), all + 1);
            sleep(Duration::from_millis(20)).await;
        }
    };
    let ((), (fast_got, slow_got)) = tokio::select! {
        streamed = async { tokio::join!(writing, reading) } => streamed,
        () = chatting => panic!("the stream takes for ever"),
    };
    assert!(fast_got == bytes && slow_got == bytes);
    // If it waited for the slow reader, each of its messages would for about 2 s.
    assert!(late * 10 < all, "{late} of {all} messages to another channel waited");
    assert_eq!(last.hub.members("files"), 2, "nobody was closed");
    assert!(nodes.iter().all(|node| !node.hub.sisters().is_empty()));
    for node in &mut nodes {
        assert!(node.told_so_far().iter().all(|told| matches!(told, Told::Found(..))));
    }
}

async fn read_slowly(reader: &mut Client) -> Vec<u8> {
    read_stream(reader, 1024 * 1024).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_10_mb_reaches_fast_and_slow_readers_at_a_sister_and_delays_no_other_channel() {
    a_stream_reaches_a_slow_reader(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_10_mb_reaches_fast_and_slow_readers_behind_another_sister() {
    a_stream_reaches_a_slow_reader(2).await;
}

#[tokio::test]
async fn two_streams_of_one_user_are_aborted_each_by_a_gap() {
    let (a, mut b) = (Node::start().await, Node::start().await);
    a.link(&b).await;
    let mut there = b.member("files").await;
    a.reach(&mut there, "files").await;
    let message = |opcode, uuid: &str| Message::with_uuid(opcode, uuid, "files", "");
    let mut connections = Vec::new();
    for uuid in ["one", "two"] {
        let mut connection = a.client(Some("alice")).await;
        connection.send(&Message::new(Opcode::BIND, "files", "")).await;
        connection.send(&message(Opcode::STREAM_START, uuid)).await;
        assert_eq!(next(&mut there).await, message(Opcode::STREAM_START, uuid));
        connections.push(connection);
    }
    a.hub.sisters()[0].close();
    until(|| a.hub.sisters().is_empty() && b.hub.sisters().is_empty()).await;
    connections[0].send(&message(Opcode::STREAM_WRITE, "one")).await;
    // The second connection gets the piece, which was routed then.
    while connections[1].next().await.opcode != Opcode::STREAM_WRITE {}
    a.link(&b).await;
    b.gap().await;
    let mut ended = [next(&mut there).await, next(&mut there).await];
    ended.sort_by(|one, other| one.uuid.cmp(&other.uuid));
    let aborted = |uuid: &str| Message::with_uuid(Opcode::STREAM_END, uuid, "files", "aborted");
    assert_eq!(ended, [aborted("one"), aborted("two")]);
    // The next stream of one connection is whole beside what is left of the other's.
    connections[0].send(&message(Opcode::STREAM_START, "three")).await;
    assert_eq!(next(&mut there).await, message(Opcode::STREAM_START, "three"));
    connections[1].send(&message(Opcode::STREAM_WRITE, "two")).await;
    while connections[0].next().await.opcode != Opcode::STREAM_WRITE {}
    connections[0].send(&message(Opcode::STREAM_WRITE, "three")).await;
    connections[0].send(&message(Opcode::STREAM_END, "three")).await;
    assert_eq!(next(&mut there).await, message(Opcode::STREAM_WRITE, "three"));
    assert_eq!(next(&mut there).await, message(Opcode::STREAM_END, "three"));
}

/// A message of the stream `one`.
fn of_one(opcode: Opcode, body: &'static str) -> Message {
    Message::with_uuid(opcode, "one", "files", body)
}

/// A client of a node who is bound to `files`.
async fn bound(node: &Node, user: &str) -> Client {
    let mut client = node.client(Some(user)).await;
    client.send(&Message::new(Opcode::BIND, "files", "")).await;
    client
}

#[tokio::test]
async fn nobody_writes_into_a_stream_of_another_node() {
    let (a, b) = (Node::start().await, Node::start().await);
    a.link(&b).await;
    let mut there = b.member("files").await;
    a.reach(&mut there, "files").await;
    let mut here = a.member("files").await;
    b.reach(&mut here, "files").await;
    let (mut alice, mut bob) = (bound(&a, "alice").await, bound(&b, "bob").await);
    let start = of_one(Opcode::STREAM_START, "");
    alice.send(&start).await;
    assert_eq!((next(&mut here).await, next(&mut there).await), (start.clone(), start.clone()));
    for message in [&start, &of_one(Opcode::STREAM_WRITE, "of bob"), &of_one(Opcode::STREAM_END, "")] {
        bob.send(message).await;
    }
    let behind = bob.write("files", "behind").await;
    let rest = [of_one(Opcode::STREAM_WRITE, "of alice"), of_one(Opcode::STREAM_END, "")];
    assert_eq!((next(&mut here).await, next(&mut there).await), (behind.clone(), behind));
    for message in rest {
        alice.send(&message).await;
        assert_eq!((next(&mut here).await, next(&mut there).await), (message.clone(), message));
    }
    // Then the uuid is free again.
    bob.send(&start).await;
    assert_eq!((next(&mut here).await, next(&mut there).await), (start.clone(), start));
}

/// Two clients whose nodes do not hear of each other, and a reader at a node between them.
struct Apart {
    alice: Client,
    bob: Client,
    reader: Client,
    _nodes: [Node; 3],
}

impl Apart {
    async fn start() -> Self {
        let open = || Node::with(Hooks::default().auth(Open), SisterConfig::new(*SECRET));
        // Neither of the nodes of the senders has members.
        let (a, b, c) = (open().await, open().await, Node::start().await);
        a.link(&c).await;
        b.link(&c).await;
        let mut reader = c.member("files").await;
        a.reach(&mut reader, "files").await;
        b.reach(&mut reader, "files").await;
        Self { alice: a.client(None).await, bob: b.client(None).await, reader, _nodes: [a, b, c] }
    }
}

#[tokio::test]
async fn of_two_streams_that_begin_at_two_nodes_with_one_uuid_a_member_gets_the_first_whole() {
    let Apart { mut alice, mut bob, mut reader, _nodes } = Apart::start().await;
    let start = of_one(Opcode::STREAM_START, "");
    alice.send(&start).await;
    assert_eq!(next(&mut reader).await, start);
    bob.send(&start).await;
    bob.send(&of_one(Opcode::STREAM_WRITE, "of bob")).await;
    let behind = bob.write("files", "behind").await;
    assert_eq!(next(&mut reader).await, behind);
    for message in [of_one(Opcode::STREAM_WRITE, "of alice"), of_one(Opcode::STREAM_END, "")] {
        alice.send(&message).await;
        assert_eq!(next(&mut reader).await, message);
    }
    // What is left of the other is dropped, and the next one is taken.
    bob.send(&of_one(Opcode::STREAM_WRITE, "of bob")).await;
    bob.send(&of_one(Opcode::STREAM_END, "")).await;
    bob.send(&start).await;
    assert_eq!(next(&mut reader).await, start);
}

#[tokio::test]
async fn who_sends_a_piece_with_the_uuid_of_another_node_loses_the_own_stream_everywhere() {
    let Apart { mut alice, mut bob, mut reader, _nodes } = Apart::start().await;
    let (start, other) =
        (of_one(Opcode::STREAM_START, ""), Message::with_uuid(Opcode::STREAM_START, "two", "files", ""));
    alice.send(&start).await;
    assert_eq!(next(&mut reader).await, start);
    bob.send(&other).await;
    assert_eq!(next(&mut reader).await, other);
    // His node does not know of the stream of alice, and takes it for a piece of his own.
    bob.send(&of_one(Opcode::STREAM_WRITE, "of bob")).await;
    let aborted = Message::with_uuid(Opcode::STREAM_END, "two", "files", "aborted");
    assert_eq!(next(&mut reader).await, aborted);
    let end = of_one(Opcode::STREAM_END, "");
    alice.send(&end).await;
    assert_eq!(next(&mut reader).await, end);
}

#[tokio::test]
async fn the_uuid_of_a_stream_that_a_gap_has_broken_is_free() {
    let (a, mut b) = (Node::start().await, Node::start().await);
    a.link(&b).await;
    let (mut here, mut there) = (a.member("files").await, b.member("files").await);
    a.reach(&mut there, "files").await;
    let (mut far, mut near) = (bound(&a, "alice").await, bound(&b, "bob").await);
    far.send(&of_one(Opcode::STREAM_START, "")).await;
    assert_eq!(next(&mut there).await, of_one(Opcode::STREAM_START, ""));
    a.hub.sisters()[0].close();
    until(|| a.hub.sisters().is_empty() && b.hub.sisters().is_empty()).await;
    far.send(&of_one(Opcode::STREAM_WRITE, "")).await;
    while here.next().await.opcode != Opcode::STREAM_WRITE {}
    // As long as nobody knows that something is missing it is taken.
    near.send(&of_one(Opcode::STREAM_START, "")).await;
    let behind = near.write("files", "behind").await;
    assert_eq!(next(&mut there).await, behind);
    a.link(&b).await;
    b.gap().await;
    assert_eq!(next(&mut there).await, of_one(Opcode::STREAM_END, "aborted"));
    for opcode in [Opcode::STREAM_START, Opcode::STREAM_WRITE, Opcode::STREAM_END] {
        near.send(&of_one(opcode, "")).await;
        assert_eq!(next(&mut there).await, of_one(opcode, ""));
    }
}

/// Sends the handshake of a node that wants to be a sister.
pub(crate) async fn dial(address: SocketAddr, headers: &str) -> TcpStream {
    let mut socket = TcpStream::connect(address).await.expect("the node listens");
    let head = format!(
        "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Sec-WebSocket-Protocol: conductor.sister.1\r\n{headers}\r\n"
    );
    socket.write_all(head.as_bytes()).await.expect("the node reads");
    socket
}

/// Returns the status with which the node answers.
pub(crate) async fn status(socket: &mut TcpStream) -> String {
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).await.expect("the node answers");
    String::from_utf8_lossy(&answer[9..]).into_owned()
}

#[tokio::test]
async fn who_sends_10_kib_before_the_proof_is_cut() {
    let node = Node::start().await;
    // The head of a frame says it, and none of its bytes has to come. Or many short ones do.
    let long = [&[0x82_u8, 0xfe, 0x28, 0x00][..], &[0; 4]].concat();
    let many = [0x8a_u8, 0x80, 0, 0, 0, 0].repeat(10 * 1024 / 6);
    for sent in [long, many] {
        let mut socket = dial(node.address, "").await;
        assert_eq!(status(&mut socket).await, "101");
        socket.write_all(&sent).await.expect("it is sent");
        let mut rest = Vec::new();
        // Long before the challenge has to be over. A reset is an end, too.
        let ended = timeout(Duration::from_secs(3), socket.read_to_end(&mut rest)).await;
        assert!(ended.is_ok(), "it is still open");
    }
    assert!(node.hub.sisters().is_empty());
}

#[tokio::test]
async fn who_proves_nothing_keeps_no_node_from_shutting_down() {
    let node = Node::start().await;
    let mut socket = dial(node.address, "").await;
    assert_eq!(status(&mut socket).await, "101");
    assert!(node.hub.shutdown(Duration::from_secs(3)).await, "it waits for the stranger");
}

#[tokio::test]
async fn who_comes_by_a_proxy_comes_from_afar() {
    let node = Node::start().await;
    for header in [
        "Forwarded: for=203.0.113.7\r\n",
        "Via: 1.1 proxy\r\n",
        "X-Forwarded-For: 203.0.113.7\r\n",
        "X-Real-IP: 203.0.113.7\r\n",
    ] {
        assert_eq!(status(&mut dial(node.address, header).await).await, "403", "{header}");
    }
    assert_eq!(status(&mut dial(node.address, "").await).await, "101");
}
