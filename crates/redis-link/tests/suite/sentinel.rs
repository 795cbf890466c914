//! A master under sentinels of which one hangs.

use redis_link::Link;
use test_support::{RedisSentinel, require};
use tokio::time::Instant;

use crate::{PATIENCE, SLACK, connect, set, set_again};

/// Freezes a machine: the master, and the first sentinel of the address.
async fn freeze_a_machine(servers: &RedisSentinel) {
    let master = servers.master().await.unwrap();
    servers.sentinels()[0].freeze().await.unwrap();
    master.freeze().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn failover_is_followed_though_the_first_sentinel_hangs() {
    let Some(servers) = require(RedisSentinel::start().await) else { return };
    let link = Link::start(connect(&servers.url())).await.unwrap();
    set(&link, "a").await.unwrap();
    freeze_a_machine(&servers).await;
    // The two sentinels that are left are enough.
    let took = set_again(&link, "a").await;
    assert!(took < PATIENCE, "followed after {took:?}");
    let begun = Instant::now();
    let late = Link::start(connect(&servers.url())).await.unwrap();
    assert!(begun.elapsed() < SLACK, "it took {:?} to start", begun.elapsed());
    set(&late, "b").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sentinels_that_the_address_does_not_name_are_remembered() {
    let Some(servers) = require(RedisSentinel::start().await) else { return };
    let first = servers.url().split(',').next().unwrap().to_owned();
    let link = Link::start(connect(&format!("{first}/mymaster"))).await.unwrap();
    set(&link, "a").await.unwrap();
    freeze_a_machine(&servers).await;
    // The only sentinel of the address says nothing any more; the others were learnt.
    set_again(&link, "a").await;
}
