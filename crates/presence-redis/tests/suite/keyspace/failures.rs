//! Redis goes away, comes back, and forgets.

use std::time::Duration;

use presence_core::{Cause, ErrorKind, Presence, Since, State, Status};
use presence_redis::keyspace::{Config, Notifications};
use test_support::{Redis, RedisOptions, RedisSentinel, require};
use tokio::time::Instant;

use super::listener::{Listener, PATIENCE, config, link, run, start, stranger};

/// Shorter timeouts, so that failures are not waited for; a busy machine keeps to them.
fn impatient(redis: &Redis) -> Config {
    config(redis).link(link(redis.url(), Duration::from_secs(4)))
}

/// Makes every call that needs Redis, and checks that each fails in time.
async fn fails(presence: &Presence) {
    let before = Instant::now();
    assert_eq!(presence.online(["x"]).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(presence.offline(["x"]).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(presence.hold_device("x", "tab").await.unwrap_err().kind(), ErrorKind::Unavailable);
    let error = presence.status(["x", "y"]).await.unwrap_err();
    assert_eq!((error.kind(), error.partial()), (ErrorKind::Unavailable, &vec![Status::Unknown; 2]));
    assert_eq!(presence.last_seen(["x"]).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(presence.count().await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(presence.events(Since::Now).await.unwrap_err().kind(), ErrorKind::Unavailable);
    let took = before.elapsed();
    // Each has its time for each of its transactions; what is judged is that none waits for ever.
    assert!(took <= Duration::from_secs(60), "seven calls took {took:?}");
}

#[tokio::test]
async fn a_redis_that_was_killed_is_found_again_and_told_who_is_held() {
    let Some(redis) = require(Redis::private().await) else { return };
    // Nobody goes before it is killed.
    let ttl = Duration::from_secs(5);
    let config = impatient(&redis).ttl(ttl);
    let presence = start(&config).await;
    let mut listener = Listener::open(&presence).await;
    presence.online(["beats"]).await.unwrap();
    presence.hold_device("held", "tab").await.unwrap();
    listener.expect("beats", Cause::Heartbeat).await;
    listener.expect("held", Cause::Held).await;
    redis.kill().unwrap();
    assert_eq!(listener.error().await, ErrorKind::Unavailable);
    fails(&presence).await;
    let back = Instant::now();
    redis.start_again().await.unwrap();
    assert_eq!(listener.error().await, ErrorKind::Lagged);
    // Its heartbeat does not come: it is offline, but no earlier than one from before would have
    // lasted.
    listener.expect("beats", Cause::Expired).await;
    let least = ttl - Duration::from_millis(100);
    assert!(back.elapsed() >= least, "offline after {:?}", back.elapsed());
    // The other one's key was made again, and nobody heard of it.
    assert_eq!(presence.status(["held", "beats"]).await.unwrap(), [Status::Online, Status::Offline]);
    assert_eq!(Listener::snapshot(&presence).await.1, ["held"]);
    listener.silent(ttl + Duration::from_secs(1)).await;
}

#[tokio::test]
async fn a_redis_that_stands_still_is_noticed_in_time_and_gone_on_with() {
    let Some(redis) = require(Redis::private().await) else { return };
    let config = impatient(&redis).ttl(Duration::from_secs(10 * 60));
    let presence = start(&config).await;
    let mut listener = Listener::open(&presence).await;
    presence.online(["a", "b"]).await.unwrap();
    listener.expect("a", Cause::Heartbeat).await;
    listener.expect("b", Cause::Heartbeat).await;
    let before = Instant::now();
    redis.freeze().await.unwrap();
    assert_eq!(listener.error().await, ErrorKind::Unavailable);
    assert!(before.elapsed() < Duration::from_secs(60), "noticed after {:?}", before.elapsed());
    fails(&presence).await;
    redis.thaw().await.unwrap();
    assert_eq!(listener.error().await, ErrorKind::Lagged);
    let (mut listener, online) = Listener::snapshot(&presence).await;
    assert_eq!(online.iter().filter(|id| *id != "x").collect::<Vec<_>>(), ["a", "b"]);
    presence.offline(["a"]).await.unwrap();
    while listener.event().await.id.as_str() != "a" {}
}

#[tokio::test]
async fn a_flush_is_noticed_although_redis_tells_nobody() {
    let Some(redis) = require(Redis::private().await) else { return };
    // Heartbeats of a busy machine come in time, too.
    let ttl = Duration::from_secs(10);
    let config = config(&redis).ttl(ttl);
    let presence = start(&config).await;
    let other = start(&config).await;
    let mut listener = Listener::open(&presence).await;
    presence.online(["silent", "beats"]).await.unwrap();
    other.hold_device("held", "tab").await.unwrap();
    for (id, cause) in
        // Why an id came only its own process can tell.
        [("silent", Cause::Heartbeat), ("beats", Cause::Heartbeat), ("held", Cause::Heartbeat)]
    {
        listener.expect(id, cause).await;
    }
    let flushed = Instant::now();
    run(&mut stranger(redis.url()).await, "FLUSHALL").await;
    // Those whose heartbeats come back before their time was over have never been away.
    let event = loop {
        presence.online(["beats"]).await.unwrap();
        if let Some(event) = listener.event_within(ttl / 10).await {
            break event;
        }
    };
    assert_eq!((event.id.as_str(), event.cause), ("silent", Cause::Expired));
    assert!(flushed.elapsed() >= ttl, "offline after {:?}", flushed.elapsed());
    assert_eq!(other.status(["held"]).await.unwrap(), [Status::Online]);
    for presence in [&presence, &other] {
        let online = Listener::snapshot(presence).await.1;
        assert!(online.contains(&"held".to_owned()) && online.contains(&"beats".to_owned()), "{online:?}");
    }
}

#[tokio::test]
async fn a_redis_without_memory_refuses_arrivals_and_keeps_who_is_there() {
    let Some(redis) = require(Redis::private().await) else { return };
    let config = config(&redis).ttl(Duration::from_secs(60));
    let presence = start(&config).await;
    let mut listener = Listener::open(&presence).await;
    presence.online(["a"]).await.unwrap();
    listener.expect("a", Cause::Heartbeat).await;
    let mut stranger = stranger(redis.url()).await;
    run(&mut stranger, "CONFIG SET maxmemory 1").await;
    let error = presence.online(["a", "b"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.has("b") && !error.has("a"), "{error}");
    assert!(error.to_string().contains("out of memory"), "{error}");
    assert_eq!(presence.status(["a", "b"]).await.unwrap(), [Status::Online, Status::Offline]);
    presence.online(["a"]).await.unwrap();
    presence.offline(["a"]).await.unwrap();
    listener.expect("a", Cause::Explicit).await;
    run(&mut stranger, "CONFIG SET maxmemory 0").await;
    presence.online(["b"]).await.unwrap();
    listener.expect("b", Cause::Heartbeat).await;
}

#[tokio::test]
async fn a_key_that_redis_evicts_is_an_id_that_is_offline_and_a_held_one_comes_back() {
    let Some(redis) = require(Redis::private().await) else { return };
    let config = config(&redis).ttl(Duration::from_secs(10 * 60));
    let presence = start(&config).await;
    let mut listener = Listener::open(&presence).await;
    presence.hold_device("held", "tab").await.unwrap();
    listener.expect("held", Cause::Held).await;
    let mut stranger = stranger(redis.url()).await;
    run(&mut stranger, "CONFIG SET maxmemory-policy allkeys-random").await;
    run(&mut stranger, "CONFIG SET maxmemory 1").await;
    listener.expect("held", Cause::Expired).await;
    run(&mut stranger, "CONFIG SET maxmemory 0").await;
    // Not after a third of the TTL: at once.
    let freed = Instant::now();
    let mut event = listener.event().await;
    // It may have been tried, and evicted, in between.
    while event.status == Status::Offline {
        event = listener.event().await;
    }
    assert_eq!(event.cause, Cause::Held);
    assert!(freed.elapsed() < Duration::from_secs(60), "back after {:?}", freed.elapsed());
}

#[tokio::test]
async fn a_redis_that_forgot_what_to_tell_is_told_again_or_waited_for() {
    let Some(redis) = require(Redis::private().await) else { return };
    let config = impatient(&redis).ttl(Duration::from_secs(60));
    let sets = start(&config).await;
    let checks = start(&config.notifications(Notifications::Check)).await;
    let mut listener = Listener::open(&checks).await;
    sets.shutdown(PATIENCE).await;
    redis.kill().unwrap();
    redis.start_again().await.unwrap();
    assert_eq!(listener.error().await, ErrorKind::Unavailable);
    // Redis answers, and tells nothing: that is not hidden.
    listener.silent(Duration::from_secs(1)).await;
    checks.online(["a"]).await.unwrap();
    assert_eq!(checks.events(Since::Now).await.unwrap_err().kind(), ErrorKind::Unavailable);
    run(&mut stranger(redis.url()).await, "CONFIG SET notify-keyspace-events EA").await;
    assert_eq!(listener.error().await, ErrorKind::Lagged);
    listener.expect("a", Cause::Heartbeat).await;
}

#[tokio::test]
async fn a_setting_that_somebody_else_changes_is_noticed_and_told() {
    let Some(redis) = require(Redis::private().await) else { return };
    let config = impatient(&redis).ttl(Duration::from_secs(60));
    // What two products on one Redis do to each other: the ancestor's own setting.
    let change = "CONFIG SET notify-keyspace-events Ex$";
    let mut stranger = stranger(redis.url()).await;
    let sets = start(&config).await;
    let mut listener = Listener::open(&sets).await;
    run(&mut stranger, change).await;
    // It is set again, and what was not told meanwhile is a gap.
    assert_eq!(listener.error().await, ErrorKind::Unavailable);
    assert_eq!(listener.error().await, ErrorKind::Lagged);
    sets.online(["a"]).await.unwrap();
    listener.expect("a", Cause::Heartbeat).await;
    sets.offline(["a"]).await.unwrap();
    listener.expect("a", Cause::Explicit).await;
    sets.shutdown(PATIENCE).await;

    let checks = start(&config.notifications(Notifications::Check)).await;
    let mut listener = Listener::open(&checks).await;
    run(&mut stranger, change).await;
    assert_eq!(listener.error().await, ErrorKind::Unavailable);
    let mut state = checks.state();
    let told = state.wait_for(|state| state.reason().is_some_and(|reason| reason.contains("notify"))).await;
    drop(told.unwrap());
    run(&mut stranger, "CONFIG SET notify-keyspace-events EA").await;
    assert_eq!(listener.error().await, ErrorKind::Lagged);
    assert!(state.wait_for(State::is_well).await.is_ok());
}

#[tokio::test]
async fn a_redis_that_is_full_or_evicts_shows() {
    let Some(redis) = require(Redis::private().await) else { return };
    let config = impatient(&redis).ttl(Duration::from_secs(60));
    let presence = start(&config).await;
    let mut stranger = stranger(redis.url()).await;
    let mut state = presence.state();
    run(&mut stranger, "CONFIG SET maxmemory 1").await;
    let full = state.wait_for(|state| matches!(state, State::ReadOnly { .. })).await;
    assert!(full.unwrap().reason().unwrap().contains("memory"));
    run(&mut stranger, "CONFIG SET maxmemory 0").await;
    assert!(state.wait_for(State::is_well).await.is_ok());
    // Every key of this layout expires.
    for policy in ["allkeys-lru", "volatile-ttl"] {
        run(&mut stranger, &format!("CONFIG SET maxmemory-policy {policy}")).await;
        let warnings = presence.warnings().await.unwrap();
        assert!(warnings.len() == 1 && warnings[0].contains("noeviction"), "{warnings:?}");
    }
}

#[tokio::test]
async fn a_replica_that_became_master_is_followed() {
    let Some(redis) = require(RedisSentinel::start().await) else { return };
    let master = redis.master().await.unwrap();
    // Nobody goes before it is killed.
    let config =
        impatient(master).link(link(redis.url(), Duration::from_secs(4))).ttl(Duration::from_secs(10));
    let presence = start(&config).await;
    let mut listener = Listener::open(&presence).await;
    presence.hold_device("held", "tab").await.unwrap();
    presence.online(["beats"]).await.unwrap();
    listener.expect("held", Cause::Held).await;
    listener.expect("beats", Cause::Heartbeat).await;
    master.kill().unwrap();
    assert_eq!(listener.error().await, ErrorKind::Unavailable);
    redis.failed_over(master).await.unwrap();
    while listener.error().await != ErrorKind::Lagged {}
    // Which of them the replica knew, and how long the failover took, is open; who is held is
    // online in the end.
    let (mut listener, _) = Listener::snapshot(&presence).await;
    presence.online(["new"]).await.unwrap();
    while listener.event().await.id.as_str() != "new" {}
    presence.offline(["new"]).await.unwrap();
    while listener.event().await.cause != Cause::Explicit {}
    // Its key is made again by a task of its own, and no event tells of a key that was there all
    // the while.
    let kept = async {
        while presence.status(["held"]).await.ok().as_deref() != Some(&[Status::Online]) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, kept).await.expect("who is held is online at last");
}

#[tokio::test]
async fn data_that_outlives_redis_is_nobody_lost() {
    let options = RedisOptions { append_only: true, ..RedisOptions::default() };
    let Some(redis) = require(Redis::with(&options).await) else { return };
    let config = impatient(&redis).ttl(Duration::from_secs(60));
    let presence = start(&config).await;
    let ids: Vec<_> = (0..100).map(|number| format!("{number:02}")).collect();
    presence.online(&ids).await.unwrap();
    let mut listener = Listener::open(&presence).await;
    redis.kill().unwrap();
    redis.start_again().await.unwrap();
    assert_eq!(listener.error().await, ErrorKind::Unavailable);
    assert_eq!(listener.error().await, ErrorKind::Lagged);
    assert_eq!(Listener::snapshot(&presence).await.1, ids);
    listener.silent(Duration::from_millis(500)).await;
}
