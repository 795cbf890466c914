//! A process dies, or is cut off and comes back.

use std::sync::Arc;
use std::time::Duration;

use presence_core::rooms::{RoomBackend, Rooms};
use presence_core::{Backend, Cause, ErrorKind, Presence, Status};
use presence_redis::leases::{Config, Leases};
use test_support::Redis;
use tokio::time::{Instant, sleep_until};

use super::follower::Follower;
use super::wire::Wire;
use super::{PATIENCE, config, impatient, in_time, known, link, process, tell};

#[tokio::test(flavor = "multi_thread")]
async fn ids_of_a_dead_process_go_once_and_not_before_their_time() {
    let Some(redis) = test_support::require(Redis::start().await) else { return };
    // Leases that no busy machine loses.
    let ttl = Duration::from_secs(3);
    let config = config(redis.url()).ttl(ttl).link(link(redis.url()).timeout(PATIENCE));
    let (dies, lives, helps) = (process(&config).await, process(&config).await, process(&config).await);
    let ids: Vec<_> = (0..5_000).map(|id| format!("user {id}")).collect();
    lives.hold_device(&ids[0], "tab").await.unwrap();
    dies.hold_device(&ids[0], "tab").await.unwrap();
    let mut follower = Follower::start(&lives).await;
    let last = Instant::now();
    dies.online(&ids).await.unwrap();
    dies.shutdown(PATIENCE).await;
    let closed = Instant::now();
    let mut gone = 0;
    while gone < ids.len() - 1 {
        let event = follower.change(PATIENCE).await.expect("each id goes");
        if event.status == Status::Offline {
            assert_eq!(event.cause, Cause::Expired);
            assert!(last.elapsed() >= ttl, "{} after {:?}", event.id, last.elapsed());
            gone += 1;
        }
    }
    // TTL and grace and 2 s are promised of an idle machine; here it is that they go by a lease,
    // and not by a timer of minutes.
    assert!(closed.elapsed() < PATIENCE, "the last one went after {:?}", closed.elapsed());
    follower.silent(Duration::from_secs(1)).await;
    assert_eq!(follower.online(), [&ids[0]], "held by somebody else, too");
    drop(helps);
}

