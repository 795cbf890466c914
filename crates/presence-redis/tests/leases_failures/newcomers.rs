//! A process that enters after a time in which nobody could renew: those who were there get time to
//! say that they still are.

use std::time::Duration;

use presence_core::rooms::Rooms;
use presence_core::{Cause, Presence, Status};
use presence_redis::leases::{Config, Leases};
use test_support::Redis;
use tokio::time::{Instant, sleep};

use super::follower::Follower;
use super::wire::Wire;
use super::{PATIENCE, config, impatient, in_time, link, process, tell};

const TTL: Duration = Duration::from_secs(3);

/// A wire to Redis that can be cut, the configuration of a process behind it, and that of one that
/// is not.
async fn wired(redis: &Redis) -> (Wire, Config, Config) {
    let wire = Wire::start(redis.url()).await;
    // Leases that no busy machine loses.
    let config = config(redis.url()).ttl(TTL);
    let wired = config.clone().link(link(&wire.url));
    (wire, wired, config)
}

/// Refuses writes for longer than any lease.
async fn refuse_writes_for_long(redis: &Redis) {
    tell(redis, &["CONFIG", "SET", "min-replicas-to-write", "1"]).await;
    sleep(TTL + Duration::from_secs(2)).await;
}

async fn accept_writes(redis: &Redis) {
    tell(redis, &["CONFIG", "SET", "min-replicas-to-write", "0"]).await;
}

/// What is known of "a"; nothing while that is said to be unknown.
async fn status(presence: &Presence) -> Option<Status> {
    presence.status(["a"]).await.ok().map(|statuses| statuses[0])
}

async fn until(presence: &Presence, expected: Status) {
    let begun = Instant::now();
    while status(presence).await != Some(expected) {
        assert!(begun.elapsed() < PATIENCE, "it is not {expected} at last");
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn newcomer_lets_go_of_nobody_who_could_not_renew() {
    in_time(newcomer_waits).await;
}

/// Lets a newcomer wait for somebody who could not renew, and says whether the machine was quick
/// enough.
async fn newcomer_waits(redis: &Redis) -> bool {
    let (wire, wired, config) = wired(redis).await;
    let (holder, other) = (process(&wired).await, process(&config).await);
    let members = Rooms::new(Leases::start(wired.clone()).await.unwrap());
    holder.hold_device("a", "tab").await.unwrap();
    members.join("lobby", "a", "tab", "x").await.unwrap();
    let mut follower = Follower::start(&other).await;

    refuse_writes_for_long(redis).await;
    // They will be the last to hear that writes are taken again.
    wire.cut();
    let accepted = Instant::now();
    accept_writes(redis).await;
    // They answer soon that they do not know; or not at all, if the machine is busy.
    let impatient = impatient(&config, redis.url());
    let started = async || Leases::start(impatient.clone()).await.ok();
    let (Some(newcomer), Some(rooms)) = (started().await, started().await) else { return false };
    let (newcomer, rooms) = (Presence::new(newcomer), Rooms::new(rooms));
    let entered = Instant::now();
    while entered.elapsed() < Duration::from_millis(1_500) {
        let answers = (status(&newcomer).await, newcomer.count().await.ok(), rooms.count("lobby").await.ok());
        if accepted.elapsed() >= IN_TIME {
            return false;
        }
        assert_ne!(answers.0, Some(Status::Offline), "it is held, by who could not renew");
        assert_ne!(answers.1, Some(0), "it is held, by who could not renew");
        assert_ne!(answers.2, Some(0), "it is there, by who could not renew");
        sleep(Duration::from_millis(50)).await;
    }
    wire.mend();
    until(&newcomer, Status::Online).await;
    if accepted.elapsed() >= IN_TIME {
        return false;
    }
    let begun = Instant::now();
    while newcomer.count().await.ok() != Some(1) {
        assert!(begun.elapsed() < PATIENCE, "who is held is not counted again");
    }
    while rooms.count("lobby").await.ok() != Some(1) {
        assert!(begun.elapsed() < PATIENCE, "the member does not come back");
    }
    follower.silent(Duration::from_secs(1)).await;
    assert_eq!(follower.online(), ["a"]);
    true
}

/// Within the 5 s that a newcomer waits for others.
const IN_TIME: Duration = Duration::from_secs(4);

#[tokio::test(flavor = "multi_thread")]
async fn process_that_does_not_come_back_after_refused_writes_is_let_go() {
    let Some(redis) = test_support::require(Redis::private().await) else { return };
    let (wire, wired, config) = wired(&redis).await;
    let (holder, other) = (process(&wired).await, process(&config).await);
    holder.hold_device("a", "tab").await.unwrap();
    let mut follower = Follower::start(&other).await;
    refuse_writes_for_long(&redis).await;
    wire.cut();
    accept_writes(&redis).await;
    let newcomer = process(&config).await;
    assert_eq!(follower.expect("a", Status::Offline).await.cause, Cause::Expired);
    until(&newcomer, Status::Offline).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_online_after_the_last_process_crashed() {
    let Some(redis) = test_support::require(Redis::private().await) else { return };
    let (wire, wired, config) = wired(&redis).await;
    let crashes = process(&wired).await;
    crashes.hold_device("a", "tab").await.unwrap();
    wire.cut();
    sleep(TTL + Duration::from_secs(2)).await;
    // Was it cut off, or did it crash? That is unknown for a moment, and "online" is no answer to
    // it.
    let next = process(&config).await;
    let begun = Instant::now();
    loop {
        match status(&next).await {
            Some(Status::Offline) => break,
            Some(status) => panic!("{status} after its last lease"),
            None => assert!(begun.elapsed() < PATIENCE, "it is not known at last"),
        }
    }
}
