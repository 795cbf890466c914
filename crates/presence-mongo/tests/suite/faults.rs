//! The faults of the original, each with a test of what it broke.
//!
//! J1 is tested in `pruning.rs`, J8 in `bounds.rs`, and J9, which no caller can see, beside the
//! code, as is what others have that needs no database. J5 was one of servers older than the driver
//! takes, and J16 one of the original's own tests.

use std::time::Duration;

use mongodb::bson::{Document, doc};
use presence_mongo::{Base, Detection, ErrorKind, Pinger, Watcher, WatcherState};
use test_support::{Mongo, require};
use tokio::time::Instant;

use crate::support::{
    LONG_SLOT, PATIENCE, Place, SLOT, Scene, dies, error_of, expect, past_errors, quiet, started, until,
};

/// Lets a command fail, without an answer, until it is healed.
async fn break_off(mongo: &Mongo, command: &str) {
    let data = doc! { "failCommands": [command], "closeConnection": true };
    mongo.fail("failCommand", "alwaysOn", data).await.unwrap();
}

/// J2: a read that failed was taken for a slot without pings.
#[tokio::test]
async fn reads_that_fail_make_nobody_dead() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let place = Place::new(mongo.url(), LONG_SLOT);
    let here = place.base().await;
    let there = Base::start(place.config().detection(Detection::Poll)).await.unwrap();
    let Scene { here, there, watcher, mut stream, mut pinger } = Scene::of(here, there).await;

    break_off(&mongo, "find").await;
    error_of(&mut stream, ErrorKind::Unavailable).await;
    let unread = watcher.sync().await.unwrap_err();
    assert_eq!(unread.kind(), ErrorKind::Unavailable);
    assert!(unread.to_string().starts_with("time slots cannot be read: mongodb at "), "{unread}");
    assert!(matches!(watcher.err(), WatcherState::Unavailable(_)));
    quiet(&mut stream, 3 * LONG_SLOT).await;
    assert!(watcher.alive("a").await.unwrap(), "the last state is kept");

    mongo.heal("failCommand").await.unwrap();
    until(&watcher, "a", true).await;
    assert!(matches!(watcher.err(), WatcherState::Running));
    pinger.kill().await.unwrap();
    dies(&mut stream, "a").await;
    assert!(here.shutdown(PATIENCE).await && there.shutdown(PATIENCE).await);
}

/// J3: a ping that was repeated, as its outcome was not known, became one of the next number.
#[tokio::test]
async fn a_ping_whose_outcome_was_not_known_sets_no_other_bit() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let place = Place::new(mongo.url(), Duration::from_secs(3_600));
    let base = place.base().await;
    // It takes effect each time.
    let unknown = doc! { "code": 64, "errmsg": "waiting for replication timed out" };
    let data = doc! { "failCommands": ["update"], "writeConcernError": unknown };
    mongo.fail("failCommand", doc! { "times": 2 }, data).await.unwrap();
    let pinger = started(&base, "a").await;
    let slots = place.documents("pings").await;
    assert!(!slots.is_empty());
    for slot in &slots {
        assert_eq!(slot.get_document("alive").unwrap(), &doc! { "0": 2_i64 });
    }
    drop(pinger);
    assert!(base.shutdown(PATIENCE).await);
}

/// J4: two upserts of one slot met, and the process that lost never pinged again.
#[tokio::test]
async fn upserts_of_several_processes_that_meet_all_take_effect() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), SLOT);
    let mut bases = Vec::new();
    for _ in 0..8 {
        bases.push(place.base().await);
    }
    let watcher = Watcher::new(&bases[0]).unwrap();
    let keys: Vec<String> = (0..8).map(|number| format!("key {number}")).collect();
    let starts = bases.iter().zip(&keys).map(|(base, key)| started(base, key));
    let pingers = futures_util::future::join_all(starts).await;
    for key in &keys {
        until(&watcher, key, true).await;
    }
    // Each slot has a new document, for all of them to make. Their bits lie in its first word.
    let has_all = |slot: &&Document| {
        let word = slot.get_document("alive").ok().and_then(|words| words.get_i64("0").ok());
        word.is_some_and(|word| word.count_ones() >= 8)
    };
    let begun = Instant::now();
    while place.documents("pings").await.iter().filter(has_all).count() < 3 {
        assert!(begun.elapsed() < PATIENCE, "all of them should have pinged in three slots by now");
        tokio::time::sleep(SLOT / 4).await;
    }
    drop(pingers);
    for base in &bases {
        assert!(base.shutdown(PATIENCE).await);
    }
}

