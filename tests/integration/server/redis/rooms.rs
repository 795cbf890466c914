//! Rooms of servers on one Redis are the same rooms.

use std::collections::BTreeMap;
use std::time::Instant;

use serde_json::{Value, json};
use test_support::{Redis, redis_connection, require};
use tests::Tidings;

use super::super::client::Client;
use super::servers::{LIMIT, start_prompt, until};

/// Asks until the room has these members, who show this. Right after Redis lost its data nobody
/// knows who they are.
async fn until_shown(server: &Tidings, expected: Value) {
    let started = Instant::now();
    loop {
        let answer: Value = serde_json::from_str(&until(server, "/rooms/hello", 200).await).unwrap();
        let member = |member: &Value| (member["id"].as_str().unwrap().to_owned(), member["payload"].clone());
        let members: BTreeMap<_, _> = answer["members"].as_array().unwrap().iter().map(member).collect();
        if json!(members) == expected {
            return;
        }
        assert!(started.elapsed() < LIMIT, "{members:?} and not {expected}");
    }
}

#[tokio::test]
async fn users_of_every_server_are_members_and_those_of_a_killed_one_leave() {
    let Some(server) = require(Redis::private().await) else { return };
    let (mut one, other) = (start_prompt(&server, &[]), start_prompt(&server, &[]));
    let mut clients = Vec::new();
    for (server, user) in [(&one, "alice"), (&one, "bob"), (&other, "bob"), (&other, "carol")] {
        let mut client = Client::connect(server, &format!("?user={user}")).await;
        client.bind("hello").await;
        client.call("hello", json!({ "call": "show", "payload": user })).await;
        clients.push(client);
    }
    for server in [&one, &other] {
        until_shown(server, json!({ "alice": "alice", "bob": "bob", "carol": "carol" })).await;
    }
    clients[3].call("hello", json!({ "call": "show", "payload": null })).await;
    until_shown(&one, json!({ "alice": "alice", "bob": "bob", "carol": null })).await;

    one.kill();
    until_shown(&other, json!({ "bob": "bob", "carol": null })).await;
    one.start_again();
    until_shown(&one, json!({ "bob": "bob", "carol": null })).await;
    let mut alice = Client::connect(&one, "?user=alice").await;
    alice.bind("hello").await;
    until_shown(&other, json!({ "alice": null, "bob": "bob", "carol": null })).await;
}

#[tokio::test]
async fn rooms_outlive_a_flush_of_redis() {
    let Some(server) = require(Redis::private().await) else { return };
    let (one, other) = (start_prompt(&server, &[]), start_prompt(&server, &[]));
    let mut clients = Vec::new();
    for (server, user) in [(&one, "alice"), (&other, "bob")] {
        let mut client = Client::connect(server, &format!("?user={user}")).await;
        client.bind("hello").await;
        client.call("hello", json!({ "call": "show", "payload": user })).await;
        clients.push(client);
    }
    until_shown(&one, json!({ "alice": "alice", "bob": "bob" })).await;
    let mut connection = redis_connection(server.url()).await.unwrap();
    redis::cmd("FLUSHALL").exec_async(&mut connection).await.unwrap();
    for server in [&one, &other] {
        until_shown(server, json!({ "alice": "alice", "bob": "bob" })).await;
    }
}
