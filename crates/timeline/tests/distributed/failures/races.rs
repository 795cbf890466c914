//! Nodes that send to the same inbox at the same time.

use timeline::{Seq, Timeline};
use tokio::task::JoinSet;

use super::scene::{Scene, assert_contiguous, follow, ids, member, send, until_done};
use crate::place::PATIENCE;

/// How many senders a node has, and how many messages each of them sends.
const SENDERS: usize = 50;
const EACH: usize = 20;

/// Has a node send 1,000 messages to one member.
fn send_all(sending: &mut JoinSet<()>, timeline: &Timeline, node: &'static str) {
    for sender in 0..SENDERS {
        let timeline = timeline.clone();
        sending.spawn(async move {
            for number in 0..EACH {
                let (from, id) = (format!("{node}-{sender}"), format!("{node}-{sender}-{number}"));
                until_done(|| send(&timeline, &from, "all", &id)).await;
            }
        });
    }
}

/// Every sequence is tried by both of them, and the index gives it to one.
async fn two_nodes(scene: &Scene) {
    let (here, there) = (scene.node("here").await, scene.node("there").await);
    let all = member("all");
    let mut sending = JoinSet::new();
    send_all(&mut sending, &here, "here");
    send_all(&mut sending, &there, "there");
    while let Some(sent) = sending.join_next().await {
        sent.unwrap();
    }

    // What either gave out in vain is closed, and the last message comes after all of it.
    until_done(|| send(&here, "end", "all", "end")).await;
    let mut watch = there.watch(&all, Seq::ZERO);
    let entries = follow(&mut watch, "end").await;
    assert_contiguous(&entries, Seq::ZERO);
    assert_eq!(ids(&entries).len(), 2 * SENDERS * EACH + 1);
    // Each sender's messages come in their order.
    for node in ["here", "there"] {
        let prefix = format!("{node}-7-");
        let own =
            entries.iter().filter_map(|entry| entry.message_id.as_ref()?.as_str().strip_prefix(&prefix));
        let own: Vec<usize> = own.map(|number| number.parse().unwrap()).collect();
        assert_eq!(own, (0..EACH).collect::<Vec<_>>());
    }
    assert!(here.shutdown(PATIENCE).await && there.shutdown(PATIENCE).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_without_redis_share_an_inbox() {
    let Some(scene) = Scene::on_mongo().await else { return };
    two_nodes(&scene).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_with_redis_share_an_inbox() {
    let Some(scene) = Scene::on_redis_and_mongo().await else { return };
    two_nodes(&scene).await;
}
