//! The hub's own channels and calls, as an independent client sees them.

use serde_json::{Value, json};
use tests::Tidings;
use tidings::hub::protocol::{Message, Opcode};
use tokio_tungstenite::connect_async;

use super::client::Client;

async fn post(server: &Tidings, from: &str, to: &str, message: &str) -> Value {
    let body = json!({ "from": from, "to": to, "message": message });
    let answer = reqwest::Client::new().post(server.url("/timeline/send")).json(&body).send().await.unwrap();
    answer.json().await.unwrap()
}

#[tokio::test]
async fn an_inbox_is_pushed_to_its_owner_alone() {
    let server = Tidings::start();
    let mut bob = Client::connect(&server, "?user=bob").await;
    let mut eve = Client::connect(&server, "?user=eve").await;
    eve.bind("$inbox:bob").await;
    // A call is answered after everything sent before it took effect.
    bob.call("", json!({ "call": "ping" })).await;
    eve.call("", json!({ "call": "ping" })).await;
    assert_eq!(post(&server, "alice", "bob", "{\"text\":\"hi\"}").await, json!({ "sequence": "1" }));
    let pushed = bob.heard("$inbox:bob").await;
    assert_eq!((&pushed["sequence"], &pushed["message"]), (&json!("1"), &json!("{\"text\":\"hi\"}")));
    post(&server, "alice", "eve", "{}").await;
    assert_eq!(eve.next().await.channel, "$inbox:eve");
}

#[tokio::test]
async fn a_receipt_is_stored_and_told_to_those_who_wait() {
    let mut server = Tidings::start();
    let mut alice = Client::connect(&server, "?user=alice").await;
    alice.bind("$received:bob").await;
    let none = alice.call("", json!({ "call": "received_of", "member": "bob" })).await;
    assert_eq!(none, json!({ "member": "bob", "sequence": "0" }));
    post(&server, "alice", "bob", "{}").await;
    let mut bob = Client::connect(&server, "?user=bob").await;
    let told = json!({ "member": "bob", "sequence": "1" });
    assert_eq!(bob.call("", json!({ "call": "received", "sequence": 1 })).await, told);
    assert_eq!(alice.heard("$received:bob").await, told);
    let beyond = bob.call("", json!({ "call": "received", "sequence": "9" })).await;
    assert!(beyond["error"].is_string(), "{beyond}");
    server.kill();
    server.start_again();
    let mut alice = Client::connect(&server, "?user=alice").await;
    assert_eq!(alice.call("", json!({ "call": "received_of", "member": "bob" })).await, told);
}

#[tokio::test]
async fn who_is_a_snapshot_that_the_events_continue() {
    let server = Tidings::start_with(&["--presence-grace=50ms"]);
    let mut alice = Client::connect(&server, "?user=alice").await;
    alice.bind("$presence").await;
    let snapshot = alice.call("", json!({ "call": "who" })).await;
    let position = |value: &Value| value["position"].as_str().unwrap().parse::<u64>().unwrap();
    let bob = Client::connect(&server, "?user=bob").await;
    let come = loop {
        let event = alice.heard("$presence").await;
        if event["id"] == "bob" {
            break event;
        }
    };
    assert_eq!(come["status"], "ONLINE");
    assert!(position(&come) > position(&snapshot));
    drop(bob);
    let gone = alice.heard("$presence").await;
    assert_eq!((&gone["id"], &gone["status"]), (&json!("bob"), &json!("OFFLINE")));
    assert_eq!(position(&gone), position(&come) + 1);
    let snapshot = alice.call("", json!({ "call": "who" })).await;
    assert_eq!((&snapshot["ids"], &snapshot["count"]), (&json!(["alice"]), &json!(1)));
}

#[tokio::test]
async fn history_gives_a_channels_last_messages_under_their_own_ids() {
    let server = Tidings::start_with(&["--channel-history=2"]);
    let mut writer = Client::connect(&server, "").await;
    writer.bind("hello").await;
    let mut uuids = Vec::new();
    for text in ["one", "two", "three"] {
        let message = Message::new(Opcode::WRITE, "hello", text);
        uuids.push(message.uuid.clone());
        writer.send(&message).await;
    }
    writer.call("", json!({ "call": "ping" })).await;
    let mut reader = Client::connect(&server, "").await;
    let question = Message::new(Opcode::SERVER, "hello", json!({ "call": "history" }).to_string());
    reader.send(&question).await;
    for (uuid, text) in uuids[1..].iter().zip(["two", "three"]) {
        let message = reader.next().await;
        assert_eq!((&message.uuid, message.body.as_ref()), (uuid, text.as_bytes()));
    }
    let answer = reader.next().await;
    assert_eq!((answer.opcode, answer.body.as_ref()), (Opcode::SERVER, &b"{\"count\":2}"[..]));
    let private = reader.call("$inbox:bob", json!({ "call": "history" })).await;
    assert!(private["error"].is_string());
}

#[tokio::test]
async fn calls_that_make_no_sense_are_answered_with_an_error() {
    let server = Tidings::start();
    let mut nobody = Client::connect(&server, "").await;
    for call in [json!({ "call": "fly" }), json!({}), json!(7), json!({ "call": "received", "sequence": 1 })]
    {
        let answer = nobody.call("", call.clone()).await;
        assert!(answer["error"].is_string(), "{call} was answered with {answer}");
    }
    for query in ["?user=", "?user=a%0Ab", "?user=a&user=b"] {
        let refused = connect_async(format!("ws://{}/ws{query}", server.http())).await;
        assert!(refused.is_err(), "{query}");
    }
}
