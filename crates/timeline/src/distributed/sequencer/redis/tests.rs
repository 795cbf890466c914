//! Counters in a real Redis that fails in every way.

use std::collections::HashSet;
use std::time::Duration;

use redis::FromRedisValue;
use redis::aio::MultiplexedConnection;
use test_support::{Mongo, Redis, RedisCluster, RedisOptions, redis_connection, require, unique};
use tokio::time::{Instant, sleep};

use super::script;
use crate::Seq;
use crate::distributed::box_id::BoxId;
use crate::distributed::config::Config;
use crate::distributed::sequencer::Want;
use crate::distributed::sequencer::tests::{NOW_MS, TestNode, clocks_apart, fresh, inbox, seq};

/// For what must come, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);

/// The settings of a store on both, and what its keys begin with.
fn both(mongo: &Mongo, url: &str) -> (Config, String) {
    let prefix = unique("sequences:");
    (fresh(mongo).redis(url).redis_prefix(&prefix), prefix)
}

/// Sends a command beside the product.
async fn tell(redis: &mut MultiplexedConnection, words: &[&str]) {
    redis::Cmd::new().arg(words).exec_async(redis).await.unwrap();
}

/// The same, of which the answer is wanted.
async fn ask<T: FromRedisValue>(redis: &mut MultiplexedConnection, words: &[&str]) -> T {
    redis::Cmd::new().arg(words).query_async(redis).await.unwrap()
}

/// Returns where a counter in Redis is.
async fn counter(redis: &mut MultiplexedConnection, prefix: &str, boxed: &BoxId) -> Option<u64> {
    ask(redis, &["HGET", &script::key(prefix, boxed), "s"]).await
}

