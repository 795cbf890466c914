//! A MongoDB that stands still, answers late, or does not say what it did.

use std::time::Duration;

use mongodb::bson::{Document, doc};
use timeline::{Count, Timeline};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::scene::{
    Scene, assert_may_be_repeated, follow, history_with, ids, inbox, member, send, send_group, seq, started,
    tea, until_done,
};
use crate::place::PATIENCE;

/// How many members the group has, and how many messages are sent to it at once.
const MEMBERS: usize = 200;
const SENDS: usize = 10;

/// Has all messages be sent to the group at once, each until it is known to be done.
fn send_all(sending: &mut JoinSet<()>, node: &Timeline) {
    for number in 0..SENDS {
        let node = node.clone();
        sending.spawn(async move {
            let id = format!("g{number}");
            let sent = until_done(|| send_group(&node, MEMBERS, &id)).await;
            assert!(sent.failed.is_empty(), "{:?}", sent.failed);
        });
    }
}

async fn joined(mut sending: JoinSet<()>) {
    while let Some(sent) = sending.join_next().await {
        sent.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mongod_that_stands_still_in_the_middle_of_copies_doubles_none() {
    let Some(scene) = Scene::on_mongo().await else { return };
    let node = started(scene.config("one").timeout(Duration::from_secs(2))).await;
    let mut watch = node.watch(&member("m7"), seq(0));
    let mut sending = JoinSet::new();
    send_all(&mut sending, &node);
    // Some copies are there, others are under way.
    timeout(PATIENCE, watch.next()).await.unwrap().unwrap();
    scene.mongo.freeze().await.unwrap();
    // It stands for longer than any call may take.
    let late = until_refused(&node).await;
    assert_may_be_repeated(&late);
    scene.mongo.thaw().await.unwrap();
    joined(sending).await;

    until_done(|| send_group(&node, MEMBERS, "end")).await;
    for number in (0..MEMBERS).step_by(20) {
        let mut watch = node.watch(&member(&format!("m{number}")), seq(0));
        assert_eq!(ids(&follow(&mut watch, "end").await).len(), SENDS + 1);
    }
    assert_eq!(ids(&history_with(&node, &tea(), "end").await).len(), SENDS + 1);
    assert!(node.shutdown(PATIENCE).await);
}

/// Reads until that fails.
async fn until_refused(node: &Timeline) -> timeline::Error {
    let refused = timeout(PATIENCE, async {
        loop {
            if let Err(error) = node.sync(&member("m7"), seq(0), Count::default()).await {
                return error;
            }
        }
    });
    refused.await.unwrap()
}

/// The ways in which an insert can fail so that nobody knows whether it took effect.
fn unclear() -> [(&'static str, Document); 3] {
    [
        ("a connection that ends", doc! { "closeConnection": true }),
        ("a primary that steps down", doc! { "errorCode": 11_602, "errorLabels": [] }),
        ("no majority", doc! { "writeConcernError": { "code": 64, "errmsg": "waiting for replication" } }),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_insert_of_unknown_outcome_is_repeated_and_takes_effect_once() {
    let Some(scene) = Scene::on_mongo().await else { return };
    let node = scene.node("one").await;
    let mut count = 0;
    for collection in ["chat_history", "chat_sync"] {
        for (how, failure) in unclear() {
            let mut data = failure;
            data.extend(doc! {
                "failCommands": ["insert"],
                "namespace": format!("{}.{collection}", scene.database),
                "appName": "one",
            });
            // The first attempt, and the one by which the driver repeats it.
            scene.mongo.fail("failCommand", doc! { "times": 2 }, data).await.unwrap();
            let id = format!("g{count}");
            let sent = until_done(|| send_group(&node, 20, &id)).await;
            assert!(sent.failed.is_empty(), "{how} at {collection}");
            scene.mongo.heal("failCommand").await.unwrap();
            count += 1;
            let kept = history_with(&node, &tea(), &id).await;
            assert_eq!(ids(&kept).len(), count, "{how} at {collection}");
            let mut watch = node.watch(&member("m7"), seq(0));
            assert_eq!(ids(&follow(&mut watch, &id).await).len(), count, "{how} at {collection}");
        }
    }
    assert!(node.shutdown(PATIENCE).await);
}

/// More calls than there may be connections wait for commands that take longer than they may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_without_a_connection_end_and_the_store_goes_on() {
    const READERS: usize = 200;
    const SENDERS: usize = 50;
    let Some(scene) = Scene::on_mongo().await else { return };
    let node = started(scene.config("one").timeout(Duration::from_secs(1))).await;
    send(&node, "ann", "bob", "before").await.unwrap();
    let data = doc! {
        "failCommands": ["find", "aggregate", "insert", "update"],
        "blockConnection": true,
        "blockTimeMS": 3_000,
        "appName": "one",
    };
    scene.mongo.fail("failCommand", "alwaysOn", data).await.unwrap();
    let mut calls = JoinSet::new();
    for number in 0..READERS + SENDERS {
        let node = node.clone();
        calls.spawn(async move {
            if number < READERS {
                node.sync(&member("bob"), seq(0), Count::default()).await.map(drop)
            } else {
                send(&node, "ann", "bob", &format!("b{number}")).await.map(drop)
            }
        });
    }
    let ended = timeout(PATIENCE, async {
        while let Some(ended) = calls.join_next().await {
            assert_may_be_repeated(&ended.unwrap().expect_err("no command is done in time"));
        }
    });
    ended.await.expect("every call ends");

    scene.mongo.heal("failCommand").await.unwrap();
    for number in READERS..READERS + SENDERS {
        let id = format!("b{number}");
        until_done(|| send(&node, "ann", "bob", &id)).await;
    }
    until_done(|| send(&node, "ann", "bob", "end")).await;
    let mut watch = node.watch(&member("bob"), seq(0));
    assert_eq!(ids(&follow(&mut watch, "end").await).len(), SENDERS + 2);
    assert_eq!(ids(&inbox(&node, &member("bob")).await).len(), SENDERS + 2);
    assert!(node.shutdown(PATIENCE).await);
}
