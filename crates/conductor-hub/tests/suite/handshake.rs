//! The handshake over real HTTP, with a client of another library.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use conductor_hub::protocol::{Message, MessageRef, Opcode};
use conductor_hub::{Admission, Auth, Config, ConnectionId, Denied, Handshake, Hooks, Hub};
use futures_util::{SinkExt, StreamExt};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite;
use tokio_util::task::TaskTracker;

use crate::support::{Client, serve, vectors};

/// Sends a request as it is written and returns the head of the answer.
async fn request(address: SocketAddr, head: &str) -> String {
    let mut socket = TcpStream::connect(address).await.expect("server listens");
    socket.write_all(head.replace('\n', "\r\n").as_bytes()).await.expect("server reads");
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") && socket.read(&mut byte).await.expect("server answers") == 1 {
        answer.push(byte[0]);
    }
    String::from_utf8(answer).expect("heads are ASCII")
}

fn handshake(more: &str) -> String {
    format!(
        "GET /ws HTTP/1.1\nHost: chat.example:8000\nUpgrade: websocket\nConnection: keep-alive, Upgrade\n\
         Sec-WebSocket-Version: 13\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\n{more}\n"
    )
}

#[tokio::test]
async fn golden_vectors_pass_through_an_independent_client() {
    let (_hub, address) = serve(Config::default(), Hooks::default()).await;
    let url = format!("ws://{address}/any/path?and=query");
    let (mut sender, _) = tokio_tungstenite::connect_async(&url).await.expect("handshake is right");
    let (mut receiver, _) = tokio_tungstenite::connect_async(&url).await.expect("handshake is right");
    let relayed = [Opcode::WRITE, Opcode::STREAM_START, Opcode::STREAM_WRITE, Opcode::STREAM_END];
    for (message, bytes) in vectors::golden() {
        if !relayed.contains(&message.opcode) {
            continue;
        }
        for socket in [&mut sender, &mut receiver] {
            let mut bind = BytesMut::new();
            Message::new(Opcode::BIND, message.channel.clone(), "").encode(&mut bind).expect("name is short");
            socket.send(tungstenite::Message::Binary(bind.freeze())).await.expect("hub reads");
            socket.send(tungstenite::Message::Ping(Bytes::new())).await.expect("hub reads");
            let pong = socket.next().await.expect("hub answers").expect("and keeps to the protocol");
            assert!(pong.is_pong(), "{pong:?}");
        }
        sender.send(tungstenite::Message::Binary(Bytes::from(bytes.clone()))).await.expect("hub reads");
        let received = receiver.next().await.expect("hub delivers").expect("and keeps to the protocol");
        assert_eq!(received, tungstenite::Message::Binary(Bytes::from(bytes)));
    }
}

#[tokio::test]
async fn text_and_fragments_are_accepted_too() {
    let (_hub, address) = serve(Config::default(), Hooks::default()).await;
    let (mut receiver, _) =
        tokio_tungstenite::connect_async(format!("ws://{address}/")).await.expect("is right");
    let (mut sender, _) =
        tokio_tungstenite::connect_async(format!("ws://{address}/")).await.expect("is right");
    let bind = "\0\0\0\0\u{1}\0a\0\0\0\0";
    for socket in [&mut receiver, &mut sender] {
        socket.send(tungstenite::Message::Text(bind.into())).await.expect("hub reads");
        socket.send(tungstenite::Message::Ping(Bytes::new())).await.expect("hub reads");
        assert!(socket.next().await.expect("hub answers").expect("in kind").is_pong());
    }
    let body = "x".repeat(200_000);
    let mut message = BytesMut::new();
    Message::new(Opcode::WRITE, "a", body.clone()).encode(&mut message).expect("fits");
    use tungstenite::protocol::frame::Frame;
    use tungstenite::protocol::frame::coding::{Data, OpCode};
    let pieces: Vec<Bytes> = message.chunks(1_024).map(Bytes::copy_from_slice).collect();
    let last = pieces.len() - 1;
    for (number, piece) in pieces.into_iter().enumerate() {
        let opcode = OpCode::Data(if number == 0 { Data::Binary } else { Data::Continue });
        let frame = Frame::message(piece, opcode, number == last);
        sender.send(tungstenite::Message::Frame(frame)).await.expect("hub reads");
    }
    let received = receiver.next().await.expect("hub delivers").expect("in kind").into_data();
    assert_eq!(MessageRef::decode(&received).expect("is a message").body, body.as_bytes());
}

