//! Several hubs that are sisters, over real sockets.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use conductor_hub::federation::{SisterClient, SisterConfig, SisterEnd, SisterServer, SisterSocket, Sisters};
use conductor_hub::protocol::{Message, Opcode};
use conductor_hub::test_util::{MemorySister, memory_link};
use conductor_hub::{
    Auth, ChannelHistory, Config, Disconnect, Error, ErrorKind, Handshake, HistoryConfig, Hooks, Hub, Storage,
};
use http::{HeaderMap, HeaderValue};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::support::Client;
use crate::support::node::{Ends, Node, SECRET, Told, next, share_tea, stream, until};

fn config() -> SisterConfig {
    SisterConfig::new(*SECRET)
}

/// What comes to a member within a moment, which is to be nothing.
async fn nothing_comes(member: &mut Client) {
    let came = timeout(Duration::from_millis(300), member.next()).await;
    assert!(came.is_err(), "{came:?} came");
}

#[tokio::test]
async fn what_a_client_writes_reaches_the_members_of_a_sister_as_it_was() {
    let (mut a, b) = (Node::start().await, Node::start().await);
    a.link(&b).await;
    let (mut here, mut there) = share_tea(&a, &b).await;
    let written = there.write("tea", "thank you").await;
    assert_eq!(next(&mut here).await, written, "nothing of its own comes back");
    assert_eq!(a.told().await, Told::Found(b.id(), 1));
    assert_eq!(a.told_so_far(), []);
}

#[tokio::test]
async fn a_stream_crosses_a_link_byte_for_byte_beside_messages() {
    let (a, b) = (Node::start().await, Node::start().await);
    a.link(&b).await;
    let (mut here, mut there) = (a.member("files").await, b.member("files").await);
    a.reach(&mut there, "files").await;
    here.settle_with(&["are you there?", "you are"]).await;
    let bytes: Bytes = (0..3_000_000u32).map(|number| ((number * 7) >> 3).to_le_bytes()[0]).collect();
    let (mut sent, mut got) = (Vec::new(), Vec::new());
    let reading = async {
        loop {
            let message = there.next().await;
            let is_end = message.opcode == Opcode::STREAM_END;
            got.push(message);
            if is_end {
                break;
            }
        }
    };
    let writing = async {
        for message in stream("files", &bytes, 32 * 1024) {
            here.send(&message).await;
            sent.push(message);
        }
    };
    tokio::join!(writing, reading);
    assert_eq!(got, sent);
}

#[tokio::test]
async fn what_is_of_the_server_alone_stays_on_its_node() {
    let (a, b) = (Node::start().await, Node::start().await);
    a.link(&b).await;
    let (mut secret, mut tea) = (b.member("$sys").await, b.member("tea").await);
    a.reach(&mut tea, "tea").await;
    a.hub.publish("$sys", "for this node").expect("the name is short");
    a.hub.publish("tea", "for all").expect("the name is short");
    assert_eq!(tea.next().await.body, "for all");
    nothing_comes(&mut secret).await;
}

#[tokio::test]
async fn in_a_ring_and_in_a_mesh_each_message_comes_once_and_in_order() {
    for is_mesh in [false, true] {
        let mut nodes = Vec::new();
        for _ in 0..5 {
            nodes.push(Node::start().await);
        }
        for a in 0..5 {
            for b in a + 1..5 {
                if is_mesh || b == a + 1 || (a, b) == (0, 4) {
                    nodes[a].link(&nodes[b]).await;
                }
            }
        }
        let mut members = Vec::new();
        for node in &nodes {
            members.push(node.member("tea").await);
        }
        let mut writer = nodes[0].client(Some("alice")).await;
        writer.send(&Message::new(Opcode::BIND, "cups", "")).await;
        writer.send(&Message::new(Opcode::BIND, "tea", "")).await;
        for (node, member) in members.iter_mut().enumerate() {
            if node > 0 {
                nodes[0].reach(member, "tea").await;
            }
        }
        for number in 0..200 {
            writer.write("tea", number.to_string()).await;
            writer.write("cups", "nobody wants it").await;
        }
        for member in &mut members {
            for number in 0..200 {
                assert_eq!(next(member).await.body, number.to_string(), "mesh: {is_mesh}");
            }
        }
        for node in &mut nodes {
            assert!(node.told_so_far().iter().all(|told| matches!(told, Told::Found(..))));
        }
    }
}

