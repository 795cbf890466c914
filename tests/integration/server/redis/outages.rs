//! Redis hangs, dies, comes back empty: nobody is taken for offline, and everything else goes on.

use std::time::Instant;

use serde_json::{Value, json};
use test_support::{Redis, require};

use super::super::client::Client;
use super::super::listener::{Listener, User, status};
use super::servers::{LIMIT, get, start, until, until_acquainted, until_listed};

#[tokio::test]
async fn while_redis_is_frozen_presence_is_unavailable_and_everything_else_goes_on() {
    let Some(redis) = require(Redis::private().await) else { return };
    // Longer than a busy machine keeps a Redis that is well from answering.
    let server = start(&redis, &["--redis-timeout=3s"]);
    let mut alice = Client::connect(&server, "?user=alice").await;
    until_listed(&mut alice, &["alice"]).await;
    let mut listener = Listener::open(&server, "", None).await;
    assert_eq!(listener.snapshot().await.0, ["alice"]);
    until(&server, "/readyz", 200).await;

    redis.freeze().await.unwrap();
    let text = until(&server, "/presence/alice", 503).await;
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["reason"], "UNAVAILABLE");
    let (code, text) = get(&server, "/presence?id=alice").await;
    let body: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((code, &body["statuses"][0]["status"]), (503, &json!("UNKNOWN")));
    let ready: Value = serde_json::from_str(&until(&server, "/readyz", 503).await).unwrap();
    let part = |name: &str| {
        let parts = ready["parts"].as_array().unwrap();
        parts.iter().find(|part| part["name"] == name).unwrap().clone()
    };
    assert_eq!(part("timelines"), json!({ "name": "timelines", "state": "well" }));
    assert!(part("presence")["state"] != "well" && part("presence")["reason"].is_string(), "{ready}");
    assert_eq!(get(&server, "/healthz").await.0, 200);
    assert_eq!(get(&server, "/presence/events").await.0, 503);
    assert_eq!(listener.next().await.unwrap().event, "unavailable");
    // The page goes on: who was online is shown as online, and messages arrive.
    until_listed(&mut alice, &["alice"]).await;
    let mut bob = Client::connect(&server, "?user=bob").await;
    // His inbox is bound when a call is answered; that the connection is open does not say so yet.
    bob.call("", json!({ "call": "ping" })).await;
    let message = json!({ "from": "alice", "to": "bob", "message": "{\"text\":\"hi\"}" });
    let sent = reqwest::Client::new().post(server.url("/timeline/send")).json(&message).send().await.unwrap();
    assert_eq!(sent.status(), 200);
    assert_eq!(bob.heard("$inbox:bob").await["sequence"], "1");

    redis.thaw().await.unwrap();
    until(&server, "/readyz", 200).await;
    // Alice was never gone, and bob, who came meanwhile, is online without doing anything.
    assert_eq!(listener.change().await.0, "bob ONLINE");
    until_listed(&mut alice, &["alice", "bob"]).await;
    assert_eq!([status(&server, "alice").await, status(&server, "bob").await], ["ONLINE", "ONLINE"]);
}

#[tokio::test]
async fn a_frozen_redis_does_not_hold_up_a_stop() {
    let Some(redis) = require(Redis::private().await) else { return };
    for flags in
        [&["--presence-layout=leases"][..], &["--presence-layout=keyspace", "--presence-notifications=set"]]
    {
        let mut server = start(&redis, &[flags, &["--shutdown-time=2s"]].concat());
        let mut alice = Client::connect(&server, "?user=alice").await;
        alice.bind("hello").await;
        until_listed(&mut alice, &["alice"]).await;
        redis.freeze().await.unwrap();
        let started = Instant::now();
        server.signal("TERM");
        assert_eq!(server.wait().code(), Some(0), "{flags:?}");
        assert!(started.elapsed() < LIMIT, "{flags:?}: after {:?}", started.elapsed());
        redis.thaw().await.unwrap();
        redis.start_again().await.unwrap();
    }
}

#[tokio::test]
async fn a_redis_that_comes_back_empty_learns_who_is_online_and_nobody_was_ever_offline() {
    let Some(redis) = require(Redis::private().await) else { return };
    let servers = [start(&redis, &[]), start(&redis, &[])];
    let mut alice = Client::connect(&servers[0], "?user=alice").await;
    let mut bob = Client::connect(&servers[1], "?user=bob").await;
    for client in [&mut alice, &mut bob] {
        until_listed(client, &["alice", "bob"]).await;
    }
    let mut listener = Listener::open(&servers[0], "?since=now", None).await;
    listener.snapshot().await;

    // A server that nobody knows yet is not waited for.
    until_acquainted(&redis).await;
    redis.kill().unwrap();
    until(&servers[0], "/presence/bob", 503).await;
    redis.start_again().await.unwrap();
    for (number, server) in servers.iter().enumerate() {
        for id in ["alice", "bob"] {
            // Until then every answer is an error, never "offline".
            let started = Instant::now();
            loop {
                let (code, text) = get(server, &format!("/presence/{id}")).await;
                if code == 200 {
                    assert_eq!(
                        serde_json::from_str::<Value>(&text).unwrap()["status"],
                        "ONLINE",
                        "{id} at {number}"
                    );
                    break;
                }
                assert!(started.elapsed() < LIMIT, "{id} cannot be read again: {text}");
            }
        }
        until(server, "/readyz", 200).await;
    }
    // Whoever follows is told that events may be missing, and of nobody that they left.
    let carol = User::connect(&servers[1], "carol").await;
    let mut heard = Vec::new();
    loop {
        let next = listener.next().await.unwrap();
        assert_ne!(next.data["status"], "OFFLINE", "{next:?}");
        let end = next.data["id"] == "carol";
        heard.push(next.event);
        if end {
            break;
        }
    }
    assert!(heard.contains(&"unavailable".to_owned()) && heard.contains(&"lagged".to_owned()), "{heard:?}");
    for client in [&mut alice, &mut bob] {
        until_listed(client, &["alice", "bob", "carol"]).await;
    }
    drop(carol);
}
