//! A Redis whose replica becomes the master without the last writes.

use std::collections::HashMap;

use test_support::{Redis, RedisSentinel, redis_connection, require};
use timeline::{Sent, Seq, Timeline};
use tokio::time::timeout;

use super::scene::{Scene, assert_contiguous, follow, ids, member, send, started, until_done};
use crate::place::PATIENCE;

/// What was acknowledged, by its message id.
type Acknowledged = HashMap<String, Sent>;

/// Returns the last sequence of the inbox of bob that a Redis knows of.
async fn counter(redis: &Redis) -> Option<u64> {
    let mut connection = redis_connection(redis.url()).await.unwrap();
    let keys: Vec<String> = redis::cmd("KEYS").arg("*:s:bob").query_async(&mut connection).await.unwrap();
    redis::cmd("HGET").arg(keys.first()?).arg("s").query_async(&mut connection).await.unwrap()
}

/// Sends until a Redis has given out the sequence.
async fn until_it_counts(node: &Timeline, redis: &Redis, acknowledged: &mut Acknowledged) {
    let counted = timeout(PATIENCE, async {
        loop {
            let id = format!("b{}", acknowledged.len());
            let sent = until_done(|| send(node, "ann", "bob", &id)).await;
            acknowledged.insert(id, sent);
            if counter(redis).await == Some(sent.sequence.get()) {
                return;
            }
        }
    });
    counted.await.expect("the master gives out sequences");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_that_loses_the_last_writes_gives_no_sequence_out_again() {
    let Some(scene) = Scene::on_mongo().await else { return };
    let Some(servers) = require(RedisSentinel::start().await) else { return };
    let config = |name: &str| scene.config(name).redis(servers.url());
    let (one, other) = (started(config("one")).await, started(config("other")).await);
    let (master, mut acknowledged) = (servers.master().await.unwrap(), Acknowledged::new());
    until_it_counts(&one, master, &mut acknowledged).await;
    let replica = servers.other(master);
    // From here on it hears of nothing.
    let mut connection = redis_connection(replica.url()).await.unwrap();
    redis::cmd("REPLICAOF").arg("127.0.0.1").arg(1).query_async::<()>(&mut connection).await.unwrap();
    for node in [&one, &other, &one] {
        until_it_counts(node, master, &mut acknowledged).await;
    }
    assert!(counter(replica).await < counter(master).await, "the replica lacks the last writes");
    master.kill().unwrap();
    let new = servers.failed_over(master).await.unwrap();
    for node in [&other, &one, &other] {
        until_it_counts(node, new, &mut acknowledged).await;
    }

    let end = until_done(|| send(&one, "ann", "bob", "end")).await;
    acknowledged.insert("end".to_owned(), end);
    let entries = follow(&mut other.watch(&member("bob"), Seq::ZERO), "end").await;
    assert_contiguous(&entries, Seq::ZERO);
    assert_eq!(ids(&entries).len(), acknowledged.len());
    for (id, sent) in &acknowledged {
        let entry = entries.iter().find(|entry| entry.sequence == sent.sequence).unwrap();
        assert_eq!(entry.message_id.as_ref().unwrap().as_str(), id);
    }
    assert!(one.shutdown(PATIENCE).await && other.shutdown(PATIENCE).await);
}
