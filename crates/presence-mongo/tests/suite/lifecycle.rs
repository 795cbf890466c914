//! Beginnings and ends.

use std::time::Duration;

use presence_mongo::{Base, Config, Error, ErrorKind, Pinger, Watcher, WatcherState, WhenAway};
use test_support::{Mongo, require};

use crate::support::{PATIENCE, Place, SLOT, error_of, expect, started};

#[tokio::test]
async fn a_watcher_tells_whether_it_runs_and_how_it_ended() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), SLOT);
    let base = place.base().await;
    let watcher = Watcher::new(&base).unwrap();
    assert!(!watcher.alive("a").await.unwrap());
    assert!(matches!(watcher.err(), WatcherState::Running));
    let mut stream = watcher.watch("a").unwrap();
    expect(&mut stream, "a", false).await;

    watcher.stop();
    watcher.stop();
    watcher.dead().await;
    assert!(matches!(watcher.err(), WatcherState::Ended));
    assert!(stream.next().await.is_none());
    let refused = |error: Error| assert_eq!(error.kind(), ErrorKind::Closed);
    refused(watcher.alive("a").await.unwrap_err());
    refused(watcher.alive_many(["a"]).await.unwrap_err());
    refused(watcher.sync().await.unwrap_err());
    refused(watcher.watch("a").unwrap_err());
    refused(stream.watch("b").unwrap_err());
    watcher.start_sync();
    assert_eq!(watcher.unwatch("a"), 0);
    assert!(base.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_shutdown_ends_everything_and_refuses_what_comes() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), SLOT);
    let base = place.base().await;
    let mut pinger = started(&base, "a").await;
    let watcher = Watcher::new(&base).unwrap();
    let mut stream = watcher.watch("a").unwrap();
    expect(&mut stream, "a", true).await;
    assert!(base.shutdown(PATIENCE).await);
    assert!(base.shutdown(PATIENCE).await, "a second one waits for the same end");
    watcher.dead().await;
    assert!(stream.next().await.is_none());
    assert_eq!(pinger.kill().await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(pinger.start().await.unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(Watcher::new(&base).unwrap_err().kind(), ErrorKind::Closed);
    assert_eq!(base.namespace("other").unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test]
async fn a_start_that_is_under_way_is_finished_by_a_shutdown() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), SLOT);
    let base = place.base().await;
    let mut pinger = Pinger::new(&base, "a").unwrap();
    let (start, ended) = tokio::join!(pinger.start(), base.shutdown(PATIENCE));
    start.unwrap();
    assert!(ended);
}

#[tokio::test]
async fn double_starts_are_errors_and_stops_of_what_does_not_ping_are_not() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), SLOT);
    let base = place.base().await;
    let mut pinger = Pinger::new(&base, "a").unwrap();
    pinger.stop();
    pinger.start().await.unwrap();
    assert_eq!(pinger.start().await.unwrap_err().kind(), ErrorKind::Started);
    assert!(pinger.is_started() && pinger.error().is_none());
    pinger.stop();
    pinger.stop();
    assert!(!pinger.is_started());
    pinger.start().await.unwrap();
    pinger.kill().await.unwrap();
    pinger.kill().await.unwrap();
    assert!(!pinger.is_started());
    assert_eq!(pinger.key(), "a");
    assert!(base.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn keys_and_settings_that_cannot_be_used_are_refused() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let place = Place::new(mongo.url(), SLOT);
    let base = place.base().await;
    let watcher = Watcher::new(&base).unwrap();
    for key in [String::new(), "x".repeat(1_025)] {
        assert_eq!(Pinger::new(&base, key.clone()).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(watcher.alive(&key).await.unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(watcher.watch(key).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    assert_eq!(base.namespace("a:b").unwrap_err().kind(), ErrorKind::InvalidInput);
    let wrong = Base::start(place.config().slot(Duration::from_millis(500))).await;
    assert_eq!(wrong.unwrap_err().kind(), ErrorKind::Config);
    assert!(base.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_base_is_refused_where_nobody_listens_or_begins_not_ready_if_it_is_to() {
    // Nobody listens on the first port, nor can anybody be given it.
    let link = presence_mongo::LinkConfig::new("mongodb://127.0.0.1:1/app").timeout(Duration::from_secs(1));
    let refused = Base::start(Config::new(link.clone())).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    assert!(refused.to_string().contains("mongodb at 127.0.0.1:1 "), "{refused}");

    let base = Base::start(Config::new(link.when_away(WhenAway::Join))).await.unwrap();
    let watcher = Watcher::new(&base).unwrap();
    let unread = watcher.alive("a").await.unwrap_err();
    assert_eq!(unread.kind(), ErrorKind::Unavailable, "nobody is dead who was not looked for");
    let WatcherState::Unavailable(why) = watcher.err() else { panic!("{watcher:?}") };
    assert!(why.to_string().contains("clock"), "{why}");
    // A stream that is opened during an outage is told of it as well.
    error_of(&mut watcher.watch("a").unwrap(), ErrorKind::Unavailable).await;
    let mut pinger = Pinger::new(&base, "a").unwrap();
    assert_eq!(pinger.start().await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(!pinger.is_started());
    base.shutdown(PATIENCE).await;
}

#[tokio::test]
async fn outside_a_runtime_nothing_is_started() {
    let start = std::thread::spawn(|| {
        let mut start = Box::pin(Base::start(Config::new("mongodb://127.0.0.1")));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match start.as_mut().poll(&mut context) {
            std::task::Poll::Ready(started) => started.map(drop),
            std::task::Poll::Pending => Ok(()),
        }
    });
    assert_eq!(start.join().unwrap().unwrap_err().kind(), ErrorKind::Config);
}
