//! What the Go service may have left that keeps a store from opening.

use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};
use timeline::distributed::{DistributedStore, check, repair};
use timeline::{Count, MemberId, State, Store, Unread};
use tokio::time::timeout;

use crate::place::{PATIENCE, Place, opened};

/// A document whose `_id` was made in this second.
fn document(second: u32, id: &str, seq: i64) -> Document {
    doc! { "_id": ObjectId::from_parts(second, [0; 5], [0; 3]), "id": id, "seq": seq }
}

async fn insert(place: &Place, collection: &str, documents: &[Document]) {
    let answer = place.command(doc! { "insert": collection, "documents": documents }).await;
    assert!(!answer.contains_key("writeErrors"), "{answer}");
}

async fn count(place: &Place, collection: &str) -> i32 {
    place.command(doc! { "count": collection }).await.get_i32("n").unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn duplicates_are_listed_and_moved_aside_and_the_store_opens() {
    let Some(place) = Place::on_mongo().await else { return };
    let inboxes = [document(2, "a", 1), document(1, "a", 1), document(3, "a", 4)];
    insert(&place, "chat_sync", &inboxes).await;
    insert(&place, "chat_history", &[document(1, "seq:a:b", 1), document(2, "seq:a:b:c", 1)]).await;

    let report = check(&place.config()).await.unwrap();
    assert_eq!((report.boxes, report.entries), (3, 5));
    let counts = (report.hole_count, report.duplicate_count, report.unclear_count, report.unreadable_count);
    assert_eq!(counts, (1, 1, 1, 0), "{report}");
    assert_eq!((report.holes[0].first.get(), report.holes[0].last.get()), (2, 3));
    assert_eq!((&*report.duplicates[0].id, report.duplicates[0].sequence.get()), ("a", 1));

    // The store does not open, says what to do, and opens by itself once that is done.
    let store = DistributedStore::start(place.config()).await.unwrap();
    let mut state = store.state();
    let is_refused =
        |state: &State| matches!(state, State::Down { reason } if reason.contains("tidings repair"));
    timeout(PATIENCE, state.wait_for(is_refused)).await.unwrap().unwrap();
    let repaired = repair(&place.config()).await.unwrap();
    assert_eq!(repaired.moved, report.duplicates);
    assert_eq!((repaired.pairs, repaired.groups), (1, 0), "{repaired}");
    opened(&store).await;
    for member in ["a", "b"].map(|id| MemberId::new(id).unwrap()) {
        let page = store.conversations(&member, None, Count::default()).await.unwrap();
        let [of_pair] = &*page.conversations else { panic!("{member} should have one: {page:?}") };
        assert_eq!((of_pair.view.latest.get(), of_pair.view.unread), (1, Unread::default()));
    }
    assert!(store.shutdown(PATIENCE).await);

    assert_eq!((count(&place, "chat_sync").await, count(&place, "chat_sync_duplicates").await), (2, 1));
    let left = check(&place.config()).await.unwrap();
    assert_eq!((left.duplicate_count, left.entries), (0, 4));
    assert!(repair(&place.config()).await.unwrap().moved.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn documents_without_a_sequence_are_moved_aside_and_the_store_opens() {
    let Some(place) = Place::on_mongo().await else { return };
    let without = |key: i32| doc! { "_id": key, "id": "a", "message": "{}" };
    insert(&place, "chat_sync", &[document(1, "a", 1), without(7), without(8)]).await;
    let report = check(&place.config()).await.unwrap();
    assert_eq!((report.duplicate_count, report.unreadable_count, report.entries), (0, 2, 1));
    assert!(!report.is_whole() && report.to_string().contains("tidings repair"), "{report}");

    // To the index that they lack the same field is that they have the same.
    let store = DistributedStore::start(place.config()).await.unwrap();
    let mut state = store.state();
    let is_refused =
        |state: &State| matches!(state, State::Down { reason } if reason.contains("tidings repair"));
    timeout(PATIENCE, state.wait_for(is_refused)).await.unwrap().unwrap();
    let repaired = repair(&place.config()).await.unwrap();
    assert!(repaired.moved.is_empty());
    let mut unreadable = repaired.unreadable;
    unreadable.sort_unstable();
    assert_eq!(unreadable, ["7", "8"].map(|key| ("chat_sync".to_owned(), key.to_owned())));
    opened(&store).await;
    assert!(store.shutdown(PATIENCE).await);

    assert_eq!((count(&place, "chat_sync").await, count(&place, "chat_sync_duplicates").await), (1, 2));
    assert!(check(&place.config()).await.unwrap().is_whole());
}
