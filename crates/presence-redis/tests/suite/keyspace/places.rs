//! Where the keyspace layout runs, and where it refuses to.

use std::time::Duration;

use presence_core::{Cause, ErrorKind, Presence, Status};
use presence_redis::keyspace::{Keyspace, Notifications};
use test_support::{Redis, RedisCluster, RedisOptions, RedisUser, require};

use super::listener::{Listener, config, link, run, start, stranger};

#[tokio::test]
async fn a_cluster_is_refused() {
    let Some(cluster) = require(RedisCluster::start(3).await) else { return };
    let node = cluster.node(0);
    for url in [node.url().to_owned(), cluster.url()] {
        let error = Keyspace::start(config(node).link(url)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("cluster"), "{error}");
    }
}

#[tokio::test]
async fn a_redis_that_tells_too_little_is_refused_with_what_to_set() {
    let Some(redis) = require(Redis::private().await) else { return };
    let config = config(&redis).notifications(Notifications::Check);
    let mut stranger = stranger(redis.url()).await;
    // The last one is what the ancestor needs.
    for (classes, all) in [("", "Eegx$"), ("Kx", "xKEeg$"), ("Ex$", "x$Eeg")] {
        run(&mut stranger, &format!("CONFIG SET notify-keyspace-events {classes}")).await;
        let error = Keyspace::start(config.clone()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let text = error.to_string();
        assert!(text.contains("notify-keyspace-events"), "{text}");
        let named = text.split('"').nth(3).unwrap();
        assert!(all.chars().all(|class| named.contains(class)), "{text}");
    }
    run(&mut stranger, "CONFIG SET notify-keyspace-events KEA").await;
    let presence = start(&config).await;
    let mut listener = Listener::open(&presence).await;
    presence.online(["a"]).await.unwrap();
    listener.expect("a", Cause::Heartbeat).await;
}

#[tokio::test]
async fn what_is_missing_is_set_and_nothing_is_taken_away() {
    let Some(redis) = require(Redis::private().await) else { return };
    let mut stranger = stranger(redis.url()).await;
    run(&mut stranger, "CONFIG SET notify-keyspace-events Kh").await;
    start(&config(&redis)).await;
    let (_, classes): (String, String) = redis::cmd("CONFIG")
        .arg("GET")
        .arg("notify-keyspace-events")
        .query_async(&mut stranger)
        .await
        .unwrap();
    let mut classes: Vec<_> = classes.chars().collect();
    classes.sort_unstable();
    assert_eq!(classes.into_iter().collect::<String>(), "$EKeghx");
}

/// Somebody who may do no more than presence needs.
fn modest() -> RedisUser {
    let commands =
        ["expire", "pexpire", "setex", "psetex", "exists", "pttl", "scan", "ping", "multi", "exec"];
    let connection = ["psubscribe", "info"];
    let commands = commands.into_iter().chain(connection).map(|name| format!("+{name}"));
    let channels = ["set", "expired", "del", "evicted"].map(|name| format!("&__keyevent@0__:{name}"));
    let rules = ["~presence:*".to_owned()].into_iter().chain(channels).chain(commands);
    RedisUser { name: "modest".to_owned(), password: "p:@/%".to_owned(), rules: rules.collect() }
}

#[tokio::test]
async fn a_redis_that_lets_nobody_at_its_settings_is_taken_at_its_word() {
    let options = RedisOptions {
        password: Some("root".to_owned()),
        users: vec![modest()],
        arguments: ["--notify-keyspace-events", "Egx$"].map(str::to_owned).into(),
        ..RedisOptions::default()
    };
    let Some(redis) = require(Redis::with(&options).await) else { return };
    let config =
        config(&redis).link(link(redis.user_url(&options.users[0]), Duration::from_secs(5))).ttl(LASTING);
    for refused in [Notifications::Check, Notifications::Set] {
        let error = Keyspace::start(config.clone().notifications(refused)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("Assume"), "{error}");
    }
    works(&start(&config.notifications(Notifications::Assume)).await).await;
}

#[tokio::test]
async fn it_works_over_tls() {
    let options = RedisOptions { tls: true, users: vec![modest()], ..RedisOptions::default() };
    let Some(redis) = require(Redis::with(&options).await) else { return };
    let config = config(&redis).ttl(LASTING);
    let authority = std::fs::read(redis.ca_file().unwrap()).unwrap();
    let trusts = link(redis.url(), Duration::from_secs(5)).authorities(authority);
    works(&start(&config.clone().link(trusts)).await).await;
    assert!(Keyspace::start(config).await.is_err(), "nobody vouches for it");
}

/// Long enough for a busy machine to see who is held.
const LASTING: Duration = Duration::from_secs(5);

/// Comes, is seen, and goes.
async fn works(presence: &Presence) {
    let mut listener = Listener::open(presence).await;
    presence.online(["a"]).await.unwrap();
    listener.expect("a", Cause::Heartbeat).await;
    listener.expect("a", Cause::Expired).await;
    presence.hold_device("a", "tab").await.unwrap();
    listener.expect("a", Cause::Held).await;
    assert_eq!(presence.status(["a", "b"]).await.unwrap(), [Status::Online, Status::Offline]);
    assert!(presence.last_seen(["a"]).await.unwrap()[0].is_some());
    assert_eq!(presence.count().await.unwrap(), 1);
    presence.offline(["a"]).await.unwrap();
    listener.expect("a", Cause::Explicit).await;
}
