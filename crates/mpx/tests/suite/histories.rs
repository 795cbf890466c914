//! Random histories, and what holds at the end of each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use mpx::{
    ChannelSubscription, Config, Event, Handler, Multiplexer, PatternSubscription, ShardedMultiplexer,
};
use parking_lot::Mutex;
use redis::cmd;
use test_support::{Redis, RedisCluster, require};

use crate::cluster::slot;
use crate::direct::Direct;
use crate::listener::{settle, soon, until};

/// What a subscription heard.
#[derive(Default)]
struct Heard {
    active: BTreeSet<Bytes>,
    messages: BTreeMap<Bytes, u32>,
    wrong: Vec<String>,
}

#[derive(Clone, Default)]
struct Record(Arc<Mutex<Heard>>);

impl Handler for Record {
    fn message(&self, channel: &[u8], payload: &[u8]) {
        let mut heard = self.0.lock();
        if !heard.active.contains(channel) {
            heard.wrong.push(format!("a message before the activation of {}", channel.escape_ascii()));
        }
        if payload == b"end" {
            *heard.messages.entry(Bytes::copy_from_slice(channel)).or_default() += 1;
        }
    }

    fn notice(&self, notice: &Event) {
        let mut heard = self.0.lock();
        match notice {
            Event::Activated { name } => drop(heard.active.insert(name.clone())),
            Event::Disconnected { names, .. } => {
                for name in names.iter() {
                    if !heard.active.remove(name) {
                        heard.wrong.push(format!("{name:?} was lost and not active"));
                    }
                }
            }
            other => heard.wrong.push(format!("{other:?}")),
        }
    }
}

struct Member {
    subscription: ChannelSubscription,
    record: Record,
    wanted: BTreeSet<String>,
}

impl Member {
    fn open(open: impl FnOnce(Record) -> ChannelSubscription) -> Self {
        let record = Record::default();
        Self { subscription: open(record.clone()), record, wanted: BTreeSet::new() }
    }

    fn step(&mut self, random: &mut Rng, names: &[String]) {
        let name = random.choice(names).unwrap();
        match random.u32(..100) {
            0 => {
                self.subscription.clear();
                self.wanted.clear();
            }
            1..60 => {
                self.subscription.add(name).unwrap();
                self.wanted.insert(name.clone());
            }
            _ => assert_eq!(self.subscription.remove(name), usize::from(self.wanted.remove(name))),
        }
    }

    async fn all_active(&self) {
        for name in &self.wanted {
            soon(self.subscription.wait_for_activation(name)).await.unwrap();
        }
    }

    /// Every message of the end came once.
    async fn heard_the_end(&self, seed: u64) {
        let count = self.wanted.len();
        until(async || (self.record.0.lock().messages.len() >= count).then_some(())).await;
        let heard = self.record.0.lock();
        assert!(heard.wrong.is_empty(), "seed {seed}: {:?}", heard.wrong);
        let expected: BTreeMap<_, _> =
            self.wanted.iter().map(|name| (Bytes::from(name.clone()), 1)).collect();
        assert_eq!(heard.messages, expected, "seed {seed}");
    }
}

async fn all_active(members: &[Member], patterns: &[PatternSubscription]) {
    for member in members {
        member.all_active().await;
    }
    for pattern in patterns {
        soon(pattern.wait_for_activation()).await.unwrap();
    }
}

async fn heard_the_end(members: &[Member], seed: u64) {
    for member in members {
        member.heard_the_end(seed).await;
    }
}

fn wanted(members: &[Member]) -> BTreeSet<String> {
    members.iter().flat_map(|member| member.wanted.iter().cloned()).collect()
}

