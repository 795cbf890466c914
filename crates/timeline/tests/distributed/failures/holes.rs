//! Sequences that were given out, and whose entries do not come, or come late.

use std::time::Duration;

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, doc};
use timeline::{Count, EntryKind, EntryStatus, Timeline};
use tokio::time::{Instant, timeout};

use super::scene::{Scene, follow, member, send, seq, started};
use crate::place::PATIENCE;

const GRACE: Duration = Duration::from_secs(2);

/// Puts an entry into the inbox of bob, as a writer that is ahead of another one.
async fn insert(scene: &Scene, sequence: i64, id: &str) {
    let mut key = [0; 16];
    key[..id.len()].copy_from_slice(id.as_bytes());
    let entry = doc! {
        "_id": Binary { subtype: BinarySubtype::Generic, bytes: key.to_vec() },
        "id": "bob",
        "seq": sequence,
        "message": "{}",
        "from": "ann",
        "to": "bob",
        "at": 1_700_000_000_000_i64,
        "mid": id,
        "place": sequence,
    };
    let answer = scene.command(doc! { "insert": "chat_sync", "documents": [entry] }).await;
    assert!(!answer.contains_key("writeErrors"), "{answer}");
}

async fn with_a_hole(scene: &Scene, node: Timeline) -> Timeline {
    send(&node, "ann", "bob", "first").await.unwrap();
    insert(scene, 3, "third").await;
    node
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hole_is_closed_after_the_grace_and_not_before() {
    let Some(scene) = Scene::on_mongo().await else { return };
    let node = with_a_hole(&scene, started(scene.config("one").grace(GRACE)).await).await;
    // The grace begins when a reader meets the hole.
    let (begun, bob) = (Instant::now(), member("bob"));
    let page = node.sync(&bob, seq(0), Count::default()).await.unwrap();
    assert_eq!((page.entries.len(), page.latest_seq, page.reset), (1, seq(3), false));

    let mut watch = node.watch(&bob, seq(1));
    let entries = follow(&mut watch, "third").await;
    let waited = begun.elapsed();
    assert!(waited >= GRACE, "it was closed after {waited:?}");
    let sequences: Vec<u64> = entries.iter().map(|entry| entry.sequence.get()).collect();
    assert_eq!(sequences, [2, 3]);
    assert_eq!((entries[0].kind, entries[0].status), (EntryKind::Tombstone, EntryStatus::Unused));
    // It stays what it is.
    let tag = entries[0].tag;
    let page = node.sync(&bob, seq(1), Count::default()).await.unwrap();
    assert_eq!((page.entries[0].status, page.entries[0].tag), (EntryStatus::Unused, tag));
    let sent = send(&node, "ann", "bob", "fourth").await.unwrap();
    assert_eq!(sent.sequence, seq(4));
    assert!(node.shutdown(PATIENCE).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_who_comes_within_the_grace_closes_the_hole_himself() {
    let Some(scene) = Scene::on_mongo().await else { return };
    // Beyond the end of the test.
    let node = started(scene.config("one").grace(Duration::from_secs(60))).await;
    let (node, bob) = (with_a_hole(&scene, node).await, member("bob"));
    // It waits for the writer, and then says that there is more.
    let page = node.sync(&bob, seq(1), Count::default()).await.unwrap();
    assert_eq!((page.entries.len(), page.latest_seq, page.reset), (0, seq(3), false));

    insert(&scene, 2, "second").await;
    let page = timeout(PATIENCE, node.sync(&bob, seq(1), Count::default())).await.unwrap().unwrap();
    let ids: Vec<&str> =
        page.entries.iter().map(|entry| entry.message_id.as_ref().unwrap().as_str()).collect();
    assert_eq!(ids, ["second", "third"]);
    assert!(node.shutdown(PATIENCE).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_of_thousands_of_places_costs_one_grace() {
    let Some(scene) = Scene::on_mongo().await else { return };
    let node = started(scene.config("one").grace(GRACE)).await;
    send(&node, "ann", "bob", "first").await.unwrap();
    insert(&scene, 9_002, "last").await;
    let (begun, mut watch) = (Instant::now(), node.watch(&member("bob"), seq(0)));
    let entries = follow(&mut watch, "last").await;
    let waited = begun.elapsed();
    assert_eq!(entries.len(), 9_002);
    assert!(waited < 5 * GRACE, "it took {waited:?}");
    assert!(node.shutdown(PATIENCE).await);
}

/// Nodes with clocks of their own agree on what closes the hole.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_close_a_hole_once() {
    let Some(scene) = Scene::on_mongo().await else { return };
    let (here, there) = (scene.node("here").await, scene.node("there").await);
    let (here, bob) = (with_a_hole(&scene, here).await, member("bob"));
    let (mut one, mut other) = (here.watch(&bob, seq(0)), there.watch(&bob, seq(0)));
    let (one, other) = tokio::join!(follow(&mut one, "third"), follow(&mut other, "third"));
    assert_eq!(one, other);
    assert_eq!(one.len(), 3);
    assert!(here.shutdown(PATIENCE).await && there.shutdown(PATIENCE).await);
}
