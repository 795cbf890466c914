//! A replica set of three members.

use std::time::Duration;

use mongodb::bson::doc;
use presence_mongo::{ErrorKind, Watcher, WatcherState};
use test_support::{MongoSet, require};

use crate::support::{PATIENCE, Place, Scene, dies, error_of, expect, no_change, started, until};

const SLOT: Duration = Duration::from_secs(2);

#[tokio::test]
async fn nobody_dies_of_a_new_primary() {
    let Some(set) = require(MongoSet::start().await) else { return };
    let place = Place::new(&set.url(), SLOT);
    let Scene { here, there, watcher, mut stream, mut pinger } = place.scene().await;
    set.step_down().await.unwrap();
    set.primary().await.unwrap();
    no_change(&mut stream, 5 * SLOT).await;
    until(&watcher, "a", true).await;
    pinger.kill().await.unwrap();
    dies(&mut stream, "a").await;
    until(&watcher, "a", false).await;
    assert!(here.shutdown(PATIENCE).await && there.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn without_a_majority_the_last_state_is_kept() {
    let Some(set) = require(MongoSet::start().await) else { return };
    let place = Place::new(&set.url(), SLOT);
    let Scene { here, there, watcher, mut stream, pinger } = place.scene().await;

    let primary = set.primary().await.unwrap();
    let others: Vec<usize> = (0..3).filter(|number| *number != primary).collect();
    for other in &others {
        set.member(*other).kill().unwrap();
    }
    // The primary answers for a while and commits nothing; then there is none.
    error_of(&mut stream, ErrorKind::Unavailable).await;
    assert!(matches!(watcher.err(), WatcherState::Unavailable(_)));
    no_change(&mut stream, 3 * SLOT).await;
    assert!(watcher.alive("a").await.unwrap());
    assert!(pinger.error().is_some());

    for other in &others {
        set.member(*other).restart().await.unwrap();
    }
    until(&watcher, "a", true).await;
    drop(pinger);
    dies(&mut stream, "a").await;
    until(&watcher, "a", false).await;
    assert!(here.shutdown(PATIENCE).await && there.shutdown(PATIENCE).await);
}

/// Has members wait so long for each other that the primary stays what it is without a majority.
async fn let_stay_primary(set: &MongoSet, primary: usize) {
    let answer = set.member(primary).command("admin", doc! { "replSetGetConfig": 1 }).await.unwrap();
    let mut config = answer.get_document("config").unwrap().clone();
    let version = config.get_i32("version").map(i64::from).or_else(|_| config.get_i64("version")).unwrap();
    config.insert("version", version + 1);
    config.get_document_mut("settings").unwrap().insert("electionTimeoutMillis", 60_000);
    set.member(primary).command("admin", doc! { "replSetReconfig": config }).await.unwrap();
}

/// It answers, commits what it has, and nobody who pings elsewhere is in it.
#[tokio::test]
async fn nobody_dies_of_a_primary_that_was_cut_off_and_does_not_know() {
    let Some(set) = require(MongoSet::start().await) else { return };
    let primary = set.primary().await.unwrap();
    let_stay_primary(&set, primary).await;
    let place = Place::new(&set.url(), SLOT);
    let (here, there) = (place.base_named("elsewhere").await, place.base().await);
    let Scene { here, there, watcher, mut stream, pinger } = Scene::of(here, there).await;

    let others: Vec<usize> = (0..3).filter(|number| *number != primary).collect();
    for other in &others {
        set.member(*other).freeze().await.unwrap();
    }
    // The way of the pinger to this primary is cut as well: it would find another one.
    let data = doc! { "failCommands": ["update"], "errorCode": 6, "appName": "elsewhere" };
    set.member(primary).fail("failCommand", "alwaysOn", data).await.unwrap();
    no_change(&mut stream, 4 * SLOT).await;
    assert!(watcher.alive("a").await.unwrap());

    set.member(primary).heal("failCommand").await.unwrap();
    for other in &others {
        set.member(*other).thaw().await.unwrap();
    }
    tokio::select! {
        () = until(&watcher, "a", true) => {}
        () = dies(&mut stream, "a") => panic!("nobody should have died"),
    }
    no_change(&mut stream, 2 * SLOT).await;
    drop(pinger);
    dies(&mut stream, "a").await;
    assert!(here.shutdown(PATIENCE).await && there.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_member_that_stands_still_holds_nobody_up_for_long() {
    let Some(set) = require(MongoSet::start().await) else { return };
    let place = Place::new(&set.url(), SLOT);
    let (here, there) = (place.base().await, place.base().await);
    let watcher = Watcher::new(&there).unwrap();
    let mut pinger = started(&here, "a").await;
    until(&watcher, "a", true).await;
    let mut stream = watcher.watch("a").unwrap();
    expect(&mut stream, "a", true).await;

    // A secondary: it is not noticed.
    let primary = set.primary().await.unwrap();
    let secondary = (primary + 1) % 3;
    set.member(secondary).freeze().await.unwrap();
    no_change(&mut stream, 2 * SLOT).await;
    set.member(secondary).thaw().await.unwrap();

    // The primary: another one is elected, and goes on.
    let primary = set.primary().await.unwrap();
    set.member(primary).freeze().await.unwrap();
    until(&watcher, "a", true).await;
    while pinger.kill().await.is_err() {
        // Which is tried again, as its outcome is open.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    dies(&mut stream, "a").await;
    until(&watcher, "a", false).await;
    set.member(primary).thaw().await.unwrap();
    // It wakes up and knows nothing better.
    until(&watcher, "a", false).await;
    assert!(here.shutdown(PATIENCE).await && there.shutdown(PATIENCE).await);
}