#[tokio::test]
async fn handshake_is_accepted_with_the_key_of_the_standard() {
    let (_hub, address) = serve(Config::default(), Hooks::default()).await;
    let answer = request(address, &handshake("Sec-WebSocket-Protocol: chat, superchat\n")).await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert!(answer.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "{answer}");
    // A browser that offers subprotocols gives up unless one is chosen.
    assert!(answer.contains("sec-websocket-protocol: chat\r\n"), "{answer}");
}

#[tokio::test]
async fn what_is_no_handshake_is_refused_by_name() {
    let (_hub, address) = serve(Config::default(), Hooks::default()).await;
    let cases = [
        ("405", handshake("").replace("GET", "POST")),
        ("426", handshake("").replace("Upgrade: websocket", "X: y")),
        ("426", handshake("").replace("Version: 13", "Version: 12")),
        ("400", handshake("").replace("Connection: keep-alive, Upgrade", "Connection: keep-alive")),
        ("400", handshake("").replace("dGhlIHNhbXBsZSBub25jZQ==", "short")),
    ];
    for (status, head) in cases {
        let answer = request(address, &head).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer} for {head}");
    }
}

#[tokio::test]
async fn pages_of_other_origins_are_refused_unless_allowed() {
    let config = Config::default().allowed_origins(vec!["https://partner.example".to_owned()]);
    let (_hub, address) = serve(config, Hooks::default()).await;
    for (origin, status) in [
        ("http://chat.example:8000", "101"),
        // The conductor's Go client names the address it connects to.
        ("ws://chat.example:8000/ws", "101"),
        ("https://partner.example", "101"),
        ("http://chat.example:9999", "403"),
        ("http://evil.example", "403"),
        ("null", "403"),
    ] {
        let answer = request(address, &handshake(&format!("Origin: {origin}\n"))).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer} for {origin}");
    }
}

#[tokio::test]
async fn the_conductors_go_client_gets_in_with_its_own_handshake() {
    let (_hub, address) = serve(Config::default(), Hooks::default()).await;
    let head = format!(
        "GET /ws HTTP/1.1\nHost: {address}\nUpgrade: websocket\nConnection: Upgrade\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Protocol: chat, superchat\n\
         Sec-WebSocket-Version: 13\nOrigin: ws://{address}/ws\n\n"
    );
    let answer = request(address, &head).await;
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
}

