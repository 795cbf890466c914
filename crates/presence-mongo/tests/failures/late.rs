//! Starts and kills that would take longer than they may.

use std::time::Duration;

use mongodb::bson::doc;
use presence_mongo::{Base, Config, Error, ErrorKind, LinkConfig, Pinger, Watcher};
use test_support::{Mongo, require};
use tokio::time::Instant;

use crate::support::{PATIENCE, Place, dies, expect, expect_all, no_change, started};

const SLOT: Duration = Duration::from_secs(6);

/// How long a start or a kill may take.
const LIMIT: Duration = Duration::from_secs(3);

/// What a busy machine may add to that. All calls together would be longer.
const SLACK: Duration = Duration::from_millis(2_500);

/// A start and a kill of what never pinged make three calls in a row; no call alone is too long.
const CALL_MS: i64 = 2_000;

/// Starts a base whose starts and kills are bounded, and which the server knows by its name.
async fn bounded_base(mongo: &Mongo, place: &Place) -> Base {
    let link = LinkConfig::new(format!("{}&appName=bounded", mongo.url())).database(place.database());
    Base::start(Config::new(link.timeout(LIMIT)).slot(SLOT).prune_interval(None)).await.unwrap()
}

/// Expects that a start or a kill fails in time.
async fn fails_in_time(call: impl Future<Output = Result<(), Error>>) -> Error {
    let begun = Instant::now();
    let error = call.await.unwrap_err();
    assert!(begun.elapsed() < LIMIT + SLACK, "it took {:?}", begun.elapsed());
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error:#}");
    error
}

/// Each call had a time of its own, and an attempt that was under way was waited for.
#[tokio::test]
async fn a_start_and_a_kill_of_several_slow_calls_are_bounded_as_a_whole() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let place = Place::new(mongo.url(), SLOT);
    let (slow, other) = (bounded_base(&mongo, &place).await, place.base().await);
    let watcher = Watcher::new(&other).unwrap();
    let mut stream = watcher.watch(["a", "b"]).unwrap();
    expect_all(&mut stream, [("a", false), ("b", false)]).await;
    let older = started(&other, "b").await;
    expect(&mut stream, "b", true).await;

    let data = doc! {
        "failCommands": ["findAndModify", "insert", "update"],
        "blockConnection": true,
        "blockTimeMS": CALL_MS,
        "appName": "bounded",
    };
    mongo.fail("failCommand", "alwaysOn", data).await.unwrap();
    let mut pinger = Pinger::new(&slow, "a").unwrap();
    let mut killer = Pinger::new(&slow, "b").unwrap();
    let (start, kill) = tokio::join!(fails_in_time(pinger.start()), fails_in_time(killer.kill()));
    assert!(start.to_string().starts_with("the start was not acknowledged within 3s"), "{start:#}");
    assert!(kill.to_string().starts_with("the kill was not acknowledged within 3s"), "{kill:#}");
    assert!(!pinger.is_started());
    mongo.heal("failCommand").await.unwrap();

    // The calls go on to their end: the kill is done as a whole, and expires as the older pinger
    // goes on; of the start nothing is ever seen.
    expect(&mut stream, "b", false).await;
    expect(&mut stream, "b", true).await;
    no_change(&mut stream, SLOT).await;
    pinger.start().await.unwrap();
    expect(&mut stream, "a", true).await;
    drop(older);
    assert!(slow.shutdown(PATIENCE).await && other.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn starts_and_kills_at_a_server_that_stands_still_are_bounded_and_leave_nobody_alive() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let place = Place::new(mongo.url(), SLOT);
    let (bounded, other) = (bounded_base(&mongo, &place).await, place.base().await);
    let watcher = Watcher::new(&other).unwrap();
    let mut stream = watcher.watch(["a", "b"]).unwrap();
    expect_all(&mut stream, [("a", false), ("b", false)]).await;
    let mut killed = started(&bounded, "b").await;
    expect(&mut stream, "b", true).await;

    mongo.freeze().await.unwrap();
    let mut pinger = Pinger::new(&bounded, "a").unwrap();
    tokio::join!(fails_in_time(pinger.start()), fails_in_time(killed.kill()));
    assert!(!pinger.is_started() && !killed.is_started());
    mongo.thaw().await.unwrap();

    // By the kill, if it arrived all the same, or by age.
    dies(&mut stream, "b").await;
    no_change(&mut stream, 2 * SLOT).await;
    pinger.start().await.unwrap();
    expect(&mut stream, "a", true).await;
    assert!(bounded.shutdown(PATIENCE).await && other.shutdown(PATIENCE).await);
}
