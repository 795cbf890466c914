//! Documents that no node wrote: their numbers may have any type, and entries may have no time.

use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, DateTime, Document, doc};
use timeline::{Config, Conversation, Count, MemberId, Message, NewMessage, PageRequest, Seq, Timeline};
use tokio::time::timeout;

use crate::place::{PATIENCE, Place, open};

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

async fn started(place: &Place) -> Timeline {
    Timeline::start(Config::default(), open(place.config()).await).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_is_removed_whatever_type_its_sequence_has() {
    let Some(place) = Place::on_mongo().await else { return };
    let entry = |seq: Bson| doc! { "id": "bob", "seq": seq, "message": { "text": "one" } };
    let entries: Vec<Document> = [Bson::Int32(1), Bson::Double(2.0), Bson::Int64(3)].map(entry).into();
    place.command(doc! { "insert": "chat_sync", "documents": entries }).await;
    let (timeline, last) = (started(&place).await, Seq::new(3).unwrap());
    assert_eq!(timeline.ack(&member("bob"), last).await.unwrap(), last);

    // As if the time were over for which it stays.
    let past = DateTime::from_millis(0);
    let due = doc! { "$set": { "look_at": past, "prune_at": past } };
    let update = doc! { "q": { "_id": "inbox:bob" }, "u": due };
    let updated = place.command(doc! { "update": "chat_boxes", "updates": [update] }).await;
    assert_eq!(updated.get_i32("n").unwrap(), 1, "{updated}");
    let count = doc! { "count": "chat_sync", "query": { "id": "bob", "seq": { "$gt": 0 } } };
    let removed = async { while place.command(count.clone()).await.get_i32("n").unwrap() > 0 {} };
    timeout(PATIENCE, removed).await.expect("what is below the floor is removed");
    assert!(timeline.shutdown(PATIENCE).await);
}

/// One such document in a box keeps no store from opening, so that nobody may have moved it aside.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_sequence_keeps_no_send_from_its_box() {
    let Some(place) = Place::on_mongo().await else { return };
    for collection in ["chat_sync", "chat_history"] {
        let boxes =
            if collection == "chat_sync" { ["alice", "bob"] } else { ["seq:alice:bob", "seq:bob:carol"] };
        let documents = [doc! { "id": boxes[0] }, doc! { "id": boxes[1], "seq": "7" }];
        place.command(doc! { "insert": collection, "documents": documents.to_vec() }).await;
    }
    let (timeline, bob) = (started(&place).await, member("bob"));
    for (from, places) in [("alice", [1, 2]), ("carol", [1, 2])] {
        for number in places {
            let hello = Message::new(r#"{"text":"hello"}"#).unwrap();
            let sent = timeline.send(NewMessage::new(member(from), bob.clone(), hello)).await.unwrap();
            assert_eq!(sent.place.get(), number, "from {from}");
        }
    }
    let page = timeline.sync(&bob, Seq::ZERO, Count::default()).await.unwrap();
    let sequences: Vec<_> = page.entries.iter().map(|entry| entry.sequence.get()).collect();
    assert_eq!(sequences, [1, 2, 3, 4]);
    let list = timeline.conversations(&bob, None, Count::default()).await.unwrap();
    let latest: Vec<_> = list.conversations.iter().map(|listed| listed.view.latest.get()).collect();
    assert_eq!(latest, [2, 2]);
    assert!(timeline.shutdown(PATIENCE).await);
}

/// Has a node go on in a history of the Go service, whose clock was ahead.
async fn no_time_falls(place: &Place) {
    let ahead = u32::try_from(DateTime::now().timestamp_millis() / 1_000).unwrap() + 3_600;
    let key = ObjectId::from_parts(ahead, [0; 5], [0; 3]);
    let stored = doc! { "_id": key, "id": "seq:alice:bob", "seq": 1_i64, "message": { "text": "one" } };
    place.command(doc! { "insert": "chat_history", "documents": [stored] }).await;
    let (timeline, alice, bob) = (started(place).await, member("alice"), member("bob"));
    let hello = Message::new(r#"{"text":"hello"}"#).unwrap();
    let sent = timeline.send(NewMessage::new(alice.clone(), bob.clone(), hello)).await.unwrap();
    assert_eq!(sent.place.get(), 2);

    let (pair, at_ms) = (Conversation::single(alice, bob), u64::from(ahead) * 1_000);
    let page = timeline.history(&pair, PageRequest::since(at_ms, Count::default())).await.unwrap();
    let times: Vec<_> = page.entries.iter().map(|entry| entry.at_ms).collect();
    assert_eq!(times, [at_ms, at_ms], "what follows is no earlier, and is found behind it");
    assert!(timeline.shutdown(PATIENCE).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_time_falls_behind_an_entry_of_the_go_service_without_redis() {
    let Some(place) = Place::on_mongo().await else { return };
    no_time_falls(&place).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_time_falls_behind_an_entry_of_the_go_service_with_redis() {
    let Some(place) = Place::on_redis_and_mongo().await else { return };
    no_time_falls(&place).await;
}