#[tokio::test]
async fn one_line_mounts_the_hub_in_a_router_of_axum() {
    let hub = Hub::start(Config::default(), Hooks::default().auth(Doorman)).expect("it is valid");
    let app: axum::Router = axum::Router::new().route_service("/ws", hub.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
    let address = listener.local_addr().expect("listener has an address");
    TaskTracker::new()
        .spawn(async move { axum::serve(listener, app.into_make_service()).await.expect("it serves") });
    let (mut client, _) =
        tokio_tungstenite::connect_async(format!("ws://{address}/ws?alice")).await.expect("alice is let in");
    let mut bind = BytesMut::new();
    Message::new(Opcode::BIND, "news", "").encode(&mut bind).expect("name is short");
    client.send(tungstenite::Message::Binary(bind.freeze())).await.expect("hub reads");
    client.send(tungstenite::Message::Ping(Bytes::new())).await.expect("hub reads");
    assert!(client.next().await.expect("hub answers").expect("in kind").is_pong());
    assert_eq!(hub.publish("news", "hello").expect("the name is short"), 1);
    let received = client.next().await.expect("hub delivers").expect("in kind").into_data();
    assert_eq!(MessageRef::decode(&received).expect("is a message").body, b"hello");
    // Refusals pass through the router as well.
    let denied = request(address, &handshake("")).await;
    assert!(denied.starts_with("HTTP/1.1 401 "), "{denied}");
}

struct Doorman;

#[async_trait::async_trait]
impl Auth for Doorman {
    async fn admit(&self, handshake: &Handshake<'_>) -> Result<Admission, Denied> {
        handshake.request.uri.query().map(Admission::user).ok_or_else(Denied::unauthorized)
    }
}

#[tokio::test]
async fn auth_hook_admits_and_denies() {
    let hooks = Hooks::default().auth(Doorman);
    let (hub, address) = serve(Config::default(), hooks).await;
    let denied = request(address, &handshake("")).await;
    assert!(denied.starts_with("HTTP/1.1 401 "), "{denied}");
    assert_eq!(hub.stats().connections, 0, "who is denied takes no place");
    let admitted = request(address, &handshake("").replace("/ws", "/ws?alice")).await;
    assert!(admitted.starts_with("HTTP/1.1 101 "), "{admitted}");
}

/// Admits everybody, and notes from where and under which number.
#[derive(Clone, Default)]
struct Porter(Arc<Mutex<Vec<(Option<SocketAddr>, ConnectionId)>>>);

#[async_trait::async_trait]
impl Auth for Porter {
    async fn admit(&self, handshake: &Handshake<'_>) -> Result<Admission, Denied> {
        self.0.lock().push((handshake.peer, handshake.connection));
        Ok(Admission::default())
    }
}

#[tokio::test]
async fn auth_hook_hears_where_a_client_comes_from_and_its_number() {
    let porter = Porter::default();
    let (hub, address) = serve(Config::default(), Hooks::default().auth(porter.clone())).await;
    let stream = TcpStream::connect(address).await.expect("server listens");
    let from = stream.local_addr().expect("it is connected");
    let url = format!("ws://{address}/");
    let (mut client, _) = tokio_tungstenite::client_async(url, stream).await.expect("everybody may connect");
    client.send(tungstenite::Message::Ping(Bytes::new())).await.expect("hub reads");
    assert!(client.next().await.expect("hub answers").expect("in kind").is_pong());
    let numbers: Vec<_> = hub.connections().map(|connection| connection.id()).collect();
    assert_eq!(*porter.0.lock(), [(Some(from), numbers[0])]);
}

#[tokio::test]
async fn full_hub_and_closed_hub_answer_503() {
    let config = Config::default().connections_max(1);
    let (hub, address) = serve(config, Hooks::default()).await;
    let url = format!("ws://{address}/");
    let (first, _) = tokio_tungstenite::connect_async(&url).await.expect("there is one place");
    let full = request(address, &handshake("")).await;
    assert!(full.starts_with("HTTP/1.1 503 ") && full.contains("retry-after: 1\r\n"), "{full}");
    drop(first);
    assert!(hub.shutdown(Duration::from_secs(60)).await, "every connection ends");
    let closed = request(address, &handshake("")).await;
    assert!(closed.starts_with("HTTP/1.1 503 "), "{closed}");
}

#[tokio::test]
async fn a_hub_that_drains_answers_503_and_when_to_come_again() {
    let hour = Duration::from_secs(60 * 60);
    let (hub, address) = serve(Config::default().drain_time(hour), Hooks::default()).await;
    let clients = [Client::bound(&hub, "hello").await, Client::bound(&hub, "hello").await];
    let new = handshake("");
    tokio::select! {
        _ = hub.shutdown(hour * 3) => panic!("a client has half an hour"),
        answer = request(address, &new) => {
            assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("retry-after: 1\r\n"), "{answer}");
        }
    }
    drop(clients);
}
