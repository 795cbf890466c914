//! Many pingers, many keys, many watchers.

use std::time::Duration;

use presence_mongo::{Base, Config, Watcher};
use test_support::{Mongo, require};

use crate::support::{
    LONG_SLOT, PATIENCE, Place, alive_count, all_started, commands, expect, expect_all, keys, next, started,
};

#[tokio::test]
async fn of_a_thousand_pingers_every_second_is_killed_and_the_others_live() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), LONG_SLOT);
    let (here, there) = (place.base().await, place.base().await);
    let keys = keys(1_000);
    let mut pingers = all_started(&here, keys.clone()).await;
    let watcher = Watcher::new(&there).unwrap();
    assert_eq!(alive_count(&watcher, &keys).await, 1_000);
    let kills = pingers.iter_mut().skip(1).step_by(2).map(presence_mongo::Pinger::kill);
    futures_util::future::try_join_all(kills).await.unwrap();
    watcher.sync().await.unwrap();
    let alive = watcher.alive_many(&keys[..]).await.unwrap();
    let is_odd = |number: usize| number % 2 == 1;
    assert!(alive.iter().enumerate().all(|(number, alive)| *alive != is_odd(number)), "{alive:?}");
    assert!(here.shutdown(PATIENCE).await && there.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn twenty_thousand_starts_share_their_writes() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let slot = Duration::from_secs(10);
    let place = Place::new(mongo.url(), slot);
    // A busy machine may need longer for so many.
    let config = Config::new(place.link().timeout(PATIENCE)).slot(slot).prune_interval(None);
    let base = Base::start(config).await.unwrap();
    let keys = keys(20_000);
    let writes = async || {
        let (mut all, kinds) = (0, ["insert", "update", "findAndModify"]);
        for kind in kinds {
            all += commands(&mongo, kind).await;
        }
        all
    };
    let before = writes().await;
    let pingers = all_started(&base, keys.clone()).await;
    let writes = writes().await - before;
    assert!(writes < 200, "{writes} writes for 20,000 starts");
    let seqs = place.documents("seqs").await;
    assert_eq!(seqs[0].get_i64("seq").unwrap(), 20_000);

    // A watcher elsewhere that begins from nothing.
    let there = place.base().await;
    let watcher = Watcher::new(&there).unwrap();
    assert_eq!(alive_count(&watcher, &keys).await, 20_000);
    drop(pingers);
    assert!(base.shutdown(PATIENCE).await && there.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_hundred_keys_come_and_go_on_one_stream() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), LONG_SLOT);
    let base = place.base().await;
    let watcher = Watcher::new(&base).unwrap();
    let mut stream = watcher.watch(Vec::<String>::new()).unwrap();
    let keys = keys(100);
    stream.watch(keys.clone()).unwrap();
    expect_all(&mut stream, keys.iter().map(|key| (&**key, false))).await;
    assert_eq!(stream.unwatch(&keys[..50]), 50);
    let pingers = all_started(&base, keys.clone()).await;
    for _ in 0..50 {
        let change = next(&mut stream).await;
        assert!(change.alive && keys[50..].iter().any(|key| **key == *change.key));
    }
    assert_eq!(watcher.unwatch(&keys[..]), 50);
    drop(pingers);
    assert!(base.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn many_watchers_of_a_process_are_told_alike() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), LONG_SLOT);
    let (here, there) = (place.base().await, place.base().await);
    let watchers: Vec<Watcher> = (0..50).map(|_| Watcher::new(&there).unwrap()).collect();
    let mut streams: Vec<_> = watchers.iter().map(|watcher| watcher.watch("a").unwrap()).collect();
    for stream in &mut streams {
        expect(stream, "a", false).await;
    }
    let mut pinger = started(&here, "a").await;
    for stream in &mut streams {
        expect(stream, "a", true).await;
    }
    // The others hear of it when one has gone.
    drop((streams.pop(), watchers.first().map(Watcher::stop)));
    pinger.kill().await.unwrap();
    for stream in streams.iter_mut().skip(1) {
        expect(stream, "a", false).await;
    }
    assert!(here.shutdown(PATIENCE).await && there.shutdown(PATIENCE).await);
}
