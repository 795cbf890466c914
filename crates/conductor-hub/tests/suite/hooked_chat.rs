//! The example `hooked_chat` as its users run it: a program and its clients.

use bytes::{Bytes, BytesMut};
use conductor_hub::protocol::{Message, MessageRef, Opcode};
use futures_util::{SinkExt, StreamExt};
use test_support::Example;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::{self, Error};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

// The tests of its hooks stand in it, as in a program. They run here: an example that ran its own
// tests would be built as a program no more, which the test below needs.
#[path = "../../examples/hooked_chat.rs"]
#[expect(dead_code, reason = "`main` runs in a process of its own")]
mod program;

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn connect(url: &str, token: &str) -> Self {
        Self(connect_async(format!("{url}?token={token}")).await.expect("the token is known").0)
    }

    async fn send(&mut self, message: &Message) {
        let mut bytes = BytesMut::new();
        message.encode(&mut bytes).expect("the message is short");
        self.0.send(tungstenite::Message::Binary(bytes.freeze())).await.expect("the hub reads");
    }

    /// Returns the next message, with its channel and its body.
    async fn next(&mut self) -> (String, Bytes) {
        loop {
            match self.0.next().await.expect("the connection is open").expect("the hub keeps to the protocol")
            {
                tungstenite::Message::Binary(bytes) => {
                    let message = MessageRef::decode(&bytes).expect("the hub sends messages").to_message();
                    return (message.channel, message.body);
                }
                tungstenite::Message::Close(frame) => panic!("closed: {frame:?}"),
                _ => {}
            }
        }
    }

    async fn hears(&mut self, channel: &str, body: &str) {
        assert_eq!(self.next().await, (channel.to_owned(), Bytes::copy_from_slice(body.as_bytes())));
    }
}

#[tokio::test]
async fn the_program_decides_who_comes_in_and_answers_what_they_ask() {
    let mut program = Example::start("hooked_chat", ["127.0.0.1:0"]);
    let url = program.line().await.strip_prefix("listening at ").expect("it says where").to_owned();

    let refused = connect_async(format!("{url}?token=nobody")).await.expect_err("the token is unknown");
    assert!(matches!(&refused, Error::Http(answer) if answer.status() == 401), "{refused}");

    let mut alice = Client::connect(&url, "wonderland").await;
    assert_eq!(program.line().await, "alice came");
    let mut bob = Client::connect(&url, "builder").await;
    assert_eq!(program.line().await, "bob came");

    for client in [&mut alice, &mut bob] {
        client.send(&Message::new(Opcode::BIND, "room:tea", "")).await;
        client.send(&Message::new(Opcode::SERVER, "", "who")).await;
        client.hears("", r#"["alice","bob"]"#).await;
    }
    // It is no room, so nobody is bound to it, however many ask.
    for client in [&mut alice, &mut bob] {
        client.send(&Message::new(Opcode::BIND, "kitchen", "")).await;
        client.send(&Message::new(Opcode::WRITE, "kitchen", "nobody hears this")).await;
    }
    alice.send(&Message::new(Opcode::WRITE, "room:tea", "more tea?")).await;
    bob.hears("room:tea", "more tea?").await;

    drop(alice);
    assert!(program.line().await.starts_with("alice left: "));
    bob.send(&Message::new(Opcode::SERVER, "", "who")).await;
    bob.hears("", r#"["bob"]"#).await;
    assert!(program.interrupt().await.success());
}
