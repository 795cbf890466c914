//! What it costs: one update in a slot, one lookup of a being, one change stream.

use std::time::Duration;

use mongodb::bson::doc;
use presence_mongo::Watcher;
use test_support::{Mongo, require};
use tokio::time::Instant;

use crate::support::{PATIENCE, Place, alive_count, all_started, commands, expect_all, keys};

/// J8: beings that were known, or superseded, were looked up by each read.
#[tokio::test]
async fn a_slot_costs_one_update_and_a_known_being_no_read() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let slot = Duration::from_secs(2);
    let place = Place::new(mongo.url(), slot);
    let (here, there) = (place.base().await, place.base().await);
    let keys = keys(500);
    let superseded = all_started(&here, keys.clone()).await;
    let pingers = all_started(&here, keys.clone()).await;
    let watchers: Vec<Watcher> = (0..10).map(|_| Watcher::new(&there).unwrap()).collect();
    for watcher in &watchers {
        assert_eq!(alive_count(watcher, &keys).await, keys.len());
    }
    // Until the next slot is known and written.
    tokio::time::sleep(slot).await;
    let (updates, finds, begun) =
        (commands(&mongo, "update").await, commands(&mongo, "find").await, Instant::now());
    tokio::time::sleep(5 * slot).await;
    let slots = i64::try_from(begun.elapsed().as_secs() / slot.as_secs()).unwrap() + 1;
    let (updates, finds) =
        (commands(&mongo, "update").await - updates, commands(&mongo, "find").await - finds);
    // The server has a few of its own.
    assert!(updates <= slots + 5, "{updates} updates in {slots} slots");
    assert!(finds <= slots + 10, "{finds} reads in {slots} slots, with 10 watchers");
    drop((superseded, pingers, watchers));
    assert!(here.shutdown(PATIENCE).await && there.shutdown(PATIENCE).await);
}

/// Whoever dies by age is read again before, and all who do so together by one read.
#[tokio::test]
async fn five_hundred_that_die_by_age_cost_one_more_read_in_a_slot() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let slot = Duration::from_secs(2);
    let place = Place::new(mongo.url(), slot);
    let (here, there) = (place.base().await, place.base().await);
    let keys = keys(500);
    let pingers = all_started(&here, keys.clone()).await;
    let watcher = Watcher::new(&there).unwrap();
    let mut stream = watcher.watch(keys.clone()).unwrap();
    expect_all(&mut stream, keys.iter().map(|key| (&**key, true))).await;
    let (finds, begun) = (commands(&mongo, "find").await, Instant::now());
    drop(pingers);
    expect_all(&mut stream, keys.iter().map(|key| (&**key, false))).await;
    let slots = i64::try_from(begun.elapsed().as_secs() / slot.as_secs()).unwrap() + 1;
    let finds = commands(&mongo, "find").await - finds;
    // The server has a few of its own.
    assert!(finds <= 2 * slots + 10, "{finds} reads in {slots} slots");
    assert!(here.shutdown(PATIENCE).await && there.shutdown(PATIENCE).await);
}

/// Returns how many change streams the server has.
async fn change_streams(mongo: &Mongo) -> usize {
    let current = doc! { "$currentOp": { "allUsers": true, "idleCursors": true } };
    let all = doc! { "aggregate": 1, "pipeline": [current], "cursor": { "batchSize": 1_000 } };
    let answer = mongo.command("admin", all).await.unwrap();
    let operations = answer.get_document("cursor").unwrap().get_array("firstBatch").unwrap();
    operations.iter().filter(|operation| operation.to_string().contains("$changeStream")).count()
}

#[tokio::test]
async fn all_watchers_of_a_process_share_one_change_stream() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let place = Place::new(mongo.url(), Duration::from_secs(2));
    let base = place.base().await;
    let bases = [base.clone(), base.namespace("one").unwrap(), base.namespace("two").unwrap()];
    let watchers: Vec<Watcher> =
        (0..30).map(|number| Watcher::new(&bases[number % bases.len()]).unwrap()).collect();
    for watcher in &watchers {
        assert!(!watcher.alive("a").await.unwrap());
    }
    // Another set of namespaces takes another one, and the one before ends a moment later.
    let begun = Instant::now();
    loop {
        let count = change_streams(&mongo).await;
        if count == 1 {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{count} change streams for one process");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(watchers);
    assert!(base.shutdown(PATIENCE).await);
}