/// Waits until the pings of a pinger fail, or no longer do.
async fn fails(pinger: &Pinger, expected: bool) {
    let begun = Instant::now();
    while pinger.error().is_some() != expected {
        assert!(begun.elapsed() < PATIENCE, "whether pings fail should be {expected}: {:?}", pinger.error());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// J4, J6: a write that failed ended the batcher, and all pingers were mute for ever.
#[tokio::test]
async fn writes_that_fail_are_told_and_tried_again() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let place = Place::new(mongo.url(), SLOT);
    let Scene { here, there, stream: _stream, pinger, .. } = place.scene().await;

    let duplicate = doc! { "failCommands": ["update"], "errorCode": 11_000 };
    mongo.fail("failCommand", "alwaysOn", duplicate).await.unwrap();
    fails(&pinger, true).await;
    mongo.heal("failCommand").await.unwrap();
    fails(&pinger, false).await;
    // It pings on. While nobody could write it may have looked dead for a while.
    let watcher = Watcher::new(&there).unwrap();
    until(&watcher, "a", true).await;
    drop(pinger);
    until(&watcher, "a", false).await;
    assert!(here.shutdown(PATIENCE).await && there.shutdown(PATIENCE).await);
}

/// J7: a channel that was unwatched while something waited for it blocked the watcher for ever.
#[tokio::test]
async fn a_stream_that_is_gone_blocks_nobody() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), LONG_SLOT);
    let base = place.base().await;
    let watcher = Watcher::new(&base).unwrap();
    let mut kept = watcher.watch("a").unwrap();
    expect(&mut kept, "a", false).await;
    let mut pinger = started(&base, "a").await;
    let unread: Vec<_> = (0..100).map(|_| watcher.watch("a").unwrap()).collect();
    unread.iter().take(50).for_each(|stream| assert_eq!(stream.unwatch("a"), 1));
    drop(unread);
    watcher.watch("a").unwrap().watch("b").unwrap();
    expect(&mut kept, "a", true).await;
    pinger.kill().await.unwrap();
    expect(&mut kept, "a", false).await;
    watcher.sync().await.unwrap();
    assert!(base.shutdown(PATIENCE).await);
}

/// J10: a session that had gone stale was used on.
#[tokio::test]
async fn connections_that_the_server_closed_are_replaced() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let place = Place::new(mongo.url(), LONG_SLOT);
    let base = place.base().await;
    let watcher = Watcher::new(&base).unwrap();
    let mut pinger = started(&base, "a").await;
    until(&watcher, "a", true).await;
    let data = doc! { "failCommands": ["find", "update", "hello", "getMore"], "closeConnection": true };
    mongo.fail("failCommand", doc! { "times": 6 }, data).await.unwrap();
    until(&watcher, "a", true).await;
    mongo.heal("failCommand").await.unwrap();
    pinger.kill().await.unwrap();
    until(&watcher, "a", false).await;
    assert!(base.shutdown(PATIENCE).await);
}

/// J11: a word whose name is no number ended the process.
#[tokio::test]
async fn words_that_cannot_be_read_end_nobody() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), LONG_SLOT);
    let Scene { here: base, watcher, mut stream, mut pinger, .. } = place.lone_scene().await;
    // Both in what a change stream tells and in what is read.
    let strange = doc! { "$set": { "alive.xyz": 4_i64, "alive.1": i64::MIN, "dead.F": 1_i64 } };
    let update = doc! {
        "update": "presence.pings",
        "updates": [{ "q": {}, "u": strange, "multi": true }],
        "writeConcern": { "w": "majority" },
    };
    mongo.command(place.database(), update).await.unwrap();
    watcher.sync().await.unwrap();
    assert!(watcher.alive("a").await.unwrap());
    quiet(&mut stream, 2 * LONG_SLOT).await;
    pinger.kill().await.unwrap();
    expect(&mut stream, "a", false).await;
    assert!(base.shutdown(PATIENCE).await);
}

/// J12: after a kill each read told the death again, and after a stop and a kill a start as well.
#[tokio::test]
async fn a_kill_is_told_once_however_often_is_read() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), LONG_SLOT);
    let Scene { here: base, watcher, mut stream, mut pinger, .. } = place.lone_scene().await;
    pinger.stop();
    pinger.kill().await.unwrap();
    expect(&mut stream, "a", false).await;
    for _ in 0..5 {
        watcher.sync().await.unwrap();
    }
    quiet(&mut stream, Duration::from_millis(100)).await;
    assert!(base.shutdown(PATIENCE).await);
}

/// J13: when the newer of two pingers stopped the key was told dead, and alive by the next read.
#[tokio::test]
async fn a_key_whose_newer_pinger_stops_lives_on_by_the_older_one() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), LONG_SLOT);
    let Scene { here, there, mut stream, pinger: older, .. } = place.scene().await;
    let mut newer = started(&here, "a").await;
    newer.stop();
    quiet(&mut stream, 4 * LONG_SLOT).await;
    drop(older);
    expect(&mut stream, "a", false).await;
    assert!(here.shutdown(PATIENCE).await && there.shutdown(PATIENCE).await);
}

/// J14: stopping what had never been started blocked for ever.
#[tokio::test]
async fn a_pinger_that_was_never_started_is_stopped_and_dropped_at_once() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), SLOT);
    let base = place.base().await;
    let mut pinger = Pinger::new(&base, "a").unwrap();
    pinger.stop();
    assert!(!pinger.is_started());
    pinger.start().await.unwrap();
    drop(pinger);
    drop(Pinger::new(&base, "b").unwrap());
    assert!(base.shutdown(PATIENCE).await);
}