#[tokio::test]
async fn a_lost_link_is_a_gap_and_ends_the_streams_that_crossed_it() {
    let (a, mut b) = (Node::start().await, Node::start().await);
    a.link(&b).await;
    let mut there = b.member("files").await;
    a.reach(&mut there, "files").await;
    let mut writer = a.member("files").await;
    let message = |opcode| Message::with_uuid(opcode, "the stream", "files", "piece");
    writer.send(&message(Opcode::STREAM_START)).await;
    assert_eq!(there.next().await.opcode, Opcode::STREAM_START);
    a.hub.sisters()[0].close();
    until(|| a.hub.sisters().is_empty() && b.hub.sisters().is_empty()).await;
    writer.send(&message(Opcode::STREAM_WRITE)).await;
    writer.settle().await;
    a.link(&b).await;
    let (origin, missing) = b.gap().await;
    assert_eq!(origin, a.id());
    assert!(missing.start() <= missing.end());
    let end = there.next().await;
    assert_eq!(end, Message::with_uuid(Opcode::STREAM_END, "the stream", "files", "aborted"));
    writer.send(&message(Opcode::STREAM_WRITE)).await;
    writer.send(&message(Opcode::STREAM_END)).await;
    let after = writer.write("files", "after it").await;
    assert_eq!(there.next().await, after, "the rest of the stream is no use to anybody");
}

#[tokio::test]
async fn a_ring_goes_on_when_a_link_is_lost() {
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(Node::start().await);
    }
    for at in 0..3 {
        nodes[at].link(&nodes[(at + 1) % 3]).await;
    }
    let mut member = nodes[1].member("tea").await;
    nodes[0].reach(&mut member, "tea").await;
    let mut writer = nodes[0].member("tea").await;
    let direct = nodes[0].hub.sisters();
    let direct = direct.iter().find(|sister| sister.node() == nodes[1].id()).expect("they are linked");
    for number in 0..300 {
        if number == 100 {
            direct.close();
        }
        writer.write("tea", number.to_string()).await;
    }
    writer.settle().await;
    let mut numbers = Vec::new();
    while numbers.last() != Some(&299) {
        let body = next(&mut member).await.body;
        numbers.push(std::str::from_utf8(&body).expect("it is a number").parse::<u32>().expect("it is one"));
    }
    assert!(numbers.is_sorted_by(|a, b| a < b), "once, and in order");
    let (missing, origin) = (300 - numbers.len(), nodes[0].id());
    let is_gap = |told: &Told| matches!(told, Told::Gap(of, _) if *of == origin);
    let is_told = nodes[1].told_so_far().iter().any(is_gap);
    assert!(missing == 0 || is_told, "{missing} are missing without a notice");
}

#[tokio::test]
async fn who_does_not_prove_to_be_a_sister_is_none() {
    struct NobodyIs;

    #[async_trait]
    impl Auth for NobodyIs {
        async fn is_sister(&self, _handshake: &Handshake<'_>) -> bool {
            false
        }
    }

    let a = Node::start().await;
    let stranger = Node::with(Hooks::default(), SisterConfig::new(*b"another secret, as long")).await;
    let sister = SisterServer::new(a.url(), HeaderMap::new()).expect("it is an address");
    let error = stranger.hub.add_sister(sister.clone()).await.expect_err("it does not know the secret");
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(a.hub.sisters().is_empty());
    let error = a.hub.add_sister(sister).await.expect_err("it is the node itself");
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    let strict = Node::with(Hooks::default().auth(NobodyIs), config()).await;
    let sister = SisterServer::new(strict.url(), HeaderMap::new()).expect("it is an address");
    a.hub.add_sister(sister).await.expect_err("the hook says no");
    for header in ["is_sister: true\r\n", "is_sister: true\r\nSec-WebSocket-Protocol: chat\r\n"] {
        let mut socket = TcpStream::connect(a.address).await.expect("the node listens");
        let head = format!(
            "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{header}\r\n"
        );
        socket.write_all(head.as_bytes()).await.expect("the node reads");
        let mut answer = [0; 12];
        socket.read_exact(&mut answer).await.expect("the node answers");
        assert_eq!(&answer, b"HTTP/1.1 401");
    }
}