/// A machine that is busy, or a process that was stopped and continued.
#[tokio::test]
async fn process_that_stood_still_takes_heartbeats_while_redis_is_well() {
    let Some(redis) = test_support::require(Redis::start().await) else { return };
    let leases = Arc::new(Leases::start(config(redis.url())).await.unwrap());
    let presence = Presence::from(Arc::clone(&leases) as Arc<dyn Backend>);
    let rooms = Rooms::from(leases as Arc<dyn RoomBackend>);
    let ids: Vec<_> = (0..40).map(|id| format!("user {id}")).collect();
    presence.online(&ids).await.unwrap();
    presence.beat_device("single", "phone").await.unwrap();
    rooms.join_beating("room", "member", "phone", "").await.unwrap();
    for _ in 0..3 {
        // Blocks the only thread that this process has.
        std::thread::sleep(Config::PATIENCE + Config::RENEWAL);
        presence.beat_device("single", "phone").await.unwrap();
        std::thread::sleep(Config::PATIENCE + Config::RENEWAL);
        assert!(rooms.beat("room", "member", "phone").await.unwrap());
        std::thread::sleep(Config::PATIENCE + Config::RENEWAL);
        presence.online(&ids).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_online_after_the_last_process() {
    let Some(redis) = test_support::require(Redis::start().await) else { return };
    let config = config(redis.url()).ttl(Duration::from_millis(500));
    let last = process(&config).await;
    last.online(["a", "b"]).await.unwrap();
    last.hold_device("c", "tab").await.unwrap();
    last.shutdown(PATIENCE).await;
    // What nobody renews is over by then, and nobody was there to say so.
    sleep_until(Instant::now() + Duration::from_secs(3)).await;
    let next = process(&config).await;
    assert_eq!(known(&next, &["a", "b", "c"]).await, [Status::Offline; 3]);
    assert_eq!(next.count().await.unwrap(), 0);
    assert_eq!(Follower::start(&next).await.online(), Vec::<&str>::new());
    let seen = next.last_seen(["a", "never"]).await.unwrap();
    assert!(seen[0].is_some() && seen[1].is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn process_that_was_cut_off_comes_back_without_a_lie() {
    let Some(redis) = test_support::require(Redis::start().await) else { return };
    let wire = Wire::start(redis.url()).await;
    // A lease that no busy machine loses.
    let config = config(redis.url()).ttl(Duration::from_secs(3));
    let lives = process(&config).await;
    let cut = process(&config.link(link(&wire.url))).await;
    cut.hold_device("stays", "tab").await.unwrap();
    cut.hold_device("leaves", "tab").await.unwrap();
    cut.hold_device("both", "tab").await.unwrap();
    lives.hold_device("both", "tab").await.unwrap();
    let mut follower = Follower::start(&lives).await;

    wire.cut();
    for _ in 0..2 {
        assert_eq!(follower.change(PATIENCE).await.expect("its lease runs out").cause, Cause::Expired);
    }
    assert_eq!(follower.online(), ["both"]);
    assert_eq!(lives.status(["stays"]).await.unwrap(), [Status::Offline]);
    // While it is away it may not say that somebody is online, and what happens there counts in the
    // end.
    assert!(cut.online(["stays"]).await.is_err());
    assert!(cut.end_device("leaves", "tab").await.is_err());
    wire.mend();
    follower.expect("stays", Status::Online).await;
    follower.silent(Duration::from_secs(2)).await;
    assert_eq!(follower.online(), ["both", "stays"]);
    cut.end_device("stays", "tab").await.unwrap();
    follower.expect("stays", Status::Offline).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn device_that_beat_elsewhere_is_ended_there() {
    let Some(redis) = test_support::require(Redis::start().await) else { return };
    let config = config(redis.url());
    let (one, other) = (process(&config).await, process(&config).await);
    let mut follower = Follower::start(&one).await;
    // A client behind a load balancer.
    one.beat_device("a", "phone").await.unwrap();
    other.beat_device("a", "phone").await.unwrap();
    follower.expect("a", Status::Online).await;
    one.end_device("a", "phone").await.unwrap();
    assert_eq!(follower.expect("a", Status::Offline).await.cause, Cause::Ended);
}

#[tokio::test(flavor = "multi_thread")]
async fn device_that_two_processes_hold_ends_with_the_second() {
    let Some(redis) = test_support::require(Redis::start().await) else { return };
    let config = config(redis.url());
    let (one, other) = (process(&config).await, process(&config).await);
    let mut follower = Follower::start(&one).await;
    // A client that came back through another server before the first one noticed that it had gone.
    one.hold_device("a", "tab").await.unwrap();
    other.hold_device("a", "tab").await.unwrap();
    follower.expect("a", Status::Online).await;
    one.end_device("a", "tab").await.unwrap();
    follower.silent(Duration::from_millis(300)).await;
    assert_eq!(one.status(["a"]).await.unwrap(), [Status::Online]);
    other.end_device("a", "tab").await.unwrap();
    assert_eq!(follower.expect("a", Status::Offline).await.cause, Cause::Ended);
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeat_after_an_offline_elsewhere_is_an_arrival() {
    let Some(redis) = test_support::require(Redis::start().await) else { return };
    let config = config(redis.url());
    let (one, other) = (process(&config).await, process(&config).await);
    let mut follower = Follower::start(&one).await;
    for _ in 0..50 {
        one.online(["a"]).await.unwrap();
        follower.expect("a", Status::Online).await;
        other.offline(["a"]).await.unwrap();
        follower.expect("a", Status::Offline).await;
        assert_eq!(one.status(["a"]).await.unwrap(), [Status::Offline]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_heard_without_an_answer_is_not_done_twice() {
    let Some(redis) = test_support::require(Redis::start().await) else { return };
    for _ in 0..20 {
        if is_not_done_twice(redis.url()).await {
            return;
        }
    }
    panic!("redis heard nothing without an answer, 20 times");
}

/// Lets Redis hear an `offline` whose answer is lost, and says whether it did: a renewal that is on
/// its way when answers begin to be lost is in front of it.
async fn is_not_done_twice(redis: &str) -> bool {
    let wire = Wire::start(redis).await;
    let config = config(redis);
    let other = process(&config).await;
    let one = process(&config.link(link(&wire.url))).await;
    one.online(["a"]).await.unwrap();
    let mut follower = Follower::start(&other).await;
    assert_eq!(follower.online(), ["a"]);

    wire.deafen();
    assert_eq!(one.offline(["a"]).await.unwrap_err().kind(), ErrorKind::Unavailable);
    match follower.expect("a", Status::Offline).await.cause {
        Cause::Explicit => {}
        // Its lease is over.
        Cause::Expired => return false,
        cause => panic!("offline by {cause:?}"),
    }
    other.online(["a"]).await.unwrap();
    follower.expect("a", Status::Online).await;
    // A new connection, on which it is said again.
    wire.cut();
    wire.mend();
    while one.offline(["nobody"]).await.is_err() || one.online(["end"]).await.is_err() {}
    follower.expect("end", Status::Online).await;
    follower.silent(Duration::from_millis(500)).await;
    assert_eq!(one.status(["a"]).await.unwrap(), [Status::Online]);
    true
}

#[tokio::test(flavor = "multi_thread")]
async fn offline_is_not_promised_before_everybody_has_said_who_is_here() {
    in_time(offline_waits).await;
}

/// Tells somebody offline while another process has not said who is there, and says whether the
/// machine was quick enough.
async fn offline_waits(redis: &Redis) -> bool {
    let wire = Wire::start(redis.url()).await;
    let config = config(redis.url());
    // Who gives up before the other one is not waited for any more.
    let impatient = impatient(&config, redis.url());
    let Ok(one) = Leases::start(impatient).await.map(Presence::new) else { return false };
    let other = process(&config.link(link(&wire.url))).await;
    if one.hold_device("a", "tab").await.is_err() {
        return false;
    }
    other.hold_device("a", "phone").await.unwrap();
    // They hear of each other when they renew, every 400 ms.
    sleep_until(Instant::now() + Duration::from_secs(1)).await;

    wire.cut();
    tell(redis, &["FLUSHALL"]).await;
    let until = Instant::now() + PATIENCE;
    // Known again, by the one who can say so.
    while one.status(["a"]).await.ok() != Some(vec![Status::Online]) {
        assert!(Instant::now() < until, "it is announced");
    }
    match one.offline(["a"]).await {
        // The other one was waited for in vain, or had not been heard of.
        Ok(()) => return false,
        Err(error) => assert_eq!(error.kind(), ErrorKind::Unavailable),
    }
    wire.mend();
    while one.offline(["a"]).await.is_err() {
        assert!(Instant::now() < until, "it can be told offline");
    }
    assert_eq!(known(&one, &["a"]).await, [Status::Offline]);
    true
}
