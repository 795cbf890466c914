//! `/rooms/{room}`: who is in a channel, and what they show.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::Tidings;
use tidings::hub::protocol::{Message, Opcode};
use tokio::time::timeout;

use super::client::Client;

const PROMPT: &str = "--presence-grace=10ms";

async fn ask(server: &Tidings, path: &str) -> (u16, Value) {
    let answer = reqwest::get(server.url(path)).await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

/// Asks until the room has so many members.
async fn until(server: &Tidings, room: &str, count: usize) -> Value {
    let started = Instant::now();
    loop {
        let (status, answer) = ask(server, &format!("/rooms/{room}")).await;
        assert_eq!(status, 200, "{answer}");
        if answer["count"] == count {
            return answer;
        }
        assert!(started.elapsed() < Duration::from_secs(30), "{answer} and not {count} members");
    }
}

#[tokio::test]
async fn a_room_has_the_users_whose_connections_are_bound_to_its_channel() {
    let server = Tidings::start_with(&[PROMPT]);
    assert_eq!(
        ask(&server, "/rooms/hello").await,
        (200, json!({ "room": "hello", "count": 0, "members": [], "next": null }))
    );
    let mut alice = Client::connect(&server, "?user=alice").await;
    let mut tab = Client::connect(&server, "?user=alice").await;
    let mut nobody = Client::connect(&server, "").await;
    for client in [&mut alice, &mut tab, &mut nobody] {
        client.bind("hello").await;
        client.bind("$presence").await;
        client.call("", json!({ "call": "ping" })).await;
    }
    let answer = until(&server, "hello", 1).await;
    assert_eq!(answer["members"], json!([{ "id": "alice", "payload": null }]));
    assert_eq!(until(&server, "%24presence", 0).await["room"], "$presence");

    let mut bob = Client::connect(&server, "?user=bob").await;
    bob.bind("hello").await;
    bob.bind("a/b ?").await;
    until(&server, "hello", 2).await;
    assert_eq!(until(&server, "a%2Fb%20%3F", 1).await["room"], "a/b ?");

    // One of two tabs leaves the channel, the other one the server.
    alice.send(&Message::new(Opcode::UNBIND, "hello", "")).await;
    bob.send(&Message::new(Opcode::UNBIND, "hello", "")).await;
    let answer = until(&server, "hello", 1).await;
    assert_eq!(answer["members"][0]["id"], "alice");
    drop(tab);
    until(&server, "hello", 0).await;
    until(&server, "a%2Fb%20%3F", 1).await;
}

#[tokio::test]
async fn members_show_what_they_like_to_those_who_ask() {
    let server = Tidings::start_with(&[PROMPT]);
    let mut alice = Client::connect(&server, "?user=alice").await;
    let show = |payload: Value| json!({ "call": "show", "payload": payload });
    assert!(alice.call("hello", show(json!(1))).await["error"].is_string());
    alice.bind("hello").await;
    for payload in [json!({ "typing": true, "name": "Alice ☀" }), json!("away"), json!(null)] {
        assert_eq!(alice.call("hello", show(payload.clone())).await, json!({}));
        let asked = async { while until(&server, "hello", 1).await["members"][0]["payload"] != payload {} };
        timeout(Duration::from_secs(30), asked).await.unwrap();
    }
    assert!(alice.call("hello", show(json!("x".repeat(1_023)))).await["error"].is_string());
    // Deeper than some readers take, with what an answer has around it: the whole room would be
    // unreadable for them.
    let nested = |levels: usize| (0..levels).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(alice.call("hello", show(nested(100))).await, json!({}));
    for levels in [101, 120, 126, 200] {
        assert!(alice.call("hello", show(nested(levels))).await["error"].is_string(), "{levels}");
    }
    let asked = async { while until(&server, "hello", 1).await["members"][0]["payload"] != nested(100) {} };
    timeout(Duration::from_secs(30), asked).await.unwrap();
    assert!(alice.call("$presence", show(json!(1))).await["error"].is_string());
    assert!(Client::connect(&server, "").await.call("hello", show(json!(1))).await["error"].is_string());
}

#[tokio::test]
async fn a_large_room_is_read_in_pages() {
    let server = Tidings::start();
    let mut clients = Vec::new();
    for number in 0..25 {
        let mut client = Client::connect(&server, &format!("?user=user{number}")).await;
        client.bind("hello").await;
        clients.push(client);
    }
    until(&server, "hello", 25).await;
    let (mut ids, mut path, mut pages) = (BTreeSet::new(), "/rooms/hello?limit=10".to_owned(), 0);
    loop {
        let (status, answer) = ask(&server, &path).await;
        assert_eq!((status, &answer["count"]), (200, &json!(25)));
        let members = answer["members"].as_array().unwrap();
        assert!(members.len() <= 10);
        ids.extend(members.iter().map(|member| member["id"].as_str().unwrap().to_owned()));
        pages += 1;
        let Some(next) = answer["next"].as_str() else { break };
        path = format!("/rooms/hello?limit=10&cursor={next}");
    }
    assert_eq!((ids.len(), pages >= 3), (25, true));
}

#[tokio::test]
async fn a_page_of_large_members_is_short() {
    let server = Tidings::start();
    let show = json!({ "call": "show", "payload": "x".repeat(1_022) });
    let mut clients = Vec::new();
    for number in 0..200 {
        let mut client = Client::connect(&server, &format!("?user={number:0>512}")).await;
        client.bind("hello").await;
        assert_eq!(client.call("hello", show.clone()).await, json!({}));
        clients.push(client);
    }
    until(&server, "hello", 200).await;
    let (mut ids, mut path) = (BTreeSet::new(), "/rooms/hello?limit=1000".to_owned());
    loop {
        let text = reqwest::get(server.url(&path)).await.unwrap().text().await.unwrap();
        assert!(text.len() < 280_000, "a page has {} bytes", text.len());
        let answer: Value = serde_json::from_str(&text).unwrap();
        for member in answer["members"].as_array().unwrap() {
            assert_eq!(member["payload"], show["payload"]);
            ids.insert(member["id"].to_string());
        }
        let Some(next) = answer["next"].as_str() else { break };
        path = format!("/rooms/hello?limit=1000&cursor={next}");
    }
    assert_eq!(ids.len(), 200);
}

#[tokio::test]
async fn wrong_questions_are_refused() {
    let server = Tidings::start();
    let long = format!("/rooms/{}", "x".repeat(513));
    for (path, reason) in [
        ("/rooms/a%0Ab", "INVALID_ROOM"),
        ("/rooms/%FF", "INVALID_ROOM"),
        (&long, "INVALID_ROOM"),
        ("/rooms/hello?cursor=abc", "INVALID_CURSOR"),
        ("/rooms/hello?limit=0", "INVALID_LIMIT"),
        ("/rooms/hello?limit=1001", "INVALID_LIMIT"),
        ("/rooms/hello?limit=many", "INVALID_QUERY"),
    ] {
        let (status, answer) = ask(&server, path).await;
        assert_eq!((status, &answer["reason"]), (400, &json!(reason)), "{path}");
    }
    assert_eq!(ask(&server, "/rooms/").await.0, 404);
}
