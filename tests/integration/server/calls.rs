//! The hub's own channels and calls, as an independent client sees them.

use serde_json::{Value, json};
use tests::Tidings;
use tidings::hub::protocol::{Message, Opcode};
use tokio_tungstenite::connect_async;

use super::client::Client;

async fn post(server: &Tidings, from: &str, to: &str, message: &str) -> Value {
    post_to(server, "/timeline/send", &json!({ "from": from, "to": to, "message": message })).await
}

async fn post_to(server: &Tidings, path: &str, body: &Value) -> Value {
    let answer = reqwest::Client::new().post(server.url(path)).json(body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

/// The entries of an inbox after `last_read`.
async fn sync(server: &Tidings, member: &str, last_read: u64) -> Vec<Value> {
    let url = server.url(&format!("/timeline/sync?member={member}&last_read={last_read}"));
    let answer: Value = reqwest::get(url).await.unwrap().json().await.unwrap();
    answer["entrySet"].as_array().unwrap().clone()
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
    let sent = post(&server, "alice", "bob", "{\"text\":\"hi\"}").await;
    assert_eq!(sent, json!({ "sequence": "1", "place": "1" }));
    let pushed = bob.heard("$inbox:bob").await;
    assert_eq!(vec![pushed], sync(&server, "bob", 0).await);
    post(&server, "alice", "eve", "{}").await;
    assert_eq!(eve.next().await.channel, "$inbox:eve");
}

/// Field by field: a reader puts what was pushed beside what it fetched, and takes them for the
/// same.
#[tokio::test]
async fn what_is_pushed_is_what_a_sync_gives() {
    let server = Tidings::start();
    let mut bob = Client::connect(&server, "?user=bob").await;
    bob.call("", json!({ "call": "ping" })).await;
    let (long, message) = ("x".repeat(300), r#"{ "text": "hi", "n": 1e3 }"#);
    let many: Vec<String> =
        (0..30).map(|number| format!("member{number}")).chain(["bob".to_owned()]).collect();
    let shared = json!({ "text": long }).to_string();
    for (path, body, fields) in [
        ("send", json!({ "from": "alice", "to": "bob", "message": message }), &["from", "to"][..]),
        (
            "send",
            json!({ "from": "alice", "to": "bob", "message": message, "messageId": "m1" }),
            &["from", "to", "messageId"],
        ),
        ("send", json!({ "from": "bob", "to": "alice", "message": message }), &["from", "to"]),
        ("send", json!({ "from": "bob", "to": "bob", "message": "{}" }), &["from", "to"]),
        ("sendGroup", json!({ "groupName": "g", "groupMembers": ["bob"], "message": message }), &["group"]),
        (
            "sendGroup",
            // Its text is stored once for all.
            json!({ "from": "alice", "groupName": "g", "groupMembers": many, "message": shared, "messageId": "m2" }),
            &["from", "group", "messageId"],
        ),
    ] {
        let before = sync(&server, "bob", 0).await.len() as u64;
        post_to(&server, &format!("/timeline/{path}"), &body).await;
        let (pushed, synced) = (bob.heard("$inbox:bob").await, sync(&server, "bob", before).await);
        assert_eq!(synced, std::slice::from_ref(&pushed), "{body}");
        let mut expected =
            [&["atMs", "kind", "message", "place", "sequence", "status", "tag", "target"][..], fields]
                .concat();
        expected.sort_unstable();
        let found: Vec<_> = pushed.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(found, expected, "{body}");
    }
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

/// What is kept of a channel, as one call gives it, and the answer behind it.
async fn history(reader: &mut Client, question: Message) -> (Vec<Message>, Value) {
    reader.send(&question).await;
    let mut kept = Vec::new();
    loop {
        let message = reader.next().await;
        if message.opcode == Opcode::SERVER {
            assert_eq!(message.uuid, question.uuid);
            return (kept, serde_json::from_slice(&message.body).unwrap());
        }
        kept.push(message);
    }
}

#[tokio::test]
async fn clients_of_the_conductor_can_ask_for_history_too() {
    let server = Tidings::start();
    let mut writer = Client::connect(&server, "").await;
    writer.bind("hello").await;
    for text in ["one", "two", "three"] {
        writer.send(&Message::new(Opcode::WRITE, "hello", text)).await;
    }
    writer.call("", json!({ "call": "ping" })).await;
    let mut reader = Client::connect(&server, "").await;
    // One of them cannot name a channel in a message to the server, the other cannot send it a
    // body.
    let in_json = Message::new(Opcode::SERVER, "", r#"{"call":"history","channel":"hello"}"#);
    let without_body = Message::new(Opcode::SERVER, "hello", "");
    for question in [in_json, without_body] {
        let (kept, answer) = history(&mut reader, question).await;
        assert_eq!((kept.len(), answer), (3, json!({ "count": 3 })));
    }
    let newest = json!({ "call": "history", "channel": "hello", "count": 2 }).to_string();
    let (kept, answer) = history(&mut reader, Message::new(Opcode::SERVER, "", newest)).await;
    // The newest are chosen, and come in the order in which they were written.
    let bodies: Vec<&[u8]> = kept.iter().map(|message| message.body.as_ref()).collect();
    assert_eq!((bodies, answer), (vec![&b"two"[..], b"three"], json!({ "count": 2, "more": true })));
    let private = reader.call("", json!({ "call": "history", "channel": "$inbox:bob" })).await;
    assert!(private["error"].is_string());
    let long = reader.call("", json!({ "call": "history", "channel": "n".repeat(513) })).await;
    assert!(long["error"].as_str().unwrap().contains("512"), "{long}");
}

#[tokio::test]
async fn a_history_of_megabytes_closes_nobody_who_reads_it() {
    let server = Tidings::start();
    let mut writer = Client::connect(&server, "").await;
    writer.bind("hello").await;
    for _ in 0..12 {
        writer.send(&Message::new(Opcode::WRITE, "hello", vec![b'x'; 240_000])).await;
    }
    writer.call("", json!({ "call": "ping" })).await;
    let mut reader = Client::connect(&server, "").await;
    for _ in 0..2 {
        let question = Message::new(Opcode::SERVER, "hello", json!({ "call": "history" }).to_string());
        let (kept, answer) = history(&mut reader, question).await;
        assert_eq!((kept.len(), answer), (12, json!({ "count": 12 })));
    }
}

#[tokio::test]
async fn a_hundred_calls_in_a_row_are_all_answered() {
    let server = Tidings::start();
    let mut users = Vec::new();
    for number in 0..40 {
        users.push(Client::connect(&server, &format!("?user={}{number}", "u".repeat(400))).await);
    }
    let mut asker = users.pop().unwrap();
    let calls = ["who", "received_of", "ping"];
    let mut questions = Vec::new();
    for number in 0..300 {
        let call = json!({ "call": calls[number % 3], "member": "bob" });
        let question = Message::new(Opcode::SERVER, "", call.to_string());
        questions.push(question.uuid.clone());
        asker.send(&question).await;
    }
    for _ in 0..300 {
        let answer = asker.next().await;
        let at = questions.iter().position(|uuid| *uuid == answer.uuid).unwrap();
        questions.remove(at);
    }
    assert!(questions.is_empty());
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
    for sequence in [json!(-1), json!(1.5), json!(null), json!({})] {
        let answer = nobody.call("", json!({ "call": "received", "sequence": sequence })).await;
        let error = answer["error"].as_str().unwrap();
        // In the words of the protocol, and not in those of the program.
        assert!(error.contains("a whole number") && !error.contains("untagged"), "{error}");
    }
    for query in ["?user=", "?user=a%0Ab", "?user=a&user=b"] {
        let refused = connect_async(format!("ws://{}/ws{query}", server.http())).await;
        assert!(refused.is_err(), "{query}");
    }
}
