//! What the database does not let its user do.

use std::time::Duration;

use mongodb::bson::doc;
use presence_mongo::{Base, Config, Error, ErrorKind, LinkConfig, Pinger, Watcher, WatcherState, WhenAway};
use test_support::{Mongo, require};
use tokio::time::Instant;

use crate::support::{LONG_SLOT, PATIENCE, Place, SLOT, dies, error_of, expect, started, until};

#[tokio::test]
async fn a_wrong_password_is_refused_whether_a_start_waits_or_not() {
    let options = test_support::MongoOptions::new().password("s3cret");
    let Some(mongo) = require(Mongo::with(options).await) else { return };
    let url = mongo.user_url("tidings", "guessed");
    for when_away in [WhenAway::Refuse, WhenAway::Join] {
        let config = Config::new(LinkConfig::new(&url).when_away(when_away));
        let error = Base::start(config).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error:#}");
        assert!(!format!("{error:#} {error:?}").contains("guessed"), "the password is shown");
    }
    let base = Place::new(mongo.url(), SLOT).base().await;
    let pinger = started(&base, "a").await;
    drop(pinger);
    assert!(base.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn who_may_only_read_watches_and_is_told_that_it_cannot_ping() {
    let options = test_support::MongoOptions::new().password("s3cret").reader("guest", "guest");
    let Some(mongo) = require(Mongo::with(options).await) else { return };
    let place = Place::new(mongo.url(), SLOT);
    let base = place.base().await;
    let link = LinkConfig::new(mongo.user_url("guest", "guest")).database(place.database());
    let guest = Base::start(Config::new(link).slot(SLOT).prune_interval(None)).await.unwrap();
    let watcher = Watcher::new(&guest).unwrap();
    let mut pinger = started(&base, "a").await;
    until(&watcher, "a", true).await;
    let error = Pinger::new(&guest, "b").unwrap().start().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert_eq!(Pinger::new(&guest, "b").unwrap().kill().await.unwrap_err().kind(), ErrorKind::Refused);
    pinger.kill().await.unwrap();
    until(&watcher, "a", false).await;
    assert!(base.shutdown(PATIENCE).await && guest.shutdown(PATIENCE).await);
}

/// Its failures were taken for those of everybody, and nobody was ever dead by age for it.
#[tokio::test]
async fn a_process_whose_pings_are_refused_sees_others_die_by_age() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let place = Place::new(mongo.url(), LONG_SLOT);
    let (base, guest) = (place.base().await, place.base_named("guest").await);
    let mut stream = Watcher::new(&guest).unwrap().watch("a").unwrap();
    expect(&mut stream, "a", false).await;
    let (pinger, refused) = (started(&base, "a").await, started(&guest, "b").await);
    expect(&mut stream, "a", true).await;
    let data = doc! { "failCommands": ["update"], "errorCode": 13, "appName": "guest" };
    mongo.fail("failCommand", "alwaysOn", data).await.unwrap();
    let begun = Instant::now();
    while refused.error().is_none_or(|error| error.kind() != ErrorKind::Refused) {
        assert!(begun.elapsed() < PATIENCE, "pings should be refused by now");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(pinger);
    dies(&mut stream, "a").await;
    assert!(refused.is_started(), "it tries again, should it be allowed to");
    assert!(base.shutdown(PATIENCE).await && guest.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_watcher_whose_reads_are_refused_ends_with_that_error_and_another_may_begin() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let place = Place::new(mongo.url(), SLOT);
    let base = place.base().await;
    let watcher = Watcher::new(&base).unwrap();
    let mut stream = watcher.watch("a").unwrap();
    expect(&mut stream, "a", false).await;
    mongo.fail("failCommand", "alwaysOn", doc! { "failCommands": ["find"], "errorCode": 13 }).await.unwrap();
    tokio::time::timeout(PATIENCE, watcher.dead()).await.unwrap();
    let WatcherState::Failed(error) = watcher.err() else { panic!("{watcher:?}") };
    assert_eq!(error.kind(), ErrorKind::Refused);
    error_of(&mut stream, ErrorKind::Refused).await;
    assert!(stream.next().await.is_none());
    let refused = |error: Error| assert_eq!(error.kind(), ErrorKind::Refused);
    refused(watcher.alive("a").await.unwrap_err());
    refused(watcher.watch("a").unwrap_err());

    mongo.heal("failCommand").await.unwrap();
    let watcher = Watcher::new(&base).unwrap();
    assert!(!watcher.alive("a").await.unwrap());
    let pinger = started(&base, "a").await;
    until(&watcher, "a", true).await;
    drop(pinger);
    assert!(base.shutdown(PATIENCE).await);
}
