//! Servers on one Redis show each other's users, and let those of a dead one go.

use std::time::Instant;

use serde_json::json;
use test_support::{Redis, require};
use tokio::time::timeout;

use super::super::client::Client;
use super::super::listener::{Listener, User, status, until_status};
use super::super::receiver::Receiver;
use super::servers::{GRACE, LIMIT, TTL, start, start_prompt, until_listed};

#[tokio::test]
async fn users_of_one_server_are_online_on_every_other() {
    let Some(redis) = require(Redis::private().await) else { return };
    let patient = ["--redis-timeout=30s"];
    let (one, other) = (start(&redis, &patient), start(&redis, &patient));
    let mut listener = Listener::open(&other, "", None).await;
    assert_eq!(listener.snapshot().await.0, [""; 0]);
    let mut bob = Client::connect(&other, "?user=bob").await;
    assert_eq!(listener.change().await.0, "bob ONLINE");
    bob.bind("$presence").await;

    let alice = User::connect(&one, "alice").await;
    let (heard, position) = listener.change().await;
    assert_eq!(heard, "alice ONLINE");
    for server in [&one, &other] {
        assert_eq!([status(server, "alice").await, status(server, "bob").await], ["ONLINE", "ONLINE"]);
    }
    // As the page does it.
    until_listed(&mut bob, &["alice", "bob"]).await;

    // A second tab, on the other server: she is gone when both are.
    let mut second = Client::connect(&other, "?user=alice").await;
    // She is there when a call is answered; that the connection is open does not say so yet.
    second.call("", json!({ "call": "ping" })).await;
    drop(alice);
    let carol = User::connect(&one, "carol").await;
    assert_eq!(listener.change().await.0, "carol ONLINE");
    drop(second);
    assert_eq!(listener.change().await.0, "alice OFFLINE");
    let heard = async { while bob.heard("$presence").await["id"] != "alice" {} };
    timeout(LIMIT, heard).await.unwrap();
    assert_eq!(status(&one, "alice").await, "OFFLINE");

    // The stream of one server goes on at another.
    let mut resumed = Listener::open(&one, "", Some(&position)).await;
    resumed.snapshot().await;
    let mut missed = [resumed.change().await.0, resumed.change().await.0];
    missed.sort_unstable();
    assert_eq!(missed, ["alice OFFLINE", "carol ONLINE"]);
    drop(carol);
}

#[tokio::test]
async fn users_of_a_killed_server_are_let_go_once_and_those_with_another_connection_stay() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (mut one, other) = (start_prompt(&redis, &[]), start_prompt(&redis, &[]));
    let alice = User::connect(&one, "alice").await;
    let bobs = [User::connect(&one, "bob").await, User::connect(&other, "bob").await];
    let mut listener = Listener::open(&other, "?since=now", None).await;
    listener.snapshot().await;
    for id in ["alice", "bob"] {
        until_status(&other, id, "ONLINE").await;
    }
    let killed = Instant::now();
    one.kill();
    let gone = loop {
        let heard = listener.next().await.unwrap();
        // What was on its way when the stream began.
        if heard.data["status"] == "OFFLINE" {
            break heard;
        }
    };
    let taken = killed.elapsed();
    assert_eq!(gone.data["id"], "alice");
    assert!(taken >= TTL / 2 && taken < TTL + GRACE + LIMIT, "after {taken:?}");
    assert_eq!([status(&other, "alice").await, status(&other, "bob").await], ["OFFLINE", "ONLINE"]);
    // Nothing of it comes twice, and she can come back.
    one.start_again();
    let again = User::connect(&one, "alice").await;
    assert_eq!(listener.change().await.0, "alice ONLINE");
    drop((alice, bobs, again));
}

#[tokio::test]
async fn the_webhook_of_a_server_that_was_away_tells_what_happened_on_the_others() {
    let Some(redis) = require(Redis::private().await) else { return };
    let mut receiver = Receiver::start(&[]).await;
    let (mut one, other) = (start_prompt(&redis, &[&receiver.flag()]), start_prompt(&redis, &[]));
    let alice = User::connect(&one, "alice").await;
    assert_eq!(receiver.events(1).await, ["alice ONLINE"]);
    let bob = User::connect(&other, "bob").await;
    assert_eq!(receiver.events(1).await, ["bob ONLINE"]);
    one.kill();
    let carol = User::connect(&other, "carol").await;
    until_status(&other, "alice", "OFFLINE").await;
    one.start_again();
    let mut events = Vec::new();
    while events.len() < 2 {
        let post = receiver.taken().await;
        assert_eq!(post.body()["lagged"], json!(null));
        // What was taken shortly before the kill may come again.
        events.extend(post.events().into_iter().filter(|event| event != "bob ONLINE"));
    }
    events.sort_unstable();
    assert_eq!(events, ["alice OFFLINE", "carol ONLINE"]);
    drop((alice, bob, carol));
}

#[tokio::test]
async fn servers_of_the_layout_of_the_go_package_show_each_others_users_too() {
    let Some(redis) = require(Redis::private().await) else { return };
    let flags = ["--presence-layout=keyspace", "--presence-notifications=set"];
    let (one, other) = (start_prompt(&redis, &flags), start_prompt(&redis, &flags));
    let mut listener = Listener::open(&other, "", None).await;
    listener.snapshot().await;
    let alice = User::connect(&one, "alice").await;
    assert_eq!(listener.change().await.0, "alice ONLINE");
    assert_eq!([status(&one, "alice").await, status(&other, "alice").await], ["ONLINE", "ONLINE"]);
    drop(alice);
    assert_eq!(listener.change().await.0, "alice OFFLINE");
}
