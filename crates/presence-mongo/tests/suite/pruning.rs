//! Bounded storage: J1.

use std::time::Duration;

use mongodb::bson::doc;
use presence_mongo::{Pinger, Watcher};
use test_support::{Mongo, require};
use tokio::time::Instant;

use crate::support::{LONG_SLOT, PATIENCE, Place, SLOT, alive_count, all_started, keys, until};

/// J1: every start left a document for ever, and every slot one more.
#[tokio::test]
async fn restarts_and_time_leave_as_many_documents_as_there_are_keys() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    for namespace in [None, Some("uuid")] {
        let place = Place::new(mongo.url(), SLOT);
        let unnamed = place.base().await;
        let base = namespace.map_or_else(|| unnamed.clone(), |name| unnamed.namespace(name).unwrap());
        let keys = keys(20);
        let mut pingers = all_started(&base, keys.clone()).await;
        for _ in 0..20 {
            pingers.iter_mut().for_each(Pinger::stop);
            futures_util::future::try_join_all(pingers.iter_mut().map(Pinger::start)).await.unwrap();
        }
        assert_eq!(place.documents("beings").await.len(), 20 * 21);
        // Until the restarts lie in slots that are over.
        let begun = Instant::now();
        while place.documents("beings").await.len() > 20 {
            assert!(begun.elapsed() < PATIENCE, "they should be pruned by now");
            base.prune().await.unwrap();
            tokio::time::sleep(SLOT / 4).await;
        }
        // Those that stay, the current one, and one that begins before they are counted.
        while place.documents("pings").await.len() > 6 {
            assert!(begun.elapsed() < PATIENCE, "old slots should be pruned by now");
            base.prune().await.unwrap();
        }
        let watcher = Watcher::new(&base).unwrap();
        for key in &keys {
            until(&watcher, key, true).await;
        }
        let pruned = base.clear().await.unwrap();
        assert_eq!(pruned.beings, 20);
        assert_eq!(base.clear().await.unwrap().beings, 0, "clearing again does nothing");
        assert_eq!(place.documents("seqs").await.len(), 1);
        assert!(unnamed.shutdown(PATIENCE).await);
    }
}

/// As long as a base has not seen four slots go well nothing was removed.
#[tokio::test]
async fn slots_that_nobody_reads_any_more_go_at_any_time() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), LONG_SLOT);
    let base = place.base().await;
    let old = doc! { "_id": 30_i64, "alive": { "0": 2_i64 } };
    let insert = doc! { "insert": "presence.pings", "documents": [old], "writeConcern": { "w": "majority" } };
    mongo.command(place.database(), insert).await.unwrap();
    assert_eq!(base.prune().await.unwrap().slots, 1);
    assert!(place.documents("pings").await.is_empty());
    assert!(base.shutdown(PATIENCE).await);
}

/// All numbers of a key came in one document, which has no room for a million of them.
#[tokio::test]
async fn a_key_has_one_being_left_whose_starts_lie_in_two_parts_of_the_numbers() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    for namespace in [None, Some("uuid")] {
        let place = Place::new(mongo.url(), SLOT);
        let counter = namespace.map_or_else(|| "beings".to_owned(), |name| format!("{name}:beings"));
        // A part ends with 99,999.
        let counter = doc! { "_id": counter, "seq": 99_996_i64 };
        let majority = doc! { "w": "majority" };
        let insert = doc! { "insert": "presence.seqs", "documents": [counter], "writeConcern": majority };
        mongo.command(place.database(), insert).await.unwrap();
        let unnamed = place.base().await;
        let base = namespace.map_or_else(|| unnamed.clone(), |name| unnamed.namespace(name).unwrap());
        let mut pinger = Pinger::new(&base, "a").unwrap();
        for _ in 0..6 {
            pinger.stop();
            pinger.start().await.unwrap();
        }
        let begun = Instant::now();
        while place.documents("beings").await.len() > 1 {
            assert!(begun.elapsed() < PATIENCE, "they should be pruned by now");
            base.prune().await.unwrap();
            tokio::time::sleep(SLOT / 4).await;
        }
        until(&Watcher::new(&base).unwrap(), "a", true).await;
        assert!(unnamed.shutdown(PATIENCE).await);
    }
}

/// A clock that was ahead left them, and the dead would be alive again when their time comes.
#[tokio::test]
async fn slots_that_lie_ahead_of_the_clock_go() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    for namespace in [None, Some("uuid")] {
        let place = Place::new(mongo.url(), SLOT);
        let unnamed = place.base().await;
        let base = namespace.map_or_else(|| unnamed.clone(), |name| unnamed.namespace(name).unwrap());
        let mut pinger = Pinger::new(&base, "a").unwrap();
        pinger.start().await.unwrap();
        let (ahead, alive) = (9_000_000_000_i64, doc! { "0": 2_i64 });
        let slot = match namespace {
            None => doc! { "_id": ahead, "alive": alive },
            Some(name) => doc! { "_id": format!("{name}:{ahead}"), "slot": ahead, "alive": alive },
        };
        let insert = doc! {
            "insert": "presence.pings",
            "documents": [slot.clone()],
            "writeConcern": { "w": "majority" },
        };
        mongo.command(place.database(), insert).await.unwrap();
        let begun = Instant::now();
        while place.documents("pings").await.contains(&slot) {
            assert!(begun.elapsed() < PATIENCE, "it should be pruned by now");
            base.prune().await.unwrap();
            tokio::time::sleep(SLOT / 4).await;
        }
        until(&Watcher::new(&base).unwrap(), "a", true).await;
        assert!(unnamed.shutdown(PATIENCE).await);
    }
}

#[tokio::test]
async fn a_pruner_under_stress_makes_nobody_dead() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), LONG_SLOT);
    let (here, there, pruning) = (place.base().await, place.base().await, place.base().await);
    let keys = keys(200);
    let watcher = Watcher::new(&there).unwrap();
    let mut generations: Vec<Vec<Pinger>> = vec![all_started(&here, keys.clone()).await];
    watcher.sync().await.unwrap();
    let begun = Instant::now();
    while begun.elapsed() < 5 * LONG_SLOT {
        // Up to three pingers of each key overlap.
        generations.push(all_started(&here, keys.clone()).await);
        if generations.len() > 3 {
            generations.remove(0);
        }
        pruning.prune().await.unwrap();
        watcher.sync().await.unwrap();
        assert_eq!(alive_count(&watcher, &keys).await, keys.len());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(place.documents("beings").await.len() >= keys.len());
    drop(generations);
    for base in [here, there, pruning] {
        assert!(base.shutdown(PATIENCE).await);
    }
}

#[tokio::test]
async fn it_is_pruned_by_itself() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), SLOT);
    let config = place.config().prune_interval(Duration::from_secs(1));
    let base = presence_mongo::Base::start(config).await.unwrap();
    let mut pinger = Pinger::new(&base, "a").unwrap();
    for _ in 0..10 {
        pinger.start().await.unwrap();
        pinger.stop();
    }
    pinger.start().await.unwrap();
    let begun = Instant::now();
    while place.documents("beings").await.len() > 1 {
        assert!(begun.elapsed() < PATIENCE, "it should be pruned by now");
        tokio::time::sleep(SLOT / 4).await;
    }
    assert!(base.shutdown(PATIENCE).await);
}
