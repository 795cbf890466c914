//! A Redis that forgets what it has given out.

use std::time::Duration;

use test_support::{Redis, redis_connection};
use timeline::{Count, Timeline};

use super::scene::{Scene, history, ids, inbox, member, send, send_group, seq, started, tea, until_done};
use crate::place::PATIENCE;

/// How many messages there are before.
const BEFORE: u64 = 10;

/// Returns all that a Redis knows.
async fn dump(redis: &Redis) -> Vec<(String, Vec<u8>)> {
    let mut connection = redis_connection(redis.url()).await.unwrap();
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.unwrap();
    let mut data = Vec::new();
    for key in keys {
        let dump: Vec<u8> = redis::cmd("DUMP").arg(&key).query_async(&mut connection).await.unwrap();
        data.push((key, dump));
    }
    data
}

/// Puts other data in place of what a Redis knows; with `ends_connections` as if it were replaced.
async fn replace(redis: &Redis, data: &[(String, Vec<u8>)], ends_connections: bool) {
    let mut connection = redis_connection(redis.url()).await.unwrap();
    let mut step = redis::pipe();
    step.atomic().cmd("FLUSHALL").ignore();
    for (key, dump) in data {
        step.cmd("RESTORE").arg(key).arg(0).arg(dump.as_slice()).ignore();
    }
    if ends_connections {
        for kind in ["normal", "pubsub"] {
            step.cmd("CLIENT").arg("KILL").arg("TYPE").arg(kind).arg("SKIPME").arg("yes").ignore();
        }
    }
    step.query_async::<()>(&mut connection).await.unwrap();
}

async fn sent_before(timeline: &Timeline, from: u64, to: u64) {
    for number in from..to {
        let sent = send(timeline, "ann", "bob", &format!("b{number}")).await.unwrap();
        assert_eq!((sent.sequence.get(), sent.place.get()), (number + 1, number + 1));
    }
}