fn names(count: u32) -> Vec<String> {
    (0..count).map(|number| format!("c{number}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_any_history_redis_has_what_is_wanted_and_everybody_hears_it_once() {
    let Some(redis) = require(Redis::private().await) else { return };
    let mut publisher = Direct::open(redis.url()).await;
    for seed in 0..20 {
        one_history(&redis, &mut publisher, seed).await;
    }
}

async fn one_history(redis: &Redis, publisher: &mut Direct, seed: u64) {
    let mut random = Rng::with_seed(seed);
    let config = Config::new(redis.url()).batch_max(random.usize(1..20));
    let multiplexer = Multiplexer::start(config).unwrap();
    let open = || Member::open(|record| multiplexer.channels_to(record).unwrap());
    let mut members: Vec<Member> = (0..4).map(|_| open()).collect();
    let names = names(20);
    let mut patterns: Vec<PatternSubscription> = Vec::new();
    for _ in 0..1_000 {
        match random.u32(..1_000) {
            0..3 => drop(publisher.kill_subscribers().await),
            3..6 => multiplexer.stop(),
            6..20 => multiplexer.restart(),
            20..24 => members[random.usize(..4)] = open(),
            24..50 => {
                let pattern = format!("p{}*", random.u32(..3));
                patterns.push(multiplexer.pattern_to(pattern, |_: &[u8], _: &[u8]| {}).unwrap());
            }
            50..80 if !patterns.is_empty() => drop(patterns.swap_remove(random.usize(..patterns.len()))),
            80..200 => drop(publisher.publish(random.choice(&names).unwrap(), "m").await),
            200..230 => tokio::task::yield_now().await,
            _ => members[random.usize(..4)].step(&mut random, &names),
        }
    }
    multiplexer.restart();
    let marker = cmd("PUBSUB").arg("CHANNELS").to_owned();
    let wanted = wanted(&members);
    // An old connection may not be over for Redis, nor for us.
    until(async || {
        all_active(&members, &patterns).await;
        settle(&multiplexer).await;
        let mut there: BTreeSet<String> = publisher.ask(&marker).await;
        there.remove("settled");
        (there == wanted).then_some(())
    })
    .await;
    let expected: BTreeSet<_> = patterns.iter().map(PatternSubscription::pattern).collect();
    assert_eq!(publisher.patterns().await, expected.len() as u64, "seed {seed}");
    for name in &wanted {
        assert_eq!(publisher.publish(name, "end").await, 1, "seed {seed}");
    }
    heard_the_end(&members, seed).await;
    settle(&multiplexer).await;
    // And nothing more.
    heard_the_end(&members, seed).await;
    assert!(soon(multiplexer.shutdown(Duration::from_secs(60))).await);
    until(async || publisher.ask::<Vec<String>>(&marker).await.is_empty().then_some(())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_any_history_of_a_cluster_everybody_hears_what_is_wanted_once() {
    let Some(cluster) = require(RedisCluster::start(3).await) else { return };
    let mut publishers = Vec::new();
    for node in cluster.nodes() {
        publishers.push(Direct::open(node.url()).await);
    }
    let names = names(12);
    for seed in 0..5 {
        let mut random = Rng::with_seed(seed);
        let config = Config::new(cluster.node(0).url());
        let multiplexer = ShardedMultiplexer::start(config).unwrap();
        let open = || Member::open(|record| multiplexer.channels_to(record).unwrap());
        let mut members: Vec<Member> = (0..3).map(|_| open()).collect();
        for _ in 0..500 {
            match random.u32(..500) {
                0..3 => drop(publishers[random.usize(..3)].kill_subscribers().await),
                3..6 => multiplexer.stop(),
                6..20 => multiplexer.restart(),
                20..24 => members[random.usize(..3)] = open(),
                24..40 => {
                    let slot = slot(random.choice(&names).unwrap());
                    let from = cluster.holder(slot).await.unwrap();
                    cluster.move_slot(slot, from, (from + random.usize(1..3)) % 3).await.unwrap();
                    // Moves in haste leave Redis with slots that no master has by its own account.
                    agreed(&mut publishers).await;
                }
                40..60 => tokio::task::yield_now().await,
                _ => members[random.usize(..3)].step(&mut random, &names),
            }
        }
        multiplexer.restart();
        let wanted = wanted(&members);
        let marker = cmd("PUBSUB").arg("SHARDCHANNELS").to_owned();
        until(async || {
            all_active(&members, &[]).await;
            let mut there: BTreeSet<String> = BTreeSet::new();
            for publisher in &mut publishers {
                there.extend(publisher.ask::<Vec<String>>(&marker).await);
            }
            (there == wanted).then_some(())
        })
        .await;
        for name in &wanted {
            let holder = cluster.holder(slot(name)).await.unwrap();
            assert_eq!(publishers[holder].spublish(name, "end").await, 1, "seed {seed}");
        }
        heard_the_end(&members, seed).await;
        assert!(soon(multiplexer.shutdown(Duration::from_secs(60))).await);
    }
}

/// Waits until all nodes tell the same of the cluster: who has which slots, by which epoch.
async fn agreed(publishers: &mut [Direct]) {
    let nodes = cmd("CLUSTER").arg("NODES").to_owned();
    until(async || {
        let mut accounts = BTreeSet::new();
        for publisher in publishers.iter_mut() {
            accounts.insert(account(&publisher.ask::<String>(&nodes).await));
        }
        (accounts.len() == 1).then_some(())
    })
    .await;
}

/// Each node's id, epoch and slots.
fn account(nodes: &str) -> Vec<String> {
    let line = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        format!("{} {} {}", words[0], words[6], words[8..].join(" "))
    };
    let mut account: Vec<String> = nodes.lines().map(line).collect();
    account.sort();
    account
}
