//! One server that is killed, frozen, slow, or no primary.

use std::time::Duration;

use mongodb::bson::doc;
use presence_mongo::{Base, Config, ErrorKind, Pinger, WatchStream, Watcher, WatcherState, WhenAway};
use test_support::{Mongo, require};
use tokio::time::{Instant, timeout};

use crate::support::{
    self, PATIENCE, Place, Scene, dies, error_of, expect, no_change, past_errors, started, until,
};

const SLOT: Duration = Duration::from_secs(2);

/// Expects that no state changes until a key is read to be alive; errors may come.
async fn alive_all_along(stream: &mut WatchStream, watcher: &Watcher) {
    tokio::select! {
        change = past_errors(stream) => panic!("nobody should have died: {change:?}"),
        () = until(watcher, "a", true) => {}
    }
}

#[tokio::test]
async fn nobody_dies_of_a_server_that_is_killed_and_comes_back() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let place = Place::new(mongo.url(), SLOT);
    let Scene { here, there, watcher, mut stream, mut pinger } = place.scene().await;

    mongo.kill().unwrap();
    error_of(&mut stream, ErrorKind::Unavailable).await;
    assert_eq!(watcher.sync().await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(matches!(watcher.err(), WatcherState::Unavailable(_)));
    assert!(watcher.alive("a").await.unwrap(), "the last state is kept");
    let mut late = Pinger::new(&here, "b").unwrap();
    assert_eq!(late.start().await.unwrap_err().kind(), ErrorKind::Unavailable);
    no_change(&mut stream, 2 * SLOT).await;

    mongo.restart().await.unwrap();
    alive_all_along(&mut stream, &watcher).await;
    no_change(&mut stream, 3 * SLOT).await;
    late.start().await.unwrap();
    until(&watcher, "b", true).await;
    pinger.kill().await.unwrap();
    assert!(!past_errors(&mut stream).await.alive);
    assert!(here.shutdown(PATIENCE).await && there.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn nobody_dies_of_a_server_that_stands_still_and_who_crashed_meanwhile_does() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let place = Place::new(mongo.url(), SLOT);
    let (here, there) = (place.base().await, place.base().await);
    let watcher = Watcher::new(&there).unwrap();
    let mut stream = watcher.watch("a").unwrap();
    let mut other = watcher.watch("b").unwrap();
    expect(&mut stream, "a", false).await;
    expect(&mut other, "b", false).await;
    let (pinger, crashes) = (started(&here, "a").await, started(&here, "b").await);
    expect(&mut stream, "a", true).await;
    expect(&mut other, "b", true).await;

    mongo.freeze().await.unwrap();
    drop(crashes);
    error_of(&mut stream, ErrorKind::Unavailable).await;
    no_change(&mut stream, 2 * SLOT).await;
    mongo.thaw().await.unwrap();
    alive_all_along(&mut stream, &watcher).await;
    dies(&mut other, "b").await;
    until(&watcher, "b", false).await;
    no_change(&mut stream, 2 * SLOT).await;
    drop(pinger);
    assert!(here.shutdown(PATIENCE).await && there.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_slow_server_makes_nobody_dead() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let place = Place::new(mongo.url(), SLOT);
    let Scene { here, there, mut stream, mut pinger, .. } = place.scene().await;
    let slow = doc! {
        "failCommands": ["find", "update", "insert", "findAndModify", "getMore"],
        "blockConnection": true,
        "blockTimeMS": 400,
    };
    mongo.fail("failCommand", "alwaysOn", slow).await.unwrap();
    no_change(&mut stream, 5 * SLOT).await;
    pinger.kill().await.unwrap();
    mongo.heal("failCommand").await.unwrap();
    assert!(!past_errors(&mut stream).await.alive);
    assert!(here.shutdown(PATIENCE).await && there.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_base_that_was_started_while_the_server_was_away_joins_when_it_is_there() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let place = Place::new(mongo.url(), SLOT);
    mongo.kill().unwrap();
    let link = place.link().timeout(Duration::from_secs(2)).when_away(WhenAway::Join);
    let base = Base::start(Config::new(link).slot(SLOT).prune_interval(None)).await.unwrap();
    let watcher = Watcher::new(&base).unwrap();
    let mut stream = watcher.watch("a").unwrap();
    error_of(&mut stream, ErrorKind::Unavailable).await;
    let mut pinger = Pinger::new(&base, "a").unwrap();
    assert_eq!(pinger.start().await.unwrap_err().kind(), ErrorKind::Unavailable);

    mongo.restart().await.unwrap();
    assert!(!past_errors(&mut stream).await.alive, "the first state");
    // The link may not have found it yet. Each attempt lasts as long as a start may.
    let joins = async { while pinger.start().await.is_err() {} };
    timeout(PATIENCE, joins).await.unwrap();
    assert!(past_errors(&mut stream).await.alive);
    assert!(matches!(watcher.err(), WatcherState::Running));
    assert!(base.shutdown(PATIENCE).await);
}

/// It said that it ran for up to a whole slot, until it read again.
#[tokio::test]
async fn a_watcher_says_that_the_clock_cannot_be_read_long_before_its_slot_is_over() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let place = Place::new(mongo.url(), Duration::from_secs(3_600));
    let link = place.link().timeout(Duration::from_secs(2));
    let config = Config::new(link).slot(Duration::from_secs(3_600)).prune_interval(None);
    let base = Base::start(config).await.unwrap();
    let watcher = Watcher::new(&base).unwrap();
    assert!(!watcher.alive("a").await.unwrap());
    assert!(matches!(watcher.err(), WatcherState::Running));

    mongo.kill().unwrap();
    let begun = Instant::now();
    let why = loop {
        if let WatcherState::Unavailable(why) = watcher.err() {
            break why;
        }
        assert!(begun.elapsed() < PATIENCE, "it should be told by now");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(why.to_string().contains("mongodb at "), "{why}");
    assert!(!watcher.alive("a").await.unwrap(), "the last state is kept");

    mongo.restart().await.unwrap();
    let begun = Instant::now();
    while !matches!(watcher.err(), WatcherState::Running) {
        assert!(begun.elapsed() < PATIENCE, "{watcher:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(base.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_start_waits_for_a_primary_that_steps_down_and_is_elected_again() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let place = Place::new(mongo.url(), SLOT);
    let base = place.base().await;
    let watcher = Watcher::new(&base).unwrap();
    let first = started(&base, "a").await;
    until(&watcher, "a", true).await;
    mongo.step_down(Duration::from_secs(1)).await.unwrap();
    let mut second = Pinger::new(&base, "b").unwrap();
    timeout(PATIENCE, second.start()).await.unwrap().unwrap();
    until(&watcher, "b", true).await;
    assert!(watcher.alive("a").await.unwrap());
    drop(first);
    assert!(base.shutdown(PATIENCE).await);
}

/// The tasks that would have answered were ended, and whoever waited did so for ever.
#[tokio::test]
async fn a_shutdown_whose_grace_is_over_fails_starts_and_kills_that_are_under_way() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let place = Place::new(mongo.url(), SLOT);
    let base = place.base().await;
    let mut pinger = started(&base, "a").await;
    let mut late = Pinger::new(&base, "b").unwrap();
    mongo.kill().unwrap();
    let calls =
        async { tokio::join!(late.start(), pinger.kill(), base.shutdown(Duration::from_millis(100))) };
    let (start, kill, ended) = timeout(PATIENCE, calls).await.unwrap();
    assert_eq!(start.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(kill.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(!ended);
}

/// Where no slot went well only slots were removed, and every start left a document.
#[tokio::test]
async fn beings_are_removed_also_where_no_slot_goes_well() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let place = Place::new(mongo.url(), support::SLOT);
    let (base, guest) = (place.base().await, place.base_named("guest").await);
    let mute = started(&guest, "mute").await;
    let data = doc! { "failCommands": ["update"], "errorCode": 6, "appName": "guest" };
    mongo.fail("failCommand", "alwaysOn", data).await.unwrap();
    let mut pinger = started(&base, "a").await;
    for _ in 0..5 {
        pinger.stop();
        pinger.start().await.unwrap();
    }
    assert_eq!(place.documents("beings").await.len(), 7);
    let begun = Instant::now();
    while place.documents("beings").await.len() > 2 {
        assert!(begun.elapsed() < PATIENCE, "they should be pruned by now");
        guest.prune().await.unwrap();
        tokio::time::sleep(support::SLOT / 4).await;
    }
    assert!(mute.error().is_some());
    mongo.heal("failCommand").await.unwrap();
    let watcher = Watcher::new(&base).unwrap();
    until(&watcher, "a", true).await;
    until(&watcher, "mute", true).await;
    assert!(base.shutdown(PATIENCE).await && guest.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_base_ends_also_while_the_server_is_away() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let place = Place::new(mongo.url(), SLOT);
    let base = place.base().await;
    let watcher = Watcher::new(&base).unwrap();
    let pinger = started(&base, "a").await;
    mongo.kill().unwrap();
    let mut late = Pinger::new(&base, "b").unwrap();
    let start = late.start();
    assert!(timeout(Duration::from_millis(100), start).await.is_err());
    drop((pinger, late, watcher));
    drop(base);

    let Some(mongo) = require(Mongo::private().await) else { return };
    let place = Place::new(mongo.url(), SLOT);
    let base = place.base().await;
    let mut pinger = started(&base, "a").await;
    mongo.kill().unwrap();
    // Who waits for a kill is told that its outcome is open, and the shutdown ends.
    let (killed, ended) = tokio::join!(pinger.kill(), base.shutdown(PATIENCE));
    assert_eq!(killed.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(ended);
}
