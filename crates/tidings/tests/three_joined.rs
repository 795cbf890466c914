//! The example `three_joined` as its users run it: a program, its clients, and a restart.

use std::path::Path;

use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use test_support::Example;
use tidings::hub::protocol::{Message, MessageRef, Opcode};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite};

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn connect(url: &str, user: &str) -> Self {
        Self(connect_async(format!("{url}?{user}")).await.expect("everybody may connect").0)
    }

    async fn call(&mut self, channel: &str, body: &str) {
        let message = Message::new(Opcode::SERVER, channel, body.to_owned());
        let mut bytes = BytesMut::new();
        message.encode(&mut bytes).expect("the message is short");
        self.0.send(tungstenite::Message::Binary(bytes.freeze())).await.expect("the hub reads");
    }

    /// Returns the channel and the JSON of the next message.
    ///
    /// Of an entry that is pushed it is the message in it.
    async fn next(&mut self) -> (String, Value) {
        loop {
            let message =
                self.0.next().await.expect("the connection is open").expect("the hub speaks WebSocket");
            if let tungstenite::Message::Binary(bytes) = message {
                let message = MessageRef::decode(&bytes).expect("the hub sends messages");
                let mut body = serde_json::from_slice(message.body).expect("the program sends JSON");
                if message.channel.starts_with("$inbox:") {
                    body = pushed(&body);
                }
                return (message.channel.to_owned(), body);
            }
        }
    }

    /// Asks who is online until these are: the roster hears of it a moment later.
    async fn wait_for(&mut self, ids: &Value) {
        loop {
            self.call("", "who").await;
            if self.next().await.1["ids"] == *ids {
                return;
            }
        }
    }

    /// Returns the next two, by their channels: a push and an answer come in any order.
    async fn next_two(&mut self) -> [(String, Value); 2] {
        let mut two = [self.next().await, self.next().await];
        two.sort_by(|one, other| one.0.cmp(&other.0));
        two
    }
}

/// Returns the message of an entry.
fn pushed(entry: &Value) -> Value {
    let message = entry["message"].as_str().expect("an entry has the text of a message");
    serde_json::from_str(message).expect("messages are JSON")
}

async fn start(directory: &Path) -> (Example, String) {
    let directory = directory.join("data");
    let directory = directory.to_str().expect("temporary directories have plain names");
    let mut program = Example::start("three_joined", ["127.0.0.1:0", directory]);
    let url = program.line().await.strip_prefix("listening at ").expect("it says where").to_owned();
    (program, url)
}

#[tokio::test]
async fn what_is_sent_is_shown_to_those_who_are_there_and_kept_for_the_others() {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let (program, url) = start(directory.path()).await;
    let mut alice = Client::connect(&url, "alice").await;
    alice.call("bob", r#"{"text":"are you there?"}"#).await;
    let question = json!({ "text": "are you there?" });
    let pushed = ("$inbox:alice".to_owned(), question.clone());
    let answered = |sequence: u64, to: &str| (String::new(), json!({ "sequence": sequence, "to": to }));
    assert_eq!(alice.next_two().await, [answered(1, "offline"), pushed]);

    let mut bob = Client::connect(&url, "bob").await;
    bob.call("", "missed").await;
    assert_eq!(bob.next().await, (String::new(), json!([question])));
    let reply = json!({ "text": "now I am" });
    bob.call("alice", &reply.to_string()).await;
    assert_eq!(alice.next().await, ("$inbox:alice".to_owned(), reply.clone()));
    let pushed = ("$inbox:bob".to_owned(), reply.clone());
    assert_eq!(bob.next_two().await, [answered(2, "online"), pushed]);
    bob.wait_for(&json!(["alice", "bob"])).await;
    bob.call("alice", "not JSON").await;
    assert!(bob.next().await.1["error"].is_string());
    assert!(program.interrupt().await.success());

    let (program, url) = start(directory.path()).await;
    let mut bob = Client::connect(&url, "bob").await;
    bob.call("", "missed").await;
    assert_eq!(bob.next().await, (String::new(), json!([question, reply])));
    assert!(program.interrupt().await.success());
}