/// Reserves until Redis gives it out, and checks that each sequence is above the one before.
async fn one_by_redis(
    node: &TestNode,
    redis: &mut MultiplexedConnection,
    prefix: &str,
    boxed: &BoxId,
    last: Seq,
) -> Seq {
    let (begun, mut last) = (Instant::now(), last);
    loop {
        let next = node.one(boxed).await;
        assert!(next > last, "{next} came after {last}");
        node.put(boxed, next, 0).await;
        if counter(redis, prefix, boxed).await == Some(next.get()) {
            return next;
        }
        assert!(begun.elapsed() < PATIENCE, "redis does not come back");
        last = next;
        sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counters_go_on_from_the_store_whatever_redis_forgets() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let Some(redis) = require(Redis::private().await) else { return };
    let (config, prefix) = both(&mongo, redis.url());
    let (node, a) = (TestNode::start(&config).await, inbox("a"));
    node.put(&a, seq(3), 0).await;
    let mut beside = redis_connection(redis.url()).await.unwrap();
    let last = one_by_redis(&node, &mut beside, &prefix, &a, seq(3)).await;
    // The counter is gone, and with it the script; the connection stays.
    tell(&mut beside, &["FLUSHALL"]).await;
    tell(&mut beside, &["SCRIPT", "FLUSH"]).await;
    let last = one_by_redis(&node, &mut beside, &prefix, &a, last).await;
    // It is set back, as by a failover to a replica that had not got the last writes.
    let key = script::key(&prefix, &a);
    tell(&mut beside, &["HSET", &key, "s", "1"]).await;
    let last = one_by_redis(&node, &mut beside, &prefix, &a, last).await;
    // The same with a new connection, on which this process has given out nothing yet.
    tell(&mut beside, &["HSET", &key, "s", "1"]).await;
    tell(&mut beside, &["CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes"]).await;
    one_by_redis(&node, &mut beside, &prefix, &a, last).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_apart_change_no_sequence_of_redis_and_no_time_falls() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let Some(redis) = require(Redis::private().await) else { return };
    clocks_apart(&both(&mongo, redis.url()).0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_starts_raises_a_counter_that_is_behind() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let Some(redis) = require(Redis::private().await) else { return };
    let (config, prefix) = both(&mongo, redis.url());
    let a = inbox("a");
    let mut beside = redis_connection(redis.url()).await.unwrap();
    tell(&mut beside, &["HSET", &script::key(&prefix, &a), "s", "2"]).await;
    let node = TestNode::start(&config).await;
    node.put(&a, seq(9), 0).await;
    one_by_redis(&node, &mut beside, &prefix, &a, seq(9)).await;
    // Without an entry to tell, what another node has reserved counts.
    let b = inbox("b");
    tell(&mut beside, &["HSET", &script::key(&prefix, &b), "s", "5"]).await;
    let next = one_by_redis(&node, &mut beside, &prefix, &b, Seq::ZERO).await;
    assert!(next > seq(5), "{next} was given out to somebody else");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_begin_a_box_at_once_get_different_sequences() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let Some(redis) = require(Redis::private().await) else { return };
    let (config, prefix) = both(&mongo, redis.url());
    let (one, other) = tokio::join!(TestNode::start(&config), TestNode::start(&config));
    let mut beside = redis_connection(redis.url()).await.unwrap();
    // Both have found Redis.
    one_by_redis(&one, &mut beside, &prefix, &inbox("one"), Seq::ZERO).await;
    one_by_redis(&other, &mut beside, &prefix, &inbox("other"), Seq::ZERO).await;
    for round in 0..20 {
        let a = inbox(&format!("a {round}"));
        let (first, second) = tokio::join!(one.some(&a, 2), other.some(&a, 3));
        let mut taken = HashSet::new();
        for (reserved, count) in [(first, 2), (second, 3)] {
            taken.extend((0..count).map(|offset| reserved.first.get() + offset));
        }
        let counted = counter(&mut beside, &prefix, &a).await;
        assert!(taken.len() == 5 || counted != Some(5), "{taken:?} were given out");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_hangs_or_goes_is_left_alone_until_it_is_back() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let Some(redis) = require(Redis::private().await) else { return };
    let (config, prefix) = both(&mongo, redis.url());
    let (node, a) = (TestNode::start(&config).await, inbox("a"));
    let mut beside = redis_connection(redis.url()).await.unwrap();
    let last = one_by_redis(&node, &mut beside, &prefix, &a, Seq::ZERO).await;
    redis.freeze().await.unwrap();
    let mut next = last;
    for _ in 0..20 {
        // The index gives out the next one, without a hole.
        assert_eq!(node.one(&a).await, next.next());
        next = next.next();
        node.put(&a, next, 0).await;
    }
    redis.thaw().await.unwrap();
    next = one_by_redis(&node, &mut beside, &prefix, &a, next).await;
    redis.kill().unwrap();
    for _ in 0..20 {
        assert_eq!(node.one(&a).await, next.next());
        next = next.next();
        node.put(&a, next, 0).await;
    }
    // It comes back with nothing.
    redis.start_again().await.unwrap();
    let mut beside = redis_connection(redis.url()).await.unwrap();
    one_by_redis(&node, &mut beside, &prefix, &a, next).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_refuses_writes_is_as_one_that_is_away() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let Some(redis) = require(Redis::private().await) else { return };
    let (config, prefix) = both(&mongo, redis.url());
    let (node, a) = (TestNode::start(&config).await, inbox("a"));
    let mut beside = redis_connection(redis.url()).await.unwrap();
    let last = one_by_redis(&node, &mut beside, &prefix, &a, Seq::ZERO).await;
    tell(&mut beside, &["CONFIG", "SET", "maxmemory", "1"]).await;
    assert_eq!(node.one(&a).await, last.next());
    node.put(&a, last.next(), 0).await;
    tell(&mut beside, &["CONFIG", "SET", "maxmemory", "0"]).await;
    one_by_redis(&node, &mut beside, &prefix, &a, last.next()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_not_there_at_the_start_costs_nothing_but_time() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let (config, _) = both(&mongo, "redis://127.0.0.1:1");
    let (node, a) = (TestNode::start(&config).await, inbox("a"));
    assert_eq!(node.one(&a).await, seq(1));
    assert_eq!(node.again(&a).await, seq(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn boxes_of_the_go_service_go_on_from_its_counters() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let Some(redis) = require(Redis::private().await) else { return };
    let (config, prefix) = both(&mongo, redis.url());
    let mut beside = redis_connection(redis.url()).await.unwrap();
    let node = TestNode::start(&config.go_counters(true)).await;
    let begun = Instant::now();
    for round in 0.. {
        let [a, b, c] = ["a", "b", "c"].map(|name| format!("{name} {round}"));
        tell(&mut beside, &["SET", &a, "41"]).await;
        tell(&mut beside, &["SET", &b, "not a number"]).await;
        tell(&mut beside, &["HSET", &c, "is", "something else"]).await;
        let wants = [inbox(&a), inbox(&b), inbox(&c)];
        let wants = wants.each_ref().map(|boxed| Want { boxed, count: 1 });
        let reserved = node.sequencer.reserve(&wants, NOW_MS).await.unwrap();
        let given: Vec<_> = reserved.iter().map(|reserved| reserved.first.get()).collect();
        // Unless Redis was slow, and the index gave them out.
        if counter(&mut beside, &prefix, wants[0].boxed).await == Some(given[0]) {
            assert_eq!(given, [42, 1, 1]);
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "redis does not come back");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Of a cluster of which one master hangs.
#[tokio::test(flavor = "multi_thread")]
async fn one_master_that_hangs_takes_no_other_box_along() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let arguments = ["--cluster-require-full-coverage", "no"].map(str::to_owned).to_vec();
    let options = RedisOptions { arguments, ..RedisOptions::default() };
    let Some(cluster) = require(RedisCluster::with(3, &options).await) else { return };
    let (config, prefix) = both(&mongo, &cluster.url());
    let node = TestNode::start(&config).await;
    // Boxes of each master, by where their counters are.
    let mut beside = Vec::new();
    for master in cluster.nodes() {
        beside.push(redis_connection(master.url()).await.unwrap());
    }
    let mut boxes = vec![Vec::new(); 3];
    for number in 0..30 {
        let boxed = inbox(&format!("member {number}"));
        let slot: u16 = ask(&mut beside[0], &["CLUSTER", "KEYSLOT", &script::key(&prefix, &boxed)]).await;
        boxes[cluster.holder(slot).await.unwrap()].push(boxed);
    }
    for (boxes, beside) in boxes.iter().zip(&mut beside) {
        for boxed in boxes {
            one_by_redis(&node, beside, &prefix, boxed, Seq::ZERO).await;
        }
    }
    cluster.node(0).freeze().await.unwrap();
    let all: Vec<_> = boxes.iter().flatten().map(|boxed| Want { boxed, count: 1 }).collect();
    let before = counter(&mut beside[1], &prefix, &boxes[1][0]).await.unwrap();
    let reserved = node.sequencer.reserve(&all, NOW_MS).await.unwrap();
    assert_eq!(reserved.len(), all.len());
    // Those of the other master go on by their counters.
    one_by_redis(&node, &mut beside[1], &prefix, &boxes[1][0], seq(before)).await;
    cluster.node(0).thaw().await.unwrap();
    let first = reserved[0].first;
    one_by_redis(&node, &mut beside[0], &prefix, &boxes[0][0], first).await;
}