/// Sends one more at each node: both go on behind what was there.
async fn go_on(nodes: &[&Timeline], already: u64) {
    for (node, number) in nodes.iter().zip(already..) {
        let id = format!("b{number}");
        let sent = until_done(|| send(node, "ann", "bob", &id)).await;
        assert_eq!((sent.sequence.get(), sent.place.get()), (number + 1, number + 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_was_flushed_gives_no_sequence_out_again() {
    let Some(scene) = Scene::on_redis_and_mongo().await else { return };
    let (old, redis) = (scene.node("old").await, scene.redis.as_ref().unwrap());
    sent_before(&old, 0, BEFORE).await;
    replace(redis, &[], false).await;
    let new = scene.node("new").await;
    go_on(&[&new, &old], BEFORE).await;
    assert_eq!(ids(&inbox(&new, &member("bob")).await).len() as u64, BEFORE + 2);
    assert!(old.shutdown(PATIENCE).await && new.shutdown(PATIENCE).await);
}

/// Nothing is left of the inbox but its floor.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_inbox_that_was_acknowledged_to_its_end_counts_on_after_a_flush() {
    let Some(scene) = Scene::on_redis_and_mongo().await else { return };
    let (old, redis) = (scene.node("old").await, scene.redis.as_ref().unwrap());
    sent_before(&old, 0, BEFORE).await;
    let (bob, last) = (member("bob"), seq(BEFORE));
    assert_eq!(old.ack(&bob, last).await.unwrap(), last);
    replace(redis, &[], true).await;
    let new = scene.node("new").await;
    go_on(&[&new, &old], BEFORE).await;
    let page = old.sync(&bob, last, Count::default()).await.unwrap();
    assert_eq!((page.floor, page.entries.len(), page.reset), (last, 2, false));
    assert!(old.shutdown(PATIENCE).await && new.shutdown(PATIENCE).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_that_was_set_back_gives_no_sequence_out_again() {
    let Some(scene) = Scene::on_redis_and_mongo().await else { return };
    let (old, redis) = (scene.node("old").await, scene.redis.as_ref().unwrap());
    sent_before(&old, 0, BEFORE).await;
    let data = dump(redis).await;
    assert!(!data.is_empty(), "redis has given out the sequences");
    sent_before(&old, BEFORE, 2 * BEFORE).await;
    let last = seq(2 * BEFORE);
    old.ack(&member("bob"), last).await.unwrap();

    replace(redis, &data, true).await;
    let new = scene.node("new").await;
    go_on(&[&old, &new, &old], 2 * BEFORE).await;
    let page = new.sync(&member("bob"), last, Count::default()).await.unwrap();
    assert_eq!((page.floor, page.entries.len(), page.reset), (last, 3, false));
    assert!(old.shutdown(PATIENCE).await && new.shutdown(PATIENCE).await);
}

/// A node stands still that has got sequences. Redis forgets that, another node gives them out, and
/// what it wrote is read and acknowledged before the first one goes on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sequences_that_a_node_has_over_a_flush_are_used_once() {
    let Some(scene) = Scene::on_redis_and_mongo().await else { return };
    let one = started(scene.config("one").timeout(PATIENCE)).await;
    let (other, redis) = (scene.node("other").await, scene.redis.as_ref().unwrap());
    sent_before(&one, 0, BEFORE).await;
    let (bob, read) = (member("bob"), seq(BEFORE + 1));
    let held = scene.hold("one", "insert", "chat_history", Duration::from_secs(5)).await;
    let late = send(&one, "ann", "bob", "late");
    let meanwhile = async {
        held.arrived().await;
        replace(redis, &[], false).await;
        let sent = until_done(|| send(&other, "ann", "bob", "meanwhile")).await;
        assert_eq!((sent.sequence, sent.place), (read, read));
        assert_eq!(other.ack(&bob, read).await.unwrap(), read);
    };
    let (late, ()) = tokio::join!(late, meanwhile);
    scene.let_go().await;
    let late = late.unwrap();
    assert_eq!((late.sequence, late.place), (read.next(), read.next()));
    go_on(&[&other, &one], BEFORE + 2).await;
    let page = other.sync(&bob, read, Count::default()).await.unwrap();
    assert_eq!((page.floor, page.entries.len(), page.reset), (read, 3, false));
    assert!(one.shutdown(PATIENCE).await && other.shutdown(PATIENCE).await);
}

/// As while the prefix is changed at one server after the other: each node has counters of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_with_different_prefixes_give_no_sequence_out_twice() {
    let Some(scene) = Scene::on_redis_and_mongo().await else { return };
    let one = scene.node("one").await;
    sent_before(&one, 0, BEFORE).await;
    let other = started(scene.config("other").redis_prefix("other:")).await;
    // Each is behind what the other one has written meanwhile.
    go_on(&[&other, &one, &other, &other, &one], BEFORE).await;
    for node in [&one, &other] {
        assert_eq!(ids(&inbox(node, &member("bob")).await).len() as u64, BEFORE + 5);
    }
    assert!(one.shutdown(PATIENCE).await && other.shutdown(PATIENCE).await);
}

/// An outage is a slower store: sends go on by the index, and by Redis again when it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_redis_is_away_sends_go_on() {
    let Some(scene) = Scene::on_redis_and_mongo().await else { return };
    let (node, redis) = (scene.node("one").await, scene.redis.as_ref().unwrap());
    sent_before(&node, 0, BEFORE).await;
    redis.freeze().await.unwrap();
    go_on(&[&node, &node], BEFORE).await;
    redis.thaw().await.unwrap();
    redis.kill().unwrap();
    go_on(&[&node, &node], BEFORE + 2).await;
    for number in 0..3 {
        let id = format!("g{number}");
        let sent = until_done(|| send_group(&node, 50, &id)).await;
        assert_eq!((sent.place.get(), sent.failed.len()), (number + 1, 0));
    }
    redis.start_again().await.unwrap();
    go_on(&[&node, &node], BEFORE + 4).await;
    assert_eq!(ids(&inbox(&node, &member("bob")).await).len() as u64, BEFORE + 6);
    assert_eq!(history(&node, &tea()).await.len(), 3);
    assert!(node.shutdown(PATIENCE).await);
}
