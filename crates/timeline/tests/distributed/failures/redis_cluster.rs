//! A Redis cluster, of which one master after the other stands still, and the first is gone.

use std::collections::HashSet;

use test_support::{Redis, RedisCluster, RedisOptions, redis_connection, require};
use timeline::Timeline;
use timeline::distributed::Config;
use tokio::time::timeout;

use super::scene::{
    Scene, follow, history_with, ids, inbox, member, send_group, seq, started, tea, until_done,
};
use crate::place::PATIENCE;

const MASTERS: usize = 3;

/// How many members the group has: their counters have nearly all hash tags.
const MEMBERS: usize = 200;

/// How many messages each node sends while a master stands still.
const SENDS: usize = 3;

/// Returns how often a server was told to run a script that it knows.
async fn scripts_run(redis: &Redis) -> u64 {
    let mut connection = redis_connection(redis.url()).await.unwrap();
    let stats: String = redis::cmd("INFO").arg("commandstats").query_async(&mut connection).await.unwrap();
    let calls = stats.lines().find_map(|line| line.strip_prefix("cmdstat_evalsha:calls="));
    calls.and_then(|calls| calls.split(',').next()?.parse().ok()).unwrap_or(0)
}

/// Returns how many hash tags the counters have that are on a server.
async fn tags(redis: &Redis) -> u64 {
    let mut connection = redis_connection(redis.url()).await.unwrap();
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
    let counters = keys.iter().filter(|key| !key.ends_with(":probe"));
    let tags: HashSet<_> = counters.filter_map(|key| key.split(['{', '}']).nth(1)).collect();
    u64::try_from(tags.len()).unwrap()
}

/// Returns a number of each master.
async fn of_each(cluster: &RedisCluster, count: impl AsyncFn(&Redis) -> u64) -> Vec<u64> {
    let mut counts = Vec::new();
    for master in cluster.nodes() {
        counts.push(count(master).await);
    }
    counts
}

/// Returns how many nodes of the store listen at a server.
async fn listening(redis: &Redis) -> u64 {
    let channel = format!("{}changes", Config::REDIS_PREFIX_DEFAULT);
    let mut connection = redis_connection(redis.url()).await.unwrap();
    let mut count = redis::cmd("PUBSUB");
    count.arg("NUMSUB").arg(channel);
    let (_, listening): (String, u64) = count.query_async(&mut connection).await.unwrap();
    listening
}

/// Sends, and expects one script for each hash tag, at the master that has it.
///
/// A script that is late on a busy machine is not waited for, so it is tried again.
async fn a_send_takes_one_script_for_each_tag(cluster: &RedisCluster, node: &Timeline) -> usize {
    let mut sent = 0;
    let counted = timeout(PATIENCE, async {
        loop {
            let before = of_each(cluster, scripts_run).await;
            let id = format!("count {sent}");
            until_done(|| send_group(node, MEMBERS, &id)).await;
            sent += 1;
            let after = of_each(cluster, scripts_run).await;
            let ran: Vec<_> = before.iter().zip(&after).map(|(before, after)| after - before).collect();
            if ran == of_each(cluster, tags).await {
                assert!(ran.iter().all(|ran| *ran > 0), "a master has no counters: {ran:?}");
                return;
            }
        }
    });
    counted.await.expect("a send takes one script for each hash tag");
    sent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sends_go_on_whichever_master_stands_still_and_nodes_hear_each_other_without_the_first() {
    let arguments = ["--cluster-require-full-coverage", "no"].map(str::to_owned).to_vec();
    let options = RedisOptions { arguments, ..RedisOptions::default() };
    let Some(cluster) = require(RedisCluster::with(MASTERS, &options).await) else { return };
    let Some(scene) = Scene::on_mongo().await else { return };
    let node = async |name: &str| started(scene.config(name).redis(cluster.url())).await;
    let nodes = [node("one").await, node("two").await];
    let mut count = a_send_takes_one_script_for_each_tag(&cluster, &nodes[0]).await;

    let mut watch = nodes[1].watch(&member("m7"), seq(0));
    for (number, master) in cluster.nodes().iter().enumerate() {
        master.freeze().await.unwrap();
        for round in 0..SENDS {
            for (at, node) in nodes.iter().enumerate() {
                let id = format!("{number} {round} {at}");
                let sent = until_done(|| send_group(node, MEMBERS, &id)).await;
                assert!(sent.failed.is_empty(), "{:?}", sent.failed);
                count += 1;
            }
        }
        master.thaw().await.unwrap();
        cluster.is_well().await.unwrap();
    }
    until_done(|| send_group(&nodes[0], MEMBERS, "end")).await;
    count += 1;
    // Each is there once, for who was pushed to and for who reads, and readers met no gap.
    assert_eq!(ids(&follow(&mut watch, "end").await).len(), count);
    for id in ["m0", "m7", "m199"] {
        let mut reader = nodes[0].watch(&member(id), seq(0));
        assert_eq!(ids(&follow(&mut reader, "end").await).len(), count, "{id}");
        assert_eq!(ids(&inbox(&nodes[1], &member(id)).await).len(), count, "{id}");
    }
    assert_eq!(ids(&history_with(&nodes[1], &tea(), "end").await).len(), count);

    // The first of the address is gone for good: both listen at another.
    cluster.node(0).kill().unwrap();
    let moved = timeout(PATIENCE, async {
        while listening(cluster.node(1)).await + listening(cluster.node(2)).await < 2 {}
    });
    moved.await.expect("the nodes listen to nobody");
    until_done(|| send_group(&nodes[0], MEMBERS, "without the first")).await;
    follow(&mut watch, "without the first").await;
    for node in nodes {
        assert!(node.shutdown(PATIENCE).await);
    }
}
