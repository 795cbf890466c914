//! Redis has no memory left, or takes what it likes.

use std::time::Duration;

use presence_core::rooms::Rooms;
use presence_core::{Cause, ErrorKind, State, Status};
use presence_redis::leases::Leases;
use test_support::{Redis, RedisCluster};
use tokio::time::{Instant, timeout};

use super::follower::Follower;
use super::{PATIENCE, config, known, process, tell};

#[tokio::test(flavor = "multi_thread")]
async fn redis_without_memory_takes_nobody_in_and_lets_everybody_go() {
    let Some(redis) = test_support::require(Redis::private().await) else { return };
    // A lease that no busy machine loses.
    let config = config(redis.url()).ttl(Duration::from_secs(3));
    let (presence, other) = (process(&config).await, process(&config).await);
    presence.online(["silent"]).await.unwrap();
    for id in ["told", "ended", "stays"] {
        presence.hold_device(id, "tab").await.unwrap();
    }
    let mut follower = Follower::start(&other).await;
    // It may have fallen silent meanwhile.
    presence.online(["silent"]).await.unwrap();
    tell(&redis, &["CONFIG", "SET", "maxmemory", "1"]).await;
    let error = presence.online(["comes"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    let cause = error.iter().next().unwrap().error().to_string();
    assert!(cause.contains("memory"), "{cause}");
    let mut state = presence.state();
    let full = timeout(PATIENCE, state.wait_for(|state| matches!(state, State::ReadOnly { .. }))).await;
    assert!(full.unwrap().unwrap().reason().unwrap().contains("memory"));
    // Departures free memory: each of their kinds is written.
    presence.offline(["told"]).await.unwrap();
    presence.end_device("ended", "tab").await.unwrap();
    let mut gone = std::collections::BTreeMap::new();
    while gone.len() < 3 {
        let event = follower.change(PATIENCE).await.expect("who leaves is told");
        if event.status == Status::Offline {
            gone.insert(event.id.to_string(), event.cause);
        }
    }
    let expected = [("ended", Cause::Ended), ("silent", Cause::Expired), ("told", Cause::Explicit)];
    assert_eq!(gone, expected.map(|(id, cause)| (id.to_owned(), cause)).into());
    // Longer than any lease: it is renewed.
    follower.silent(Duration::from_secs(5)).await;
    let statuses = known(&other, &["stays", "told", "comes"]).await;
    assert_eq!(statuses, [Status::Online, Status::Offline, Status::Offline]);
    // A process that starts now is taken in as well.
    process(&config).await.shutdown(PATIENCE).await;
    tell(&redis, &["CONFIG", "SET", "maxmemory", "0"]).await;
    timeout(PATIENCE, state.wait_for(State::is_well)).await.expect("it is well again").unwrap();
    presence.hold_device("comes", "tab").await.unwrap();
    follower.until(&["comes", "stays"]).await;
    assert_eq!(follower.lags, 0, "nothing was lost");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_came_without_memory_comes_when_there_is_some() {
    let Some(redis) = test_support::require(Redis::private().await) else { return };
    let presence = process(&config(redis.url())).await;
    let mut follower = Follower::start(&presence).await;
    tell(&redis, &["CONFIG", "SET", "maxmemory", "1"]).await;
    for id in ["comes", "leaves"] {
        assert_eq!(presence.hold_device(id, "tab").await.unwrap_err().kind(), ErrorKind::Unavailable);
    }
    presence.end_device("leaves", "tab").await.unwrap();
    tell(&redis, &["CONFIG", "SET", "maxmemory", "0"]).await;
    // What they asked for is done then, unless it was undone meanwhile.
    follower.expect("comes", Status::Online).await;
    follower.silent(Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn members_leave_without_memory() {
    let Some(redis) = test_support::require(Redis::private().await) else { return };
    let rooms = Rooms::new(Leases::start(config(redis.url())).await.unwrap());
    for id in ["leaves", "removed", "stays"] {
        rooms.join("lobby", id, "tab", "x").await.unwrap();
    }
    tell(&redis, &["CONFIG", "SET", "maxmemory", "1"]).await;
    assert_eq!(rooms.join("lobby", "comes", "tab", "x").await.unwrap_err().kind(), ErrorKind::Unavailable);
    rooms.leave("lobby", "leaves", "tab").await.unwrap();
    rooms.remove("lobby", "removed").await.unwrap();
    assert_eq!(rooms.update("lobby", "stays", "larger").await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(rooms.count("lobby").await.unwrap(), 1);
    tell(&redis, &["CONFIG", "SET", "maxmemory", "0"]).await;
    let until = Instant::now() + PATIENCE;
    while rooms.count("lobby").await.ok() != Some(2) {
        assert!(Instant::now() < until, "who joined without memory is not there");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_evicts_is_warned_of_with_the_remedy() {
    let Some(redis) = test_support::require(Redis::private().await) else { return };
    let presence = process(&config(redis.url())).await;
    assert_eq!(presence.warnings().await.unwrap(), [""; 0]);
    for policy in ["allkeys-lru", "allkeys-random"] {
        // While it runs.
        tell(&redis, &["CONFIG", "SET", "maxmemory-policy", policy]).await;
        let warnings = presence.warnings().await.unwrap();
        assert_eq!(warnings.len(), 1);
        let port = redis.port().to_string();
        for word in [policy, "noeviction", "maxmemory-policy", &port] {
            assert!(warnings[0].contains(word), "{warnings:?}");
        }
    }
    // It evicts mail alone.
    tell(&redis, &["CONFIG", "SET", "maxmemory-policy", "volatile-ttl"]).await;
    assert_eq!(presence.warnings().await.unwrap(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_of_a_cluster_that_evicts_is_named() {
    let Some(cluster) = test_support::require(RedisCluster::start(3).await) else { return };
    let presence = process(&config(&cluster.url())).await;
    tell(cluster.node(1), &["CONFIG", "SET", "maxmemory-policy", "allkeys-lfu"]).await;
    let warnings = presence.warnings().await.unwrap();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains(&cluster.node(1).port().to_string()), "{warnings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn server_of_a_cluster_that_is_away_hides_no_other_that_evicts() {
    let Some(cluster) = test_support::require(RedisCluster::start(3).await) else { return };
    let presence = process(&config(&cluster.url())).await;
    cluster.node(0).kill().unwrap();
    tell(cluster.node(1), &["CONFIG", "SET", "maxmemory-policy", "allkeys-lfu"]).await;
    let warnings = presence.warnings().await.unwrap();
    assert_eq!(warnings.len(), 1);
    assert!(warnings[0].contains(&cluster.node(1).port().to_string()), "{warnings:?}");
    // Where there is nothing to warn of, it is not known that all is well.
    tell(cluster.node(1), &["CONFIG", "SET", "maxmemory-policy", "noeviction"]).await;
    assert_eq!(presence.warnings().await.unwrap_err().kind(), ErrorKind::Unavailable);
}
