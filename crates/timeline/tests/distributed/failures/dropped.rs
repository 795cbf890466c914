//! Somebody drops the indexes of a store, or its database, while nodes run on it.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use mongodb::bson::{Bson, Document, doc};
use timeline::distributed::repair;
use timeline::{Conversation, Count, Seq, State, Timeline};
use tokio::time::timeout;

use super::scene::{
    Scene, assert_may_be_repeated, history_with, ids, inbox, member, send, started, until_done,
};
use crate::place::PATIENCE;

/// How often something is dropped.
const ROUNDS: usize = 4;

/// How many messages each node sends in a round.
const SENDS: usize = 40;

/// Returns whether a collection has the index by which no two entries have one sequence.
async fn is_guarded(scene: &Scene, collection: &str) -> bool {
    let answer = scene.command(doc! { "listIndexes": collection }).await;
    let indexes = answer.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
    let is_it = |index: &Document| {
        index.get_document("key").is_ok_and(|keys| *keys == doc! { "id": 1, "seq": 1 })
            && index.get_bool("unique").unwrap_or(false)
    };
    indexes.iter().filter_map(Bson::as_document).any(is_it)
}

async fn drop_indexes(scene: &Scene) {
    for collection in ["chat_sync", "chat_history"] {
        scene.command(doc! { "dropIndexes": collection, "index": "*" }).await;
    }
}

/// Moves duplicates aside, that nobody was told of, whenever a node says that there are some.
async fn repairs(scene: &Scene, node: &Timeline) {
    let mut state = node.state();
    loop {
        if state.borrow_and_update().to_string().contains("tidings repair") {
            repair(&scene.config("repair")).await.unwrap();
        }
        state.changed().await.unwrap();
    }
}

/// Waits until a node takes sends.
async fn well_again(node: &Timeline) {
    let mut state = node.state();
    let well = timeout(PATIENCE, state.wait_for(State::is_well)).await.is_ok();
    assert!(well, "the node is not well again: {}", *node.state().borrow());
}

/// Sends from a node to one inbox that both write to, and returns what was acknowledged.
async fn sends(node: &Timeline, name: &str, round: usize) -> Vec<(Seq, String)> {
    let mut acknowledged = Vec::new();
    for number in 0..SENDS {
        let id = format!("{name} {round} {number}");
        let sent = until_done(|| send(node, name, "bob", &id)).await;
        acknowledged.push((sent.sequence, id));
    }
    acknowledged
}

