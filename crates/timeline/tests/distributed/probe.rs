//! What is said of the databases before a store is opened.

use mongodb::bson::{Document, doc};
use test_support::{Mongo, MongoOptions, Redis, RedisOptions, require, unique};
use timeline::distributed::{Config, probe, probe_redis};
use timeline::{ErrorKind, Store};

use crate::place::{PATIENCE, Place, open};

/// The collections of the database.
async fn collections(place: &Place) -> Vec<Document> {
    let answer = place.command(doc! { "listCollections": 1, "nameOnly": true }).await;
    let batch = answer.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
    batch.iter().map(|found| found.as_document().unwrap().clone()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_probe_finds_the_indexes_of_a_store_and_makes_nothing() {
    let Some(place) = Place::on_mongo().await else { return };
    let found = probe(&place.config()).await.unwrap();
    assert!(
        !found.is_indexed && found.version.starts_with(|first: char| first.is_ascii_digit()),
        "{found:?}"
    );
    assert!(collections(&place).await.is_empty());
    assert!(open(place.config()).await.shutdown(PATIENCE).await);
    let found = probe(&place.config()).await.unwrap();
    assert!(found.is_indexed && found.was_opened);
    place.command(doc! { "dropIndexes": "chat_sync", "index": "*" }).await;
    let found = probe(&place.config()).await.unwrap();
    assert!(!found.is_indexed && found.was_opened, "somebody has dropped it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_that_lets_duplicates_in_is_named_with_how_to_drop_it() {
    let Some(place) = Place::on_mongo().await else { return };
    let index = doc! { "key": { "id": 1, "seq": 1 }, "name": "by_box" };
    place.command(doc! { "createIndexes": "chat_history", "indexes": [index] }).await;
    let error = probe(&place.config()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error.to_string().contains("db.getCollection(\"chat_history\").dropIndex(\"by_box\")"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_a_later_version_is_told_before_it_is_opened() {
    let Some(place) = Place::on_mongo().await else { return };
    place.command(doc! { "insert": "chat_meta", "documents": [{ "_id": "store", "format": 1_000 }] }).await;
    let error = probe(&place.config()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains("a later version"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_is_tried_without_a_key_and_one_that_is_away_is_told() {
    let Some(place) = Place::on_redis_and_mongo().await else { return };
    probe_redis(&place.config()).await.unwrap();
    let mut connection = test_support::redis_connection(place.redis_url().unwrap()).await.unwrap();
    let keys: Vec<String> =
        redis::cmd("KEYS").arg(format!("{}:*", place.database())).query_async(&mut connection).await.unwrap();
    assert!(keys.is_empty(), "{keys:?}");
    let away = probe_redis(&place.config().redis("redis://127.0.0.1:1")).await.unwrap_err();
    assert_eq!(away.kind(), ErrorKind::Unavailable, "{away}");
    // Where there is to be none, there is nothing to try.
    probe_redis(&Config::new(place.mongo_url())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_user_who_may_only_read_is_told_with_what_to_grant() {
    let options = MongoOptions::new().password("secret").reader("eve", "e");
    let Some(mongo) = require(Mongo::with(options).await) else { return };
    let database = unique("timeline");
    let config = |url: &str| Config::new(url).database(&*database);
    let reader = config(&mongo.user_url("eve", "e"));
    let told = |error: timeline::Error| {
        let text = format!("{error:#}");
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{text}");
        let grant = format!("[{{ role: \"readWrite\", db: \"{database}\" }}]");
        for part in ["run insert on ", "db.getSiblingDB(\"admin\").grantRolesToUser(", &grant] {
            assert!(text.contains(part), "{text}");
        }
        for noise in ["lsid", "RawDocumentBuf", "labels"] {
            assert!(!text.contains(noise), "{text}");
        }
    };
    told(probe(&reader).await.unwrap_err());
    // Also once there is a store, whose user may write.
    let writer = config(mongo.url());
    assert!(open(writer.clone()).await.shutdown(PATIENCE).await);
    told(probe(&reader).await.unwrap_err());
    assert!(probe(&writer).await.unwrap().is_indexed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redis_without_memory_gives_out_no_sequences() {
    let Some(place) = Place::on_mongo().await else { return };
    let options = RedisOptions { memory_max: Some((1, "noeviction")), ..RedisOptions::default() };
    let Some(redis) = require(Redis::with(&options).await) else { return };
    let full = probe_redis(&place.config().redis(redis.url())).await.unwrap_err();
    assert!(full.to_string().contains("memory"), "{full:#}");
}