#[tokio::test]
async fn who_has_enough_sisters_says_so_before_there_is_a_link() {
    let full = Node::with(Hooks::default(), config().max_sisters(1)).await;
    let (one, two, three) = (Node::start().await, Node::start().await, Node::start().await);
    let dialled = |node: &Node| SisterServer::new(node.url(), HeaderMap::new()).expect("it is an address");
    one.link(&full).await;
    two.link(&full).await;
    let error = three.hub.add_sister(dialled(&full)).await.expect_err("she has twice as many");
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    assert!(three.hub.sisters().is_empty());
    let error = one.hub.add_sister(dialled(&full)).await.expect_err("they are linked");
    assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    let error = full.hub.add_sister(dialled(&three)).await.expect_err("this node has twice as many");
    assert_eq!(error.kind(), ErrorKind::Full, "{error}");
    assert_eq!(full.hub.sisters().len(), 2);
}

#[tokio::test]
async fn a_node_that_shuts_down_says_so_to_sisters() {
    let (a, b) = (Node::start().await, Node::start().await);
    let (ours, theirs) = memory_link(4);
    assert!(b.hub.shutdown(Duration::from_secs(5)).await);
    let dialling = a.hub.add_sister(MemorySister::new(ours));
    let (dialled, accepted) = tokio::join!(dialling, b.hub.accept_sister(theirs));
    assert_eq!(dialled.expect_err("she is going").kind(), ErrorKind::Busy);
    assert_eq!(accepted.expect_err("it is going").kind(), ErrorKind::Closed);
    assert!(a.hub.sisters().is_empty());
}

#[tokio::test]
async fn a_node_that_drains_passes_on_what_sisters_write_until_its_last_member_is_closed() {
    let hour = Duration::from_secs(60 * 60);
    let a = Node::managed(Sisters::new(), Config::default().drain_time(hour), config()).await;
    let b = Node::start().await;
    a.link(&b).await;
    let (mut one, mut two) = (a.member("tea").await, a.member("tea").await);
    b.reach(&mut one, "tea").await;
    let mut shutdown = pin!(a.hub.shutdown(hour * 3));
    let mut last = tokio::select! {
        _ = &mut shutdown => panic!("a member has half an hour"),
        _ = one.close_code() => two,
        _ = two.close_code() => one,
    };
    b.hub.publish("tea", "a last cup").expect("the name is short");
    let last_cup = async { while next(&mut last).await.body != "a last cup" {} };
    tokio::select! {
        _ = &mut shutdown => panic!("a member has half an hour"),
        () = last_cup => {}
    }
    a.hub.shutdown(Duration::ZERO).await;
    assert_eq!(last.close_code().await, Disconnect::Restart.code());
    until(|| b.hub.sisters().is_empty()).await;
}

#[tokio::test]
async fn a_client_of_sisters_that_panics_is_an_error() {
    struct Panics;

    #[async_trait]
    impl SisterClient for Panics {
        fn name(&self) -> &str {
            "a client that panics"
        }

        async fn connect(&self) -> Result<SisterSocket, Error> {
            panic!("a test panics in connect")
        }
    }

    let (a, b) = (Node::start().await, Node::start().await);
    let error = a.hub.add_sister(Panics).await.expect_err("it panics");
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    a.sisters.add(Panics);
    a.sisters.add(SisterServer::new(b.url(), HeaderMap::new()).expect("it is an address"));
    until(|| a.hub.sisters().len() == 1).await;
}