async fn nothing_wrong_is_acknowledged(scene: &Scene) {
    let nodes = [scene.node("one").await, scene.node("two").await];
    let mut acknowledged: HashMap<Seq, String> = HashMap::new();
    for round in 0..ROUNDS {
        let sending = join_all(nodes.iter().zip(["ann", "eve"]).map(|(node, name)| sends(node, name, round)));
        let sending = async { tokio::join!(sending, drop_indexes(scene)).0 };
        let sent = tokio::select! {
            sent = sending => sent,
            () = repairs(scene, &nodes[0]) => unreachable!("it has no end"),
        };
        for (sequence, id) in sent.into_iter().flatten() {
            let other = acknowledged.insert(sequence, id);
            assert!(other.is_none(), "{sequence} was acknowledged twice: {other:?}");
        }
    }
    for node in &nodes {
        well_again(node).await;
    }
    assert!(is_guarded(scene, "chat_sync").await && is_guarded(scene, "chat_history").await);
    let entries = inbox(&nodes[0], &member("bob")).await;
    let there = ids(&entries);
    for (sequence, id) in &acknowledged {
        assert!(there.contains(id), "{id} was acknowledged and is not there");
        let entry = entries.iter().find(|entry| entry.sequence == *sequence).unwrap();
        assert_eq!(entry.message_id.as_ref().unwrap().as_str(), id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_indexes_lead_to_no_wrong_acknowledgement_without_redis() {
    let Some(scene) = Scene::on_mongo().await else { return };
    nothing_wrong_is_acknowledged(&scene).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropped_indexes_lead_to_no_wrong_acknowledgement_with_redis() {
    let Some(scene) = Scene::on_redis_and_mongo().await else { return };
    nothing_wrong_is_acknowledged(&scene).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn indexes_that_nobody_uses_are_made_again_as_well() {
    let Some(scene) = Scene::on_mongo().await else { return };
    let _node = scene.node("one").await;
    drop_indexes(&scene).await;
    let made = timeout(PATIENCE, async {
        while !(is_guarded(&scene, "chat_sync").await && is_guarded(&scene, "chat_history").await) {}
    });
    made.await.expect("the indexes are made again");
}

/// Puts an index in the place of the unique one that lets duplicates in, under the same name.
async fn put_plain_index(scene: &Scene, collection: &str) {
    let index = doc! { "key": { "id": 1, "seq": 1 }, "name": "id_1_seq_1" };
    let create = doc! { "createIndexes": collection, "indexes": [index] };
    let put = timeout(PATIENCE, async {
        loop {
            scene.command(doc! { "dropIndexes": collection, "index": "*" }).await;
            // The node may have made its own again in between.
            let created = scene.mongo.command(&scene.database, create.clone()).await;
            if created.is_ok() && !is_guarded(scene, collection).await {
                return;
            }
        }
    });
    put.await.expect("the node is always faster");
}

async fn nothing_is_acknowledged_on_a_plain_index(collection: &str) {
    let Some(scene) = Scene::on_mongo().await else { return };
    let node = started(scene.config("one").timeout(Duration::from_secs(2))).await;
    until_done(|| send(&node, "ann", "bob", "before")).await;
    put_plain_index(&scene, collection).await;
    let refused = send(&node, "ann", "bob", "after").await.unwrap_err();
    assert_may_be_repeated(&refused);
    let mut state = node.state();
    let says_what_to_do = |state: &State| state.to_string().contains("dropIndex(\"id_1_seq_1\")");
    let told = timeout(PATIENCE, state.wait_for(says_what_to_do)).await.is_ok();
    assert!(told, "it does not say which index is in the way: {}", *node.state().borrow());
    scene.command(doc! { "dropIndexes": collection, "index": "id_1_seq_1" }).await;
    until_done(|| send(&node, "ann", "bob", "after")).await;
    assert!(is_guarded(&scene, collection).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_of_inboxes_that_lets_duplicates_in_is_noticed_before_anything_is_acknowledged() {
    nothing_is_acknowledged_on_a_plain_index("chat_sync").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_of_histories_that_lets_duplicates_in_is_noticed_before_anything_is_acknowledged() {
    nothing_is_acknowledged_on_a_plain_index("chat_history").await;
}

/// Returns the generation that a node tells its readers.
async fn generation(node: &Timeline) -> u64 {
    node.sync(&member("bob"), Seq::ZERO, Count::new(1)).await.unwrap().generation
}

async fn database_comes_back(scene: &Scene) {
    let nodes = [scene.node("one").await, scene.node("two").await];
    for (node, name) in nodes.iter().zip(["ann", "eve"]) {
        send(node, name, "bob", "before").await.unwrap();
    }
    let before = generation(&nodes[0]).await;
    scene.command(doc! { "dropDatabase": 1 }).await;
    for (node, name) in nodes.iter().zip(["ann", "eve"]) {
        let id = format!("{name} after");
        until_done(|| send(node, name, "bob", &id)).await;
    }
    let both = timeout(PATIENCE, async {
        loop {
            let [one, two] = [generation(&nodes[0]).await, generation(&nodes[1]).await];
            if one == two && one != before {
                return;
            }
        }
    });
    both.await.expect("both nodes tell readers of another store");
    assert!(is_guarded(scene, "chat_sync").await && is_guarded(scene, "chat_history").await);
    for (node, name) in nodes.iter().zip(["ann", "eve"]) {
        let id = format!("{name} later");
        until_done(|| send(node, name, "bob", &id)).await;
        let pair = Conversation::single(member(name), member("bob"));
        history_with(node, &pair, &id).await;
        // The rows are there as well, by which members find their conversations.
        let listed = node.conversations(&member(name), None, Count::new(10)).await.unwrap();
        assert_eq!(listed.conversations.len(), 1, "{listed:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_whose_database_was_dropped_goes_on_as_another_one() {
    let Some(scene) = Scene::on_mongo().await else { return };
    database_comes_back(&scene).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_whose_database_was_dropped_goes_on_as_another_one_with_redis() {
    let Some(scene) = Scene::on_redis_and_mongo().await else { return };
    database_comes_back(&scene).await;
}
