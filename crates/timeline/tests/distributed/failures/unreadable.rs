//! A dead node of whose sends one cannot be read.

use std::time::Duration;

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, DateTime, Document, doc};
use timeline::Seq;
use tokio::time::timeout;

use super::scene::{Scene, follow, member, send_group};
use crate::place::PATIENCE;

/// How long ago the node has begun: longer than an intent is kept of which nothing is there.
const AGE: Duration = Duration::from_secs(10 * 60);

fn key(byte: u8) -> Binary {
    Binary { subtype: BinarySubtype::Generic, bytes: vec![byte; 16] }
}

/// Returns what a node notes of a send.
fn send_of(history: &str, seq: i64, byte: u8) -> Document {
    doc! { "kind": "send", "id": history, "seq": seq, "_id": key(byte) }
}

async fn insert(scene: &Scene, collection: &str, documents: &[Document]) {
    let answer = scene.command(doc! { "insert": collection, "documents": documents }).await;
    assert!(!answer.contains_key("writeErrors"), "{answer}");
}

/// Waits until the intent of the dead node names nothing but the sends to one history.
async fn names_only(scene: &Scene, history: &str) {
    let find = doc! { "find": "chat_intents", "filter": { "_id": "dead:0" } };
    let left = timeout(PATIENCE, async {
        loop {
            let answer = scene.command(find.clone()).await;
            let found = answer.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
            let ops = found[0].as_document().unwrap().get_array("ops").unwrap();
            let of_history = |op: &Document| op.get_str("id").is_ok_and(|id| id == history);
            if ops.iter().all(|op| op.as_document().is_some_and(of_history)) {
                return;
            }
        }
    });
    left.await.expect("what has ended is named no more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_send_that_cannot_be_read_keeps_no_other_one_back() {
    let Some(scene) = Scene::on_mongo().await else { return };
    let living = scene.node("living").await;
    assert_eq!(send_group(&living, 2, "first").await.unwrap().place.get(), 1);
    let (now, members) = (DateTime::now().timestamp_millis(), ["m0", "m1"]);
    let readable = doc! {
        "_id": key(1), "id": "seq:group:tea", "seq": 2_i64, "at": now, "from": "m0", "group": "tea",
        "mid": "second", "message": "{}", "members": &members[..], "seqs": [2_i64, 2_i64],
    };
    let unreadable = doc! { "_id": key(2), "id": "seq:group:cake", "seq": 1_i64, "at": "yesterday" };
    insert(&scene, "chat_history", &[readable, unreadable]).await;
    let begun = DateTime::from_millis(now - i64::try_from(AGE.as_millis()).unwrap());
    let ops = [send_of("seq:group:cake", 1, 2), send_of("seq:group:tea", 2, 1)];
    let intent = doc! { "_id": "dead:0", "node": "dead", "at": begun, "ops": &ops[..] };
    insert(&scene, "chat_intents", &[intent]).await;

    for name in members {
        follow(&mut living.watch(&member(name), Seq::ZERO), "second").await;
    }
    names_only(&scene, "seq:group:cake").await;
    assert!(living.shutdown(PATIENCE).await);
}
