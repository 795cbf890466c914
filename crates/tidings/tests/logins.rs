//! The examples `own_login` and `token_login` as their users run them.

use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use futures_util::{SinkExt, StreamExt};
use test_support::Example;
use tidings::hub::protocol::{Message, MessageRef, Opcode};
use tidings::identity::{Config, KeySet, NewKey, Right, Verifier};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Posts a body, and returns the status and the text of the answer.
async fn post(address: &str, path: &str, kind: &str, body: &str) -> (u16, String) {
    let length = body.len();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n{body}"
    );
    let mut stream = TcpStream::connect(address).await.expect("the program listens");
    stream.write_all(request.as_bytes()).await.expect("the program reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("the program answers");
    let (head, text) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("it has a status");
    (status, text.to_owned())
}

const JSON: &str = "application/json";

async fn send(socket: &mut Socket, message: &Message) {
    let mut bytes = BytesMut::new();
    message.encode(&mut bytes).expect("the message is short");
    socket.send(tungstenite::Message::Binary(bytes.freeze())).await.expect("the hub reads");
}

/// Waits until the hub has read what was sent: it answers a ping in its turn.
async fn settle(socket: &mut Socket) {
    socket.send(tungstenite::Message::Ping(Bytes::new())).await.expect("the hub reads");
    let pong = socket.next().await.expect("the connection is open").expect("the hub speaks WebSocket");
    assert!(pong.is_pong(), "{pong:?}");
}

/// Returns the text of the next message, or the code that the connection was closed with.
async fn next(socket: &mut Socket) -> Result<String, u16> {
    loop {
        match socket.next().await.expect("the connection says how it ends").expect("the hub speaks WebSocket")
        {
            tungstenite::Message::Binary(bytes) => {
                let message = MessageRef::decode(&bytes).expect("the hub sends messages");
                return Ok(String::from_utf8_lossy(message.body).into_owned());
            }
            tungstenite::Message::Close(frame) => return Err(frame.map_or(0, |frame| frame.code.into())),
            _ => {}
        }
    }
}

#[tokio::test]
async fn sessions_of_a_program_decide_who_writes_and_a_logout_ends_their_connections() {
    let mut program = Example::start("own_login", ["127.0.0.1:0"]);
    let address = program.line().await.strip_prefix("listening at ").expect("it says where").to_owned();
    let stranger = connect_async(format!("ws://{address}/ws?guess")).await;
    assert!(matches!(stranger, Err(tungstenite::Error::Http(answer)) if answer.status() == 401));

    let mut sockets = Vec::new();
    let mut keys = Vec::new();
    for name in ["alice", "bob"] {
        let (status, key) = post(&address, "/login", JSON, &format!(r#"{{"name":"{name}"}}"#)).await;
        assert_eq!(status, 200);
        let mut socket = connect_async(format!("ws://{address}/ws?{key}")).await.expect("a session").0;
        send(&mut socket, &Message::new(Opcode::BIND, "news:today", "")).await;
        settle(&mut socket).await;
        sockets.push(socket);
        keys.push(key);
    }
    let [alice, bob] = &mut sockets[..] else { panic!("there are two") };
    send(bob, &Message::new(Opcode::WRITE, "news:today", "by bob")).await;
    send(alice, &Message::new(Opcode::WRITE, "news:today", "by alice")).await;
    assert_eq!(next(bob).await, Ok("by alice".to_owned()));

    assert_eq!(post(&address, "/logout", "text/plain", &keys[0]).await.0, 204);
    assert_eq!(next(alice).await, Err(4_900));
    assert_eq!(post(&address, "/logout", "text/plain", &keys[0]).await.0, 404);
}

#[expect(clippy::disallowed_methods, reason = "a token and its reader have to agree on the wall time")]
fn wall_time() -> SystemTime {
    SystemTime::now()
}

#[tokio::test]
async fn tokens_of_the_login_program_say_who_may_do_what() {
    let (directory, key) = (tempfile::tempdir().expect("there is room"), NewKey::ed25519().expect("a key"));
    let file = directory.path().join("signing.pem");
    std::fs::write(&file, key.signing()).expect("it can be written");
    let file = file.to_str().expect("temporary directories have plain names");
    let mut program = Example::start("token_login", ["127.0.0.1:0", file]);
    let address = program.line().await.strip_prefix("listening at ").expect("it says where").to_owned();

    assert_eq!(post(&address, "/login", JSON, r#"{"name":"bob","password":"guess"}"#).await.0, 401);
    let (status, token) = post(&address, "/login", JSON, r#"{"name":"bob","password":"builder"}"#).await;
    assert_eq!(status, 200);
    let keys = KeySet::from_pem(key.verifying().expect("of a pair"), None).expect("a key");
    let bob = Verifier::new(Config::new(keys)).expect("a key").verify(&token, wall_time()).expect("a token");
    assert_eq!(bob.user(), "bob");
    assert!(bob.rights().permits(Right::Write, "garden") && !bob.rights().permits(Right::Write, "kitchen"));
    assert!(bob.expires_at() <= wall_time() + Duration::from_secs(15 * 60));
}