/// J15: what belonged to a namespace was found by the beginning of its name.
#[tokio::test]
async fn a_namespace_whose_name_begins_with_anothers_is_neither_pruned_nor_cleared_with_it() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), LONG_SLOT);
    let unnamed = place.base().await;
    let (base, longer) = (unnamed.namespace("uuid").unwrap(), unnamed.namespace("uuid2").unwrap());
    let (gone, stays) = (started(&base, "a").await, started(&longer, "a").await);
    drop(gone);
    base.prune().await.unwrap();
    assert_eq!(base.clear().await.unwrap().beings, 1);
    let being = doc! { "_id": "uuid2:1", "seq": 1_i64, "key": "a" };
    assert_eq!(place.documents("beings").await, [being]);
    until(&Watcher::new(&longer).unwrap(), "a", true).await;
    drop(stays);
    assert!(unnamed.shutdown(PATIENCE).await);
}

/// Whoever was read while its document was not there stayed unknown for as long as it pinged.
#[tokio::test]
async fn a_being_whose_document_comes_late_is_alive_by_the_next_sync() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), LONG_SLOT);
    let base = place.base().await;
    let pinger = started(&base, "a").await;
    let being = place.documents("beings").await.remove(0);
    // With a majority, as it is read.
    let delete = doc! {
        "delete": "presence.beings",
        "deletes": [{ "q": {}, "limit": 0 }],
        "writeConcern": { "w": "majority" },
    };
    mongo.command(place.database(), delete).await.unwrap();
    let watcher = Watcher::new(&base).unwrap();
    watcher.sync().await.unwrap();
    assert!(!watcher.alive("a").await.unwrap());
    let insert = doc! { "insert": "presence.beings", "documents": [being] };
    mongo.command(place.database(), insert).await.unwrap();
    until(&watcher, "a", true).await;
    drop(pinger);
    assert!(base.shutdown(PATIENCE).await);
}

/// A change stream that is lost for good is a gap: what is then is read, and told.
#[tokio::test]
async fn what_a_lost_change_stream_missed_is_read() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let place = Place::new(mongo.url(), Duration::from_secs(20));
    let Scene { here, there, mut stream, mut pinger, .. } = place.scene().await;

    // The stream cannot go on behind its last change, nor can another one be opened meanwhile.
    let lost = doc! { "failCommands": ["getMore", "aggregate"], "errorCode": 286 };
    mongo.fail("failCommand", "alwaysOn", lost).await.unwrap();
    error_of(&mut stream, ErrorKind::Lagged).await;
    pinger.kill().await.unwrap();
    mongo.heal("failCommand").await.unwrap();
    // Long before the next slot.
    let change = past_errors(&mut stream).await;
    assert!(!change.alive);
    assert!(here.shutdown(PATIENCE).await && there.shutdown(PATIENCE).await);
}

/// Until then watchers poll, once in a slot and when they are asked to.
#[tokio::test]
async fn a_change_stream_that_cannot_be_opened_is_opened_when_it_can() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    // What a server says that is no member of a replica set.
    let standalone = doc! { "failCommands": ["aggregate"], "errorCode": 40_573 };
    mongo.fail("failCommand", "alwaysOn", standalone).await.unwrap();
    // No slot begins while the test runs.
    let place = Place::new(mongo.url(), Duration::from_secs(3_600));
    let (here, there) = (place.base().await, place.base().await);
    let watcher = Watcher::new(&there).unwrap();
    let mut stream = watcher.watch("a").unwrap();
    expect(&mut stream, "a", false).await;
    let mut pinger = started(&here, "a").await;
    watcher.start_sync();
    expect(&mut stream, "a", true).await;
    pinger.kill().await.unwrap();
    quiet(&mut stream, Duration::from_millis(300)).await;
    mongo.heal("failCommand").await.unwrap();
    // Nobody asks for it.
    expect(&mut stream, "a", false).await;
    pinger.start().await.unwrap();
    expect(&mut stream, "a", true).await;
    assert!(here.shutdown(PATIENCE).await && there.shutdown(PATIENCE).await);
}

/// Dropping the collection ends a change stream with `invalidate`.
#[tokio::test]
async fn a_collection_that_was_dropped_is_made_again_and_followed_again() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let place = Place::new(mongo.url(), LONG_SLOT);
    let (here, there) = (place.base().await, place.base().await);
    let watcher = Watcher::new(&there).unwrap();
    let mut pinger = started(&here, "a").await;
    until(&watcher, "a", true).await;
    mongo.command(place.database(), doc! { "drop": "presence.pings" }).await.unwrap();
    // Its bits are gone until the next slot; nobody is dead for that who was known.
    assert!(watcher.alive("a").await.unwrap());
    pinger.kill().await.unwrap();
    until(&watcher, "a", false).await;
    pinger.start().await.unwrap();
    until(&watcher, "a", true).await;
    assert!(here.shutdown(PATIENCE).await && there.shutdown(PATIENCE).await);
}
