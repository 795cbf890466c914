//! Changes as they are made, and what is told when they cannot be followed.

use std::time::Duration;

use mongo_link::{ChangeFeed, Error, ErrorKind, FeedConfig, FeedEvent, Link};
use mongodb::bson::{Document, doc};
use mongodb::change_stream::event::OperationType;
use test_support::{Mongo, require};
use tokio::time::timeout;

use crate::{PATIENCE, connect, has, put, put_again};

async fn next(feed: &mut ChangeFeed) -> Result<FeedEvent, Error> {
    let next = timeout(PATIENCE, feed.next()).await;
    next.expect("the feed is silent").expect("the feed has ended")
}

async fn live(feed: &mut ChangeFeed) {
    let next = next(feed).await;
    assert!(matches!(next, Ok(FeedEvent::Live)), "{next:?}");
}

/// Returns the key of the document that the next change is about.
async fn changed(feed: &mut ChangeFeed) -> String {
    match next(feed).await {
        Ok(FeedEvent::Change(change)) => change.document_key.unwrap().get_str("_id").unwrap().to_owned(),
        other => panic!("no change: {other:?}"),
    }
}

fn things() -> FeedConfig {
    FeedConfig::new().collection("things").retry_max(Duration::from_millis(200))
}

#[tokio::test(flavor = "multi_thread")]
async fn feed_gives_what_is_changed_after_it_is_live() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let link = Link::start(connect(mongo.url())).await.unwrap();
    put(&link, "before").await.unwrap();
    let mut feed = link.changes(things()).unwrap();
    let of_one = doc! { "$match": { "documentKey._id": "two" } };
    let mut part = link.changes(FeedConfig::new().pipeline([of_one])).unwrap();
    live(&mut feed).await;
    live(&mut part).await;
    for id in ["one", "two", "three"] {
        put(&link, id).await.unwrap();
        assert_eq!(changed(&mut feed).await, id);
    }
    assert_eq!(changed(&mut part).await, "two");

    feed.close();
    assert!(feed.next().await.is_none());
    assert!(link.shutdown(PATIENCE).await);
    assert!(timeout(PATIENCE, part.next()).await.unwrap().is_none());
    assert_eq!(link.changes(things()).unwrap_err().kind(), ErrorKind::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn feed_misses_nothing_of_an_outage_that_it_tells_once() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let link = Link::start(connect(mongo.url()).connect_timeout(Duration::from_secs(1))).await.unwrap();
    let mut feed = link.changes(things()).unwrap();
    live(&mut feed).await;
    put(&link, "a").await.unwrap();
    assert_eq!(changed(&mut feed).await, "a");
    mongo.kill().unwrap();
    assert_eq!(next(&mut feed).await.unwrap_err().kind(), ErrorKind::Unavailable);
    mongo.restart().await.unwrap();
    put_again(&link, "b").await;
    live(&mut feed).await;
    assert_eq!(changed(&mut feed).await, "b");

    // Without a change before it: the place of the last answer counts.
    mongo.freeze().await.unwrap();
    assert_eq!(next(&mut feed).await.unwrap_err().kind(), ErrorKind::Unavailable);
    mongo.thaw().await.unwrap();
    live(&mut feed).await;
    put_again(&link, "c").await;
    assert_eq!(changed(&mut feed).await, "c");
}

#[tokio::test(flavor = "multi_thread")]
async fn feed_that_lost_its_place_says_so_and_goes_on() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let link = Link::start(connect(mongo.url())).await.unwrap();
    put(&link, "before").await.unwrap();
    let mut feed = link.changes(things()).unwrap();
    live(&mut feed).await;

    // Its history, and a change that is too large to be sent: it would be met again and again.
    for code in [286, 10334] {
        let data = doc! { "failCommands": ["getMore"], "errorCode": code };
        mongo.fail("failCommand", doc! { "times": 1 }, data).await.unwrap();
        let error = next(&mut feed).await.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Lagged, Some(code)), "{error}");
        live(&mut feed).await;
    }
    put(&link, "a").await.unwrap();
    assert_eq!(changed(&mut feed).await, "a");

    let dropped = link.call(|database| async move { database.collection::<Document>("things").drop().await });
    dropped.await.unwrap();
    match next(&mut feed).await {
        Ok(FeedEvent::Change(change)) => assert_eq!(change.operation_type, OperationType::Drop),
        other => panic!("no change: {other:?}"),
    }
    assert_eq!(next(&mut feed).await.unwrap_err().kind(), ErrorKind::Lagged);
    live(&mut feed).await;
    put(&link, "b").await.unwrap();
    assert_eq!(changed(&mut feed).await, "b");
}

#[tokio::test(flavor = "multi_thread")]
async fn feed_whose_cursor_is_gone_misses_nothing() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let link = Link::start(connect(mongo.url())).await.unwrap();
    let mut feed = link.changes(things()).unwrap();
    live(&mut feed).await;
    // A question that waits already is answered; the next one finds no cursor.
    let gone = doc! { "failCommands": ["getMore"], "errorCode": 43 };
    mongo.fail("failCommand", doc! { "times": 1 }, gone).await.unwrap();
    for id in ["a", "b", "c"] {
        put(&link, id).await.unwrap();
        assert_eq!(changed(&mut feed).await, id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_reader_of_a_feed_finds_every_change() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let link = Link::start(connect(mongo.url())).await.unwrap();
    let mut feed = link.changes(things().queue(1)).unwrap();
    live(&mut feed).await;
    for id in 0..20 {
        put(&link, &id.to_string()).await.unwrap();
    }
    for id in 0..20 {
        assert_eq!(changed(&mut feed).await, id.to_string());
    }
    drop(feed);
    assert!(link.shutdown(PATIENCE).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_ends_feeds_while_a_call_is_under_way() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let link = Link::start(connect(mongo.url())).await.unwrap();
    let mut feed = link.changes(things()).unwrap();
    live(&mut feed).await;
    // Beyond the end of the test: the work of the call goes on all the while.
    let data = doc! { "failCommands": ["find"], "blockConnection": true, "blockTimeMS": 300_000 };
    mongo.fail("failCommand", doc! { "times": 1 }, data).await.unwrap();
    let (found, ended) = tokio::join!(has(&link, "a"), async {
        assert!(!link.shutdown(Duration::from_millis(50)).await, "a call is under way");
        timeout(PATIENCE, feed.next()).await
    });
    assert!(ended.expect("the feed waits for the call").is_none());
    assert!(found.is_err(), "the server has not answered");
}

#[tokio::test]
async fn settings_of_a_feed_out_of_bounds_are_refused() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let link = Link::start(connect(mongo.url())).await.unwrap();
    let config = FeedConfig::default;
    for (name, config) in [
        ("queue", config().queue(0)),
        ("retry_max", config().retry_max(Duration::from_millis(9))),
        ("retry_max", config().retry_max(Duration::from_secs(601))),
    ] {
        let error = link.changes(config).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().starts_with(name), "{error}");
    }
}
