//! Who comes, who goes, and when.

use std::time::Duration;

use presence_mongo::{Base, Detection, Pinger, Watcher};
use test_support::{Mongo, require};
use tokio::time::Instant;

use crate::support::{
    LONG_SLOT, PATIENCE, Place, SLOT, Scene, expect, expect_all, next, quiet, started, until,
};

#[tokio::test]
async fn starts_and_kills_are_told_at_once_and_stops_are_silent() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), LONG_SLOT);
    let (here, there) = (place.base().await, place.base().await);
    let watcher = Watcher::new(&there).unwrap();
    let mut stream = watcher.watch(["a", "b"]).unwrap();
    expect_all(&mut stream, [("a", false), ("b", false)]).await;

    let mut first = started(&here, "a").await;
    expect(&mut stream, "a", true).await;
    assert_eq!(stream.unwatch("b"), 1);
    let mut second = started(&here, "b").await;
    quiet(&mut stream, Duration::from_millis(300)).await;
    stream.watch("b").unwrap();
    expect(&mut stream, "b", true).await;

    first.stop();
    quiet(&mut stream, Duration::from_millis(300)).await;
    second.kill().await.unwrap();
    expect(&mut stream, "b", false).await;
    // Stopped, it is killed all the same; killing the dead is silent.
    first.kill().await.unwrap();
    expect(&mut stream, "a", false).await;
    first.kill().await.unwrap();
    second.kill().await.unwrap();
    quiet(&mut stream, 2 * LONG_SLOT).await;
    assert_eq!(watcher.alive_many(["b", "a"]).await.unwrap(), [false, false]);
    assert!(here.shutdown(PATIENCE).await && there.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_silent_key_is_dead_when_its_slots_are_over_and_not_before() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), LONG_SLOT);
    let base = place.base().await;
    let watcher = Watcher::new(&base).unwrap();
    let mut stream = watcher.watch("a").unwrap();
    expect(&mut stream, "a", false).await;
    let begun = Instant::now();
    let pinger = started(&base, "a").await;
    expect(&mut stream, "a", true).await;
    drop(pinger);
    expect(&mut stream, "a", false).await;
    // The slot of its ping had begun by then, and one more has passed.
    assert!(begun.elapsed() > LONG_SLOT.saturating_sub(Duration::from_millis(100)));
    // Killing it now is silent.
    Pinger::new(&base, "a").unwrap().kill().await.unwrap();
    quiet(&mut stream, LONG_SLOT).await;
    assert!(base.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_key_that_is_started_again_and_again_is_never_dead() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), LONG_SLOT);
    let Scene { here, there, mut stream, mut pinger, .. } = place.scene().await;
    let begun = Instant::now();
    while begun.elapsed() < 4 * LONG_SLOT {
        pinger.stop();
        pinger.start().await.unwrap();
        quiet(&mut stream, Duration::from_millis(50)).await;
    }
    assert!(here.shutdown(PATIENCE).await && there.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_pinger_goes_on_and_an_older_one_outlives_a_kill_of_the_newer() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), LONG_SLOT);
    let Scene { here, there, mut stream, pinger: older, .. } = place.scene().await;
    let mut newer = started(&here, "a").await;
    newer.kill().await.unwrap();
    expect(&mut stream, "a", false).await;
    // The older one still pings: the death of the newer one expires.
    expect(&mut stream, "a", true).await;
    drop(older);
    expect(&mut stream, "a", false).await;
    assert!(here.shutdown(PATIENCE).await && there.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn without_a_change_stream_all_is_seen_by_polling() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), SLOT);
    let here = place.base().await;
    let there = Base::start(place.config().detection(Detection::Poll)).await.unwrap();
    let Scene { here, there, watcher, mut stream, mut pinger } = Scene::of(here, there).await;
    pinger.kill().await.unwrap();
    expect(&mut stream, "a", false).await;
    pinger.start().await.unwrap();
    watcher.start_sync();
    watcher.start_sync();
    watcher.start_sync();
    expect(&mut stream, "a", true).await;
    assert!(here.shutdown(PATIENCE).await && there.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn two_namespaces_of_a_base_know_nothing_of_each_other() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), SLOT);
    let unnamed = place.base().await;
    let one = unnamed.namespace("one").unwrap();
    // The same namespace in another process, and one whose name begins with its name.
    let other_base = place.base().await;
    let (same, longer) = (other_base.namespace("one").unwrap(), other_base.namespace("one2").unwrap());
    let watchers = [&unnamed, &one, &same, &longer].map(|base| Watcher::new(base).unwrap());
    let mut pinger = started(&one, "a").await;
    until(&watchers[2], "a", true).await;
    until(&watchers[1], "a", true).await;
    for watcher in [&watchers[0], &watchers[3]] {
        watcher.sync().await.unwrap();
        assert!(!watcher.alive("a").await.unwrap());
    }
    pinger.kill().await.unwrap();
    until(&watchers[2], "a", false).await;
    assert!(unnamed.shutdown(PATIENCE).await && other_base.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_sync_waits_for_what_it_read_to_be_delivered() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), SLOT);
    let base = place.base().await;
    let reader = Base::start(place.config().detection(Detection::Poll)).await.unwrap();
    let watcher = Watcher::new(&reader).unwrap();
    let mut stream = watcher.watch("a").unwrap();
    expect(&mut stream, "a", false).await;
    let pinger = started(&base, "a").await;
    let (synced, change) = tokio::join!(watcher.sync(), async {
        // It reads when it is polled, after the sync was asked for.
        next(&mut stream).await
    });
    synced.unwrap();
    assert!(change.alive);
    drop(pinger);
    assert!(base.shutdown(PATIENCE).await && reader.shutdown(PATIENCE).await);
}