#[tokio::test]
async fn the_sisters_of_a_name_are_dialled_with_headers() {
    struct OfBlue;

    #[async_trait]
    impl Auth for OfBlue {
        async fn is_sister(&self, handshake: &Handshake<'_>) -> bool {
            handshake.request.headers.get("x-colour").is_some_and(|colour| colour == "blue")
        }
    }

    let node = Node::with(Hooks::default().auth(OfBlue), config()).await;
    let mut headers = HeaderMap::new();
    headers.insert("x-colour", HeaderValue::from_static("blue"));
    let name = format!("localhost:{}", node.address.port());
    let sisters = Sisters::new().dns(name, "/ws").dns_headers(headers);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let other = Node::at(listener, sisters, Hooks::default(), config());
    until(|| other.hub.sisters().iter().any(|sister| sister.node() == node.id())).await;
}

#[tokio::test]
async fn the_longest_message_of_a_hub_fits_a_link() {
    const MESSAGE: usize = 17 * 1024 * 1024;
    let hub_config = || Config::default().for_messages_of(MESSAGE);
    let hooks = Hooks::default().sisters(config(), Sisters::new());
    let error = Hub::start(hub_config(), hooks).expect_err("a link holds 16 MiB by default");
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    let most = SisterConfig::MESSAGE_BYTES_MAX + 1;
    let hooks = Hooks::default().sisters(config().for_messages_of(most), Sisters::new());
    let error = Hub::start(Config::default().for_messages_of(most), hooks).expect_err("a batch has 80 MiB");
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    let node = || Node::managed(Sisters::new(), hub_config(), config().for_messages_of(MESSAGE));
    let (a, b) = (node().await, node().await);
    a.link(&b).await;
    let mut there = b.member("tea").await;
    a.reach(&mut there, "tea").await;
    let body = Bytes::from(vec![7; MESSAGE - 1024]);
    a.hub.publish("tea", body.clone()).expect("the name is short");
    assert!(next(&mut there).await.body == body);
    assert_eq!((a.hub.sisters().len(), b.hub.sisters().len()), (1, 1));
}

#[tokio::test]
async fn while_the_secret_is_replaced_nodes_are_sisters() {
    let old = Node::with(Hooks::default(), config().accepting(*b"the secret that comes")).await;
    let new =
        Node::with(Hooks::default(), SisterConfig::new(*b"the secret that comes").accepting(*SECRET)).await;
    old.link(&new).await;
}

#[tokio::test]
async fn what_comes_from_a_sister_is_stored_and_a_repetition_is_dropped() {
    let history = Arc::new(ChannelHistory::new(HistoryConfig::default()).expect("it is valid"));
    let (a, b) =
        (Node::start().await, Node::with(Hooks::default().storage(Arc::clone(&history)), config()).await);
    a.link(&b).await;
    let mut there = b.member("tea").await;
    a.reach(&mut there, "tea").await;
    let before = history.get("tea", usize::MAX).messages.len();
    let message = Message::with_uuid(Opcode::WRITE, "one", "tea", "hot");
    for node in [&a, &b] {
        let mut alice = node.client(Some("alice")).await;
        alice.send(&Message::new(Opcode::BIND, "tea", "")).await;
        alice.send(&message).await;
        let end = alice.write("tea", "end").await;
        let first = there.next().await;
        if std::ptr::eq(node, &a) {
            assert_eq!(first, message);
            assert_eq!(there.next().await, end);
        } else {
            assert_eq!(first, end, "she has written it before, on another node");
        }
    }
    let kept = history.get("tea", usize::MAX).messages;
    assert_eq!(kept.iter().filter(|kept| **kept == message).count(), 1);
    assert_eq!(kept.len() - before, 3);
}

