//! What lies in the database.

use mongodb::bson::{Bson, Document, doc};
use presence_mongo::Pinger;
use test_support::{Mongo, require};

use crate::support::{PATIENCE, Place, started};

/// Returns the values of a word over all slots of a kind, ored.
fn word(slots: &[Document], kind: &str, word: &str) -> i64 {
    let words = slots.iter().filter_map(|slot| slot.get_document(kind).ok());
    words.filter_map(|words| words.get_i64(word).ok()).fold(0, |all, bits| all | bits)
}

#[tokio::test]
async fn documents_are_those_of_the_original() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), std::time::Duration::from_secs(30));
    let base = place.base().await;
    let mut first = started(&base, "m#1").await;
    let second = started(&base, "u#joe").await;
    first.kill().await.unwrap();
    Pinger::new(&base, "m#2").unwrap().kill().await.unwrap();

    assert_eq!(place.documents("seqs").await, [doc! { "_id": "beings", "seq": 3_i64 }]);
    let mut beings = place.documents("beings").await;
    beings.sort_by_key(|being| being.get_i64("_id").unwrap());
    let being = |number: i64, key: &str| doc! { "_id": number, "key": key };
    assert_eq!(beings, [being(1, "m#1"), being(2, "u#joe"), being(3, "m#2")]);
    let slots = place.documents("pings").await;
    for slot in &slots {
        assert_eq!(slot.get_i64("_id").unwrap() % 30, 0);
        let mut fields: Vec<_> = slot.keys().map(String::as_str).collect();
        fields.retain(|field| !["_id", "alive", "dead"].contains(field));
        assert!(fields.is_empty(), "{slot}");
    }
    // Numbers 1, 2 and 3 in the first word.
    assert_eq!((word(&slots, "alive", "0"), word(&slots, "dead", "0")), (14, 10));
    drop(second);
    assert!(base.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn documents_of_a_namespace_are_those_of_the_original_with_models() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), std::time::Duration::from_secs(30));
    let unnamed = place.base().await;
    let base = unnamed.namespace("test-uuid").unwrap();
    let pinger = started(&base, "m#1").await;
    assert_eq!(place.documents("seqs").await, [doc! { "_id": "test-uuid:beings", "seq": 1_i64 }]);
    assert_eq!(place.documents("beings").await, [doc! { "_id": "test-uuid:1", "seq": 1_i64, "key": "m#1" }]);
    let slots = place.documents("pings").await;
    for slot in &slots {
        let number = slot.get_i64("slot").unwrap();
        assert_eq!(slot.get("_id"), Some(&Bson::String(format!("test-uuid:{number}"))));
    }
    assert_eq!(word(&slots, "alive", "0"), 2);
    drop(pinger);
    assert!(unnamed.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_counter_that_was_set_back_gives_nobody_the_number_of_another() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let place = Place::new(mongo.url(), std::time::Duration::from_secs(5));
    let base = place.base().await;
    let old = [started(&base, "a").await, started(&base, "b").await, started(&base, "c").await];
    mongo.command(place.database(), doc! { "drop": "presence.seqs" }).await.unwrap();
    let new = started(&base, "d").await;
    let mut beings = place.documents("beings").await;
    beings.sort_by_key(|being| being.get_i64("_id").unwrap());
    let keys: Vec<_> = beings.iter().map(|being| being.get_str("key").unwrap()).collect();
    assert_eq!(keys, ["a", "b", "c", "d"]);
    drop((old, new));
    assert!(base.shutdown(PATIENCE).await);
}
