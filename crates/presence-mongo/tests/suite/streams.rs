//! Slow readers, dropped streams, and handles of keys.

use std::time::Duration;

use futures_util::StreamExt;
use presence_mongo::{Base, ErrorKind, Watcher};
use test_support::{Mongo, require};

use crate::support::{LONG_SLOT, PATIENCE, Place, expect, expect_all, quiet, started, until};

#[tokio::test]
async fn a_slow_reader_finds_the_latest_state_and_delays_nobody() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), LONG_SLOT);
    let base = Base::start(place.config().sync_timeout(Duration::from_millis(100))).await.unwrap();
    let watcher = Watcher::new(&base).unwrap();
    let mut slow = watcher.watch(["a", "b"]).unwrap();
    let mut quick = watcher.watch("a").unwrap();
    expect(&mut quick, "a", false).await;
    let mut pinger = started(&base, "a").await;
    expect(&mut quick, "a", true).await;
    for _ in 0..3 {
        pinger.kill().await.unwrap();
        expect(&mut quick, "a", false).await;
        pinger.start().await.unwrap();
        expect(&mut quick, "a", true).await;
    }
    assert_eq!(watcher.sync().await.unwrap_err().kind(), ErrorKind::Timeout, "it does not wait for ever");
    expect_all(&mut slow, [("a", true), ("b", false)]).await;
    quiet(&mut slow, Duration::from_millis(100)).await;
    watcher.sync().await.unwrap();
    assert!(base.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_sync_does_not_wait_for_a_stream_that_was_dropped_meanwhile() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), LONG_SLOT);
    let base = Base::start(place.config().sync_timeout(PATIENCE)).await.unwrap();
    let watcher = Watcher::new(&base).unwrap();
    let unread = watcher.watch("a").unwrap();
    watcher.alive("a").await.unwrap();
    let syncing = watcher.sync();
    let dropping = async {
        tokio::task::yield_now().await;
        drop(unread);
    };
    let (synced, ()) =
        tokio::time::timeout(PATIENCE / 2, async { tokio::join!(syncing, dropping) }).await.unwrap();
    synced.unwrap();
    assert!(base.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn keys_are_changed_while_another_task_reads() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), LONG_SLOT);
    let base = place.base().await;
    let watcher = Watcher::new(&base).unwrap();
    let stream = watcher.watch(Vec::<String>::new()).unwrap();
    let keys = stream.keys();
    let reading = tokio::task::spawn_blocking({
        let runtime = tokio::runtime::Handle::current();
        move || runtime.block_on(async { stream.take(2).map(Result::unwrap).collect::<Vec<_>>().await })
    });
    keys.watch("a").unwrap();
    assert!(keys.contains("a") && !keys.contains("b"));
    keys.watch("b").unwrap();
    let told = tokio::time::timeout(PATIENCE, reading).await.unwrap().unwrap();
    let mut told: Vec<&str> = told.iter().map(|change| &*change.key).collect();
    // The first states are told in any order.
    told.sort_unstable();
    assert_eq!(told, ["a", "b"]);
    // The stream was dropped there.
    assert_eq!(keys.watch("c").unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(keys.unwatch("a"), 0);
    assert!(base.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_stream_keeps_its_watcher_and_its_base() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), LONG_SLOT);
    let pinging = place.base().await;
    let mut stream = Watcher::new(&place.base().await).unwrap().watch("a").unwrap();
    expect(&mut stream, "a", false).await;
    let pinger = started(&pinging, "a").await;
    expect(&mut stream, "a", true).await;
    drop((pinger, stream));

    // And a pinger its base.
    let pinger = started(&place.base().await, "b").await;
    let watcher = Watcher::new(&pinging).unwrap();
    until(&watcher, "b", true).await;
    let mut stream = watcher.watch("b").unwrap();
    expect(&mut stream, "b", true).await;
    quiet(&mut stream, 3 * LONG_SLOT).await;
    drop(pinger);
    assert!(pinging.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_start_that_is_dropped_leaves_nobody_alive() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), LONG_SLOT);
    let base = place.base().await;
    let watcher = Watcher::new(&base).unwrap();
    for _ in 0..20 {
        let mut pinger = presence_mongo::Pinger::new(&base, "a").unwrap();
        tokio::select! {
            biased;
            started = pinger.start() => started.unwrap(),
            // Some are dropped before, some after the number was taken.
            () = tokio::task::yield_now() => {}
        }
        pinger.stop();
    }
    until(&watcher, "a", false).await;
    quiet(&mut seen_dead(&watcher).await, 2 * LONG_SLOT).await;
    assert!(base.shutdown(PATIENCE).await);
}

async fn seen_dead(watcher: &Watcher) -> presence_mongo::WatchStream {
    let mut stream = watcher.watch("a").unwrap();
    expect(&mut stream, "a", false).await;
    stream
}
