//! A cluster of which one master hangs, a slot moves, or another one takes its place.

use std::collections::HashSet;
use std::time::Duration;

use redis_link::{ErrorKind, Link};
use test_support::{RedisCluster, require};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use crate::{PATIENCE, SLACK, connect, get, set, set_again};

/// Keys of each of the masters, in their order.
async fn keys(cluster: &RedisCluster) -> Vec<String> {
    let mut keys = vec![String::new(); 3];
    for number in 0.. {
        if keys.iter().all(|key| !key.is_empty()) {
            break;
        }
        let key = format!("key {number}");
        let holder = cluster.holder(slot(&key)).await.unwrap();
        keys[holder] = key;
    }
    keys
}

/// CRC-16/XMODEM of a key without a tag. Source:
/// <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/>, section "Hash
/// tags".
fn slot(key: &str) -> u16 {
    let crc =
        key.bytes().fold(0_u16, |crc, byte| {
            (0..8).fold(crc ^ u16::from(byte) << 8, |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
            })
        });
    crc % 16_384
}

#[tokio::test(flavor = "multi_thread")]
async fn master_that_hangs_takes_nobody_else_along() {
    let Some(cluster) = require(RedisCluster::replicated(3).await) else { return };
    let keys = keys(&cluster).await;
    let link = Link::start(connect(&cluster.url())).await.unwrap();
    for key in &keys {
        set(&link, key).await.unwrap();
    }
    // Nobody takes its place before it was missed.
    cluster.node(3).freeze().await.unwrap();
    cluster.node(0).freeze().await.unwrap();
    // All the while, others are answered.
    let mut healthy = JoinSet::new();
    for key in [keys[1].clone(), keys[2].clone()] {
        let link = link.clone();
        healthy.spawn(async move {
            loop {
                if let Err(error) = get(&link, &key).await {
                    return format!("{key}: {error}");
                }
                sleep(Duration::from_millis(5)).await;
            }
        });
    }
    let begun = Instant::now();
    assert_eq!(set(&link, &keys[0]).await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(begun.elapsed() < link.timeout() + SLACK, "a call took {:?}", begun.elapsed());
    // A process that starts now finds its way, and those who start before and after the failover
    // have the same.
    let early = Link::start(connect(&cluster.url())).await.unwrap();
    set(&early, &keys[1]).await.unwrap();
    cluster.node(3).thaw().await.unwrap();
    cluster.failed_over(0).await.unwrap();
    let followed = Instant::now();
    for link in [&link, &early] {
        set_again(link, &keys[0]).await;
    }
    assert!(followed.elapsed() < SLACK, "the failover was followed after {:?}", followed.elapsed());
    let late = Link::start(connect(&cluster.url())).await.unwrap();
    for key in &keys {
        set(&late, key).await.unwrap();
        assert!(get(&link, key).await.unwrap().is_some());
    }
    if let Some(failed) = healthy.try_join_next() {
        panic!("a key of a healthy master failed: {}", failed.unwrap());
    }
    // The old master wakes up, believes that it is still one, and has no say.
    cluster.node(0).thaw().await.unwrap();
    for _ in 0..20 {
        set_again(&late, &keys[0]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn address_whose_first_node_hangs_is_as_good_as_another() {
    let Some(cluster) = require(RedisCluster::replicated(3).await) else { return };
    cluster.node(0).freeze().await.unwrap();
    cluster.failed_over(0).await.unwrap();
    let begun = Instant::now();
    let link = Link::start(connect(&cluster.url())).await.unwrap();
    assert!(begun.elapsed() < SLACK, "it took {:?} to start", begun.elapsed());
    for number in 0..50 {
        set_again(&link, &format!("key {number}")).await;
    }
    let answers = link.each_master(&redis::cmd("PING")).await;
    assert_eq!(answers.len(), 3);
    assert!(answers.iter().all(|(_, answer)| answer.is_ok()), "{answers:?}");
}

/// What a client is for: a subscription, say, which any node of a cluster is good for.
#[tokio::test(flavor = "multi_thread")]
async fn clients_are_for_another_node_when_the_first_of_the_address_is_gone() {
    let Some(cluster) = require(RedisCluster::replicated(3).await) else { return };
    let link = Link::start(connect(&cluster.url())).await.unwrap();
    for key in &keys(&cluster).await {
        set(&link, key).await.unwrap();
    }
    let mut places = HashSet::new();
    for _ in 0..3 {
        let client = link.client().await.unwrap();
        places.insert(client.get_connection_info().addr().to_string());
    }
    assert!(places.len() > 1, "all are for {places:?}");
    cluster.node(0).kill().unwrap();
    cluster.failed_over(0).await.unwrap();
    let begun = Instant::now();
    let mut in_a_row = 0;
    while in_a_row < 6 {
        assert!(begun.elapsed() < PATIENCE, "clients are for a node that is gone");
        let client = link.client().await.unwrap();
        let reached = timeout(PATIENCE, client.get_multiplexed_async_connection()).await.unwrap();
        in_a_row = if reached.is_ok() { in_a_row + 1 } else { 0 };
        sleep(Duration::from_millis(20)).await;
    }
    // A start finds others, too.
    let late = Link::start(connect(&cluster.url())).await.unwrap();
    let client = late.client().await.unwrap();
    timeout(PATIENCE, client.get_multiplexed_async_connection()).await.unwrap().unwrap();
}

/// An address that leads to one cluster now and to another one later, as a name of a service does.
#[tokio::test(flavor = "multi_thread")]
async fn cluster_that_is_built_anew_elsewhere_is_followed_though_its_epochs_begin_again() {
    // With fewer masters its epoch is lower.
    let Some(anew) = require(RedisCluster::start(2).await) else { return };
    let old = RedisCluster::start(3).await.unwrap();
    for node in anew.nodes() {
        node.kill().unwrap();
    }
    let address = format!("{},{}", old.url(), anew.url().trim_start_matches("redis-cluster://"));
    let link = Link::start(connect(&address)).await.unwrap();
    // To the keys of the other masters there are no calls.
    set(&link, "key").await.unwrap();
    for node in old.nodes() {
        node.kill().unwrap();
    }
    for node in anew.nodes() {
        node.start_again().await.unwrap();
    }
    anew.is_well().await.unwrap();
    for number in 0..50 {
        set_again(&link, &format!("key {number}")).await;
    }
    assert_eq!(link.each_master(&redis::cmd("PING")).await.len(), 2);
}

/// The cluster becomes one of its first node alone, whose address stays, at a lower epoch.
#[tokio::test(flavor = "multi_thread")]
async fn cluster_that_is_built_anew_on_one_of_its_addresses_is_followed() {
    let Some(cluster) = require(RedisCluster::start(3).await) else { return };
    let link = Link::start(connect(&cluster.url())).await.unwrap();
    let keys = keys(&cluster).await;
    for key in &keys {
        set(&link, key).await.unwrap();
    }
    for node in &cluster.nodes()[1..] {
        node.kill().unwrap();
    }
    let node = redis::Client::open(cluster.node(0).url()).unwrap();
    let patient = redis::AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE));
    let mut node = node.get_multiplexed_async_connection_with_config(&patient).await.unwrap();
    for command in
        ["FLUSHALL", "CLUSTER RESET HARD", "CLUSTER SET-CONFIG-EPOCH 1", "CLUSTER ADDSLOTSRANGE 0 16383"]
    {
        let mut words = redis::Cmd::new();
        words.arg(command.split(' ').collect::<Vec<_>>());
        words.exec_async(&mut node).await.unwrap();
    }
    // The connection of the link was not lost, and those keys that were elsewhere are here now.
    for key in &keys {
        set_again(&link, key).await;
    }
    assert_eq!(link.each_master(&redis::cmd("PING")).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_node_of_a_cluster_leads_to_all() {
    let Some(cluster) = require(RedisCluster::start(3).await) else { return };
    let link = Link::start(connect(cluster.node(1).url())).await.unwrap();
    assert!(link.is_cluster());
    for number in 0..50 {
        let key = format!("key {number}");
        set(&link, &key).await.unwrap();
        // Not the address of the link, which is that of one node.
        assert!(!link.server(&key).contains("://"), "{}", link.server(&key));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_to_all_masters_are_counted() {
    let Some(cluster) = require(RedisCluster::start(3).await) else { return };
    let link = Link::start(connect(&cluster.url())).await.unwrap();
    for key in &keys(&cluster).await {
        set(&link, key).await.unwrap();
    }
    let made = link.connections();
    assert!(made >= 3, "there are 3 masters and {made} connections");
    for key in &keys(&cluster).await {
        set(&link, key).await.unwrap();
    }
    assert_eq!(link.connections(), made);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_about_a_slot_that_moves_wait_for_it() {
    let Some(cluster) = require(RedisCluster::start(3).await) else { return };
    let link = Link::start(connect(&cluster.url())).await.unwrap();
    let key = "moves";
    set(&link, key).await.unwrap();
    let mut calls = JoinSet::new();
    let caller = link.clone();
    calls.spawn(async move {
        loop {
            set(&caller, key).await?;
            if let Err(error) = get(&caller, key).await {
                break Err::<(), _>(error);
            }
        }
    });
    let from = cluster.holder(slot(key)).await.unwrap();
    for turn in 0..6 {
        let (from, to) = ((from + turn) % 3, (from + turn + 1) % 3);
        cluster.move_slot(slot(key), from, to).await.unwrap();
    }
    set(&link, key).await.unwrap();
    if let Some(failed) = calls.try_join_next() {
        panic!("a call failed during a move: {:?}", failed.unwrap());
    }
}
