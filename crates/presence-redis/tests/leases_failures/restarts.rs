//! Redis is killed, frozen, flushed, failed over.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use presence_core::rooms::{RoomBackend, Rooms};
use presence_core::{Backend, Cursor, ErrorKind, Presence, Status};
use presence_redis::Leases;
use test_support::{Redis, RedisOptions, RedisSentinel};
use tokio::time::{Instant, timeout};

use super::follower::Follower;
use super::{PATIENCE, config, in_time, known, process, tell};

/// Tries until it works, as a caller does; each try has to end in time.
async fn online_again(presence: &Presence, id: &str) {
    let until = Instant::now() + PATIENCE;
    loop {
        let tried = timeout(PATIENCE, presence.online([id])).await.expect("a call ends in time");
        match tried {
            Ok(()) => return,
            Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable),
        }
        assert!(Instant::now() < until, "it does not come back");
        tokio::task::yield_now().await;
    }
}

async fn calls_fail_in_time(presence: &Presence) {
    let begun = Instant::now();
    assert_eq!(presence.online(["new"]).await.unwrap_err().kind(), ErrorKind::Unavailable);
    let error = presence.status(["a", "b"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.partial(), &[Status::Unknown; 2], "a failed read is nobody's absence");
    assert_eq!(presence.last_seen(["a"]).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(presence.count().await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(presence.offline(["b"]).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(begun.elapsed() < PATIENCE, "five calls took {:?}", begun.elapsed());
}

/// Nobody who is held goes, and what was asked meanwhile is done: `b` told offline, `new` come.
async fn killed_and_started(redis: &Redis) {
    let config = config(redis.url());
    let (one, other) = (process(&config).await, process(&config).await);
    one.hold_device("a", "tab").await.unwrap();
    one.online(["b"]).await.unwrap();
    other.hold_device("c", "tab").await.unwrap();
    let mut follower = Follower::start(&other).await;
    assert_eq!(follower.online(), ["a", "b", "c"]);

    redis.kill().unwrap();
    calls_fail_in_time(&one).await;
    follower.silent(Duration::from_millis(300)).await;
    redis.start_again().await.unwrap();
    online_again(&one, "new").await;
    follower.until(&["a", "c", "new"]).await;
    assert!(follower.outages >= 1, "the stream says that it was cut");
    assert_eq!(known(&other, &["a", "b", "c"]).await, [Status::Online, Status::Offline, Status::Online]);

    other.end_device("c", "tab").await.unwrap();
    follower.expect("c", Status::Offline).await;
    for id in ["a", "c"] {
        let told = follower.told.get(id).cloned().unwrap_or_default();
        let expected: &[Status] = if id == "a" { &[] } else { &[Status::Offline] };
        assert_eq!(told, expected, "{id} was there all the while");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_that_lost_everything_is_told_again() {
    let Some(redis) = test_support::require(Redis::private().await) else { return };
    killed_and_started(&redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_that_kept_everything_goes_on() {
    let options = RedisOptions { append_only: true, ..RedisOptions::default() };
    let Some(redis) = test_support::require(Redis::with(&options).await) else { return };
    killed_and_started(&redis).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frozen_redis_takes_nobody_offline() {
    let Some(redis) = test_support::require(Redis::private().await) else { return };
    // Leases that no busy machine loses.
    let config = config(redis.url()).ttl(Duration::from_secs(3));
    let (one, other) = (process(&config).await, process(&config).await);
    one.hold_device("a", "tab").await.unwrap();
    other.hold_device("c", "tab").await.unwrap();
    let mut follower = Follower::start(&other).await;

    redis.freeze().await.unwrap();
    calls_fail_in_time(&one).await;
    // For longer than the leases last.
    follower.silent(Duration::from_secs(5)).await;
    redis.thaw().await.unwrap();
    online_again(&one, "end").await;
    follower.until(&["a", "c", "end"]).await;
    follower.until(&["a", "c"]).await;
    let until = Instant::now() + Duration::from_secs(5);
    while let Some(event) = follower.change(until.saturating_duration_since(Instant::now())).await {
        // It came when Redis could not answer, and was over by then: Redis may hear of it late, or
        // not at all.
        assert_eq!(event.id.as_str(), "new");
    }
    assert_eq!(follower.online(), ["a", "c"]);
    assert_eq!(known(&other, &["a", "c"]).await, [Status::Online; 2]);
    for id in ["a", "c"] {
        assert_eq!(follower.told.get(id), None, "{id} was there all the while");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn call_that_a_shutdown_overtakes_says_closed_though_redis_stands_still() {
    let Some(redis) = test_support::require(Redis::private().await) else { return };
    let leases = Arc::new(Leases::start(config(redis.url())).await.unwrap());
    let (presence, rooms) = (
        Presence::from(Arc::clone(&leases) as Arc<dyn Backend>),
        Rooms::from(leases as Arc<dyn RoomBackend>),
    );
    presence.online(["a"]).await.unwrap();
    rooms.join("lobby", "a", "tab", "x").await.unwrap();
    redis.freeze().await.unwrap();
    // The calls are made first, and are on their way when the end comes.
    let (status, online, count, join, ended) = tokio::join!(
        biased;
        presence.status(["a"]),
        presence.online(["b"]),
        rooms.count("lobby"),
        rooms.join("lobby", "b", "tab", "x"),
        presence.shutdown(PATIENCE),
    );
    let kinds = [status.unwrap_err().kind(), online.unwrap_err().kind()];
    assert_eq!(kinds, [ErrorKind::Closed; 2], "of ids");
    let kinds = [count.unwrap_err().kind(), join.unwrap_err().kind()];
    assert_eq!(kinds, [ErrorKind::Closed; 2], "of rooms");
    assert!(ended, "a redis that stands still is waited for no longer than a call");
    redis.thaw().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_and_comes_back_while_redis_stands_still_was_never_away() {
    let Some(redis) = test_support::require(Redis::private().await) else { return };
    let config = config(redis.url());
    let (one, other) = (process(&config).await, process(&config).await);
    let users: Vec<_> = (0..50).map(|number| format!("user {number}")).collect();
    for user in &users {
        one.hold_device(user, "tab").await.unwrap();
    }
    let mut follower = Follower::start(&other).await;
    assert_eq!(follower.online().len(), users.len());

    redis.freeze().await.unwrap();
    // Something for each shard, so that it waits for an answer while they leave and come back.
    let new: Vec<_> = (0..500).map(|number| format!("new {number}")).collect();
    let left = futures_util::future::join_all(users.iter().map(|user| one.end_device(user, "tab")));
    let came = async {
        // They have left as far as this process knows.
        tokio::time::sleep(Leases::LATENESS).await;
        futures_util::future::join_all(users.iter().map(|user| one.hold_device(user, "tab"))).await
    };
    // What they answer does not matter: all is heard in the end.
    drop(tokio::join!(one.online(&new), left, came));
    redis.thaw().await.unwrap();
    for id in new.iter().chain(&users) {
        online_again(&one, id).await;
    }
    let mut all: Vec<_> = new.iter().chain(&users).map(String::as_str).collect();
    all.sort_unstable();
    follower.until(&all).await;
    assert_eq!(other.count().await.unwrap(), all.len() as u64);
    for user in &users {
        let told = follower.told.get(user).map_or(0, Vec::len);
        // Redis may have heard the first half before it stood still.
        assert!(told == 0 || told == 2, "{user}: {:?}", follower.told[user]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn flush_is_noticed_and_mended() {
    let Some(redis) = test_support::require(Redis::private().await) else { return };
    let config = config(redis.url());
    let (one, other) = (process(&config).await, process(&config).await);
    let ids: Vec<_> = (0..2_000).map(|id| format!("user {id:04}")).collect();
    one.online(&ids[..1_000]).await.unwrap();
    other.online(&ids[1_000..]).await.unwrap();
    let mut follower = Follower::start(&one).await;
    tell(&redis, &["FLUSHALL"]).await;
    // From now on an answer is either true or an error.
    let begun = Instant::now();
    let mut good = 0;
    while good == 0 || begun.elapsed() < Duration::from_secs(3) {
        assert!(begun.elapsed() < PATIENCE, "nothing is known again");
        match other.status(&ids).await {
            Ok(statuses) => {
                assert!(statuses.iter().all(|status| *status == Status::Online), "somebody is missing");
                good += 1;
            }
            Err(error) => assert!(error.partial().iter().all(|status| *status != Status::Offline)),
        }
    }
    one.online(["then"]).await.unwrap();
    let all: Vec<_> = ["then"].into_iter().chain(ids.iter().map(String::as_str)).collect();
    follower.until(&all).await;
    assert_eq!(follower.lags, 1, "the stream says that it was cut");
    assert!(follower.told.keys().all(|id| id == "then"), "nobody else came or went");
    assert_eq!(one.count().await.unwrap(), 2_001);
    other.offline(["user 0000"]).await.unwrap();
    follower.expect("user 0000", Status::Offline).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_over_master_is_followed() {
    let Some(servers) = test_support::require(RedisSentinel::start().await) else { return };
    let config = config(&servers.url());
    let (one, other) = (process(&config).await, process(&config).await);
    one.hold_device("a", "tab").await.unwrap();
    other.hold_device("c", "tab").await.unwrap();
    let mut follower = Follower::start(&other).await;
    let master = servers.master().await.unwrap();
    master.kill().unwrap();
    // There may be a new master by then.
    if let Err(error) = one.online(["new"]).await {
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    servers.failed_over(master).await.unwrap();
    online_again(&one, "new").await;
    follower.until(&["a", "c", "new"]).await;
    assert_eq!(known(&other, &["a", "c"]).await, [Status::Online; 2]);
    for id in ["a", "c"] {
        assert_eq!(follower.told.get(id), None, "{id} was there all the while");
    }
    one.end_device("a", "tab").await.unwrap();
    follower.expect("a", Status::Offline).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failover_that_lost_writes_is_mended() {
    let Some(servers) = test_support::require(RedisSentinel::start().await) else { return };
    let config = config(&servers.url());
    let (one, other) = (process(&config).await, process(&config).await);
    one.hold_device("a", "tab").await.unwrap();
    other.hold_device("c", "tab").await.unwrap();
    let mut follower = Follower::start(&other).await;
    let master = servers.master().await.unwrap();
    let replica = servers.servers().iter().find(|server| server.port() != master.port()).unwrap();
    // From here on it hears of nothing.
    tell(replica, &["REPLICAOF", "127.0.0.1", "1"]).await;
    one.hold_device("b", "tab").await.unwrap();
    one.offline(["a"]).await.unwrap();
    master.kill().unwrap();
    servers.failed_over(master).await.unwrap();
    online_again(&one, "new").await;
    follower.until(&["b", "c", "new"]).await;
    let expected = [Status::Offline, Status::Online, Status::Online];
    assert_eq!(known(&other, &["a", "b", "c"]).await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_gone_before_a_restart_is_not_online_after_it() {
    let options = RedisOptions { append_only: true, ..RedisOptions::default() };
    let Some(redis) = test_support::require(Redis::with(&options).await) else { return };
    let config = config(redis.url()).ttl(Duration::from_millis(300));
    let dead = process(&config).await;
    dead.hold_device("a", "tab").await.unwrap();
    // As if it had died, with nobody left to let it go.
    dead.shutdown(PATIENCE).await;
    redis.kill().unwrap();
    tokio::time::sleep_until(Instant::now() + Duration::from_secs(2)).await;
    redis.start_again().await.unwrap();
    let next = process(&config).await;
    let until = Instant::now() + PATIENCE;
    loop {
        match next.status(["a"]).await {
            Ok(status) => {
                assert_eq!(status, [Status::Offline]);
                break;
            }
            Err(error) => assert_eq!(error.partial(), &[Status::Unknown]),
        }
        assert!(Instant::now() < until, "it is never known");
    }
    assert_eq!(next.count().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn process_that_nobody_knew_is_waited_for() {
    in_time(unknown_process_is_waited_for).await;
}

/// Says whether nobody was taken for offline.
async fn unknown_process_is_waited_for(redis: &Redis) -> bool {
    let config = config(redis.url());
    let one = process(&config).await;
    one.online(["a"]).await.unwrap();
    // Others hear of it when they renew: the data is gone before that.
    let new = process(&config).await;
    new.hold_device("b", "tab").await.unwrap();
    tell(redis, &["FLUSHALL"]).await;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(3) || one.count().await.ok() != Some(2) {
        assert!(begun.elapsed() < PATIENCE, "they are not counted again");
        let statuses = match one.status(["a", "b"]).await {
            Ok(statuses) => statuses,
            Err(error) => error.partial().clone(),
        };
        if statuses.contains(&Status::Offline) {
            return false;
        }
    }
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn listing_that_outlives_a_restart_leaves_nobody_out() {
    let Some(redis) = test_support::require(Redis::private().await) else { return };
    let presence = process(&config(redis.url())).await;
    let ids: BTreeSet<_> = (0..3_000).map(|number| format!("user {number}")).collect();
    presence.online(&ids).await.unwrap();
    let (mut listed, mut cursor, mut pages) = (BTreeSet::new(), Cursor::default(), 0);
    loop {
        let page = match presence.online_ids(cursor, 100).await {
            Ok(page) => page,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unavailable);
                continue;
            }
        };
        listed.extend(page.ids.iter().map(ToString::to_string));
        pages += 1;
        if pages == 10 {
            // Another seed, and so another order.
            redis.kill().unwrap();
            redis.start_again().await.unwrap();
        }
        let Some(next) = page.next else { break };
        cursor = next;
    }
    let left_out: Vec<_> = ids.difference(&listed).take(5).collect();
    assert_eq!(left_out, [""; 0], "{} of {} were listed", listed.len(), ids.len());
}
