//! What goes over the wire, as `MONITOR` shows it, beside what was recorded of the Go package.

use std::time::Duration;

use presence_core::{Cause, Status};
use test_support::{Redis, RedisMonitor, require};

use super::ancestor::Ancestor;
use super::listener::{Listener, config, link, run, start, stranger};

/// Returns what Redis heard since the last call, without what is sent of its own accord: looks
/// after flushes, which the ancestor, that never names several keys, does not do, questions about
/// how the server is, and the name of the client.
async fn heard(monitor: &mut RedisMonitor) -> Vec<String> {
    let mut commands = monitor.commands().await.unwrap();
    commands.retain(|command| {
        let looks = command.starts_with("EXISTS") && command.matches("presence:").count() > 1;
        // Whether it takes writes, whether it still tells, and what it does without memory.
        let asks = ["SETEX presence: 0 ", "CONFIG GET ", "INFO memory", "PING"];
        !looks && !command.starts_with("CLIENT SETINFO") && !asks.iter().any(|asks| command.starts_with(asks))
    });
    commands
}

#[tokio::test]
async fn commands_are_those_of_the_ancestor() {
    let Some(redis) = require(Redis::private().await) else { return };
    let config = config(&redis).ttl(Duration::from_secs(30));
    let presence = start(&config).await;
    assert_eq!(presence.count().await.unwrap(), 0);
    let mut monitor = redis.monitor().await.unwrap();

    presence.online(["a", "b"]).await.unwrap();
    let arrival = [
        "MULTI",
        "EXPIRE presence:a 30",
        "EXPIRE presence:b 30",
        "EXEC",
        "MULTI",
        "SETEX presence:a 30 a",
        "SETEX presence:b 30 b",
        "EXEC",
    ];
    assert_eq!(heard(&mut monitor).await, arrival);

    presence.online(["b", "a"]).await.unwrap();
    assert_eq!(heard(&mut monitor).await, ["MULTI", "EXPIRE presence:b 30", "EXPIRE presence:a 30", "EXEC"]);

    // The absent ones alone, in input order.
    presence.online(["d", "a", "c"]).await.unwrap();
    let mixed = [
        "MULTI",
        "EXPIRE presence:d 30",
        "EXPIRE presence:a 30",
        "EXPIRE presence:c 30",
        "EXEC",
        "MULTI",
        "SETEX presence:d 30 d",
        "SETEX presence:c 30 c",
        "EXEC",
    ];
    assert_eq!(heard(&mut monitor).await, mixed);

    presence.offline(["a"]).await.unwrap();
    assert_eq!(heard(&mut monitor).await, ["MULTI", "EXPIRE presence:a 0", "EXEC"]);

    let statuses = presence.status(["a", "b", "c"]).await.unwrap();
    assert_eq!(statuses, [Status::Offline, Status::Online, Status::Online]);
    let status = ["MULTI", "EXISTS presence:a", "EXISTS presence:b", "EXISTS presence:c", "EXEC"];
    assert_eq!(heard(&mut monitor).await, status);
}

#[tokio::test]
async fn listening_begins_as_that_of_the_ancestor() {
    let Some(redis) = require(Redis::private().await) else { return };
    run(&mut stranger(redis.url()).await, "CONFIG SET notify-keyspace-events Egx$").await;
    let mut monitor = redis.monitor().await.unwrap();
    let config = config(&redis).link(link(format!("{}/10", redis.url()), Duration::from_secs(5)));
    let presence = start(&config).await;
    let commands = heard(&mut monitor).await;
    let subscribed: Vec<_> = commands.iter().filter(|command| command.starts_with("PSUBSCRIBE")).collect();
    assert_eq!(
        subscribed,
        [
            "PSUBSCRIBE __keyevent@10__:set __keyevent@10__:expired",
            "PSUBSCRIBE __keyevent@10__:del __keyevent@10__:evicted",
        ]
    );
    assert!(commands.iter().any(|command| command == "SELECT 10"));
    assert!(!commands.iter().any(|command| command.starts_with("CONFIG SET")), "it was set already");
    drop(presence);
}

#[tokio::test]
async fn time_to_live_keeps_its_milliseconds() {
    let Some(redis) = require(Redis::private().await) else { return };
    for (ttl, grace, life) in [(900, 0, 900), (1_900, 0, 1_900), (1_500, 400, 1_900)] {
        let config = config(&redis).ttl(Duration::from_millis(ttl)).grace(Duration::from_millis(grace));
        let presence = start(&config).await;
        presence.count().await.unwrap();
        let mut monitor = redis.monitor().await.unwrap();
        presence.online(["a"]).await.unwrap();
        let (refresh, create) = (format!("PEXPIRE presence:a {life}"), format!("PSETEX presence:a {life} a"));
        assert_eq!(heard(&mut monitor).await, ["MULTI", &refresh, "EXEC", "MULTI", &create, "EXEC"]);
        presence.offline(["a"]).await.unwrap();
        presence.shutdown(Duration::from_secs(60)).await;
    }
    // Whole again.
    let config = config(&redis).ttl(Duration::from_millis(1_500)).grace(Duration::from_millis(500));
    let presence = start(&config).await;
    presence.count().await.unwrap();
    let mut monitor = redis.monitor().await.unwrap();
    presence.online(["a"]).await.unwrap();
    assert_eq!(heard(&mut monitor).await[1], "EXPIRE presence:a 2");
}

#[tokio::test]
async fn keys_hold_what_the_ancestor_reads() {
    let Some(redis) = require(Redis::private().await) else { return };
    let config = config(&redis).ttl(Duration::from_secs(30));
    let presence = start(&config).await;
    presence.online(["alice"]).await.unwrap();
    let mut stranger = stranger(redis.url()).await;
    let (value, ttl): (String, i64) = redis::pipe()
        .cmd("GET")
        .arg("presence:alice")
        .cmd("TTL")
        .arg("presence:alice")
        .query_async(&mut stranger)
        .await
        .unwrap();
    assert_eq!(value, "alice");
    assert!((20..=30).contains(&ttl), "{ttl}");
}

#[tokio::test]
async fn both_hear_each_other() {
    let Some(redis) = require(Redis::private().await) else { return };
    // Nobody goes before the end, however busy the machine is.
    let config = config(&redis).ttl(Duration::from_secs(10));
    let presence = start(&config).await;
    let mut listener = Listener::open(&presence).await;
    let mut ancestor = Ancestor::start(redis.url(), 10).await;

    ancestor.online(&["go"]).await;
    listener.expect("go", Cause::Heartbeat).await;
    assert_eq!(ancestor.event().await, "go ONLINE");
    assert_eq!(presence.status(["go"]).await.unwrap(), [Status::Online]);

    presence.online(["rust", "rust"]).await.unwrap();
    listener.expect("rust", Cause::Heartbeat).await;
    // Once, although the call named it twice.
    assert_eq!(ancestor.event().await, "rust ONLINE");
    assert!(ancestor.is_online("rust").await);

    // Each refreshes what the other has made.
    presence.online(["go"]).await.unwrap();
    ancestor.online(&["rust"]).await;
    ancestor.offline("go").await;
    listener.expect("go", Cause::Explicit).await;
    listener.expect("rust", Cause::Expired).await;
    assert_eq!(ancestor.event().await, "rust OFFLINE");
}