#[tokio::test]
async fn nobody_writes_from_another_node_into_the_stream_of_a_client_here() {
    let (a, b) = (Node::start().await, Node::start().await);
    a.link(&b).await;
    let (mut reader, mut bob) = (a.member("files").await, b.member("files").await);
    b.reach(&mut reader, "files").await;
    let mut alice = a.member("files").await;
    let say = |opcode, body: &str| Message::with_uuid(opcode, "of alice", "files", body.to_owned());
    let start = say(Opcode::STREAM_START, "");
    alice.send(&start).await;
    assert_eq!(next(&mut reader).await, start);
    for opcode in [Opcode::STREAM_START, Opcode::STREAM_WRITE, Opcode::STREAM_END] {
        bob.send(&say(opcode, "of bob")).await;
    }
    let written = bob.write("files", "behind them").await;
    assert_eq!(next(&mut reader).await, written, "nothing of bob's stream came");
    let end = say(Opcode::STREAM_END, "");
    alice.send(&end).await;
    assert_eq!(next(&mut reader).await, end);
}

#[tokio::test]
async fn a_node_dials_the_sisters_of_its_list_again_when_a_link_ends() {
    let (a, b, c) = (Node::start().await, Node::start().await, Node::start().await);
    for node in [&a, &b, &c] {
        for other in [&a, &b, &c] {
            node.sisters.add(SisterServer::new(other.url(), HeaderMap::new()).expect("it is an address"));
        }
    }
    until(|| [&a, &b, &c].iter().all(|node| node.hub.sisters().len() == 2)).await;
    let lost = Arc::clone(&a.hub.sisters()[0]);
    lost.close();
    until(|| {
        let sisters = a.hub.sisters();
        sisters.len() == 2 && sisters.iter().all(|sister| !Arc::ptr_eq(sister, &lost))
    })
    .await;
}

#[tokio::test]
async fn a_program_links_nodes_by_another_transport() {
    let (a, b) = (Node::start().await, Node::start().await);
    let (ours, theirs) = memory_link(4);
    let (ours, theirs) = (MemorySister::new(ours.bound_to([7; 32])), theirs.bound_to([7; 32]));
    let (dialled, accepted) = tokio::join!(a.hub.add_sister(ours), b.hub.accept_sister(theirs));
    assert_eq!(dialled.expect("they are sisters").name(), Some("memory"));
    assert_eq!(accepted.expect("they are sisters").node(), a.id());
    let mut there = b.member("tea").await;
    a.reach(&mut there, "tea").await;
}

#[tokio::test]
async fn a_sister_who_does_not_read_is_ended_as_too_slow_and_delays_nobody() {
    let config = || config().link_bytes_max(128 * 1024).interest_bytes_max(64 * 1024);
    let hub_config = || Config::default().message_bytes_max(32 * 1024);
    let (ends, mut ended) = mpsc::channel(4);
    let a = Node::managed(Ends(ends), hub_config(), config()).await;
    let b = Node::managed(Sisters::new(), hub_config(), config()).await;
    let there = b.member("tea").await;
    let ((to_a, at_a), (to_b, at_b)) = (mpsc::channel::<Bytes>(4), mpsc::channel::<Bytes>(1));
    let ours = MemorySister::new(SisterSocket::new(at_a, to_b));
    // The other end meets, and then reads no more.
    let (forward, forwarded) = mpsc::channel::<Bytes>(4);
    let relaying = async {
        let mut at_b = at_b;
        let first = at_b.recv().await.expect("it proves itself");
        forward.send(first).await.expect("the node reads");
        at_b
    };
    let theirs = SisterSocket::new(forwarded, to_a);
    let (dialled, _accepted, at_b) =
        tokio::join!(a.hub.add_sister(ours), b.hub.accept_sister(theirs), relaying);
    dialled.expect("they are sisters");
    let mut here = a.member("tea").await;
    let body = Bytes::from(vec![7; 10_000]);
    for _ in 0..50 {
        a.hub.publish("tea", body.clone()).expect("the name is short");
        assert_eq!(here.next().await.body, body);
    }
    // Not because nothing comes from her, which takes longer to be found.
    let reason = timeout(Duration::from_secs(30), ended.recv()).await.expect("she is ended in time");
    assert_eq!(reason, Some(SisterEnd::Slow));
    assert!(a.hub.sisters().is_empty());
    drop((at_b, there));
}
