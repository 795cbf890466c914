//! What the log says of an outage.
//!
//! A program of its own: while one thread alone listens, it is the thread that logs a line first
//! that decides for all whether it is wanted.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

mod support;

use std::time::Duration;

use mongodb::bson::doc;
use test_support::{Mongo, require};

use crate::support::log::logged;
use crate::support::{PATIENCE, Place, Scene, dies, no_change};

#[tokio::test]
async fn an_outage_of_the_change_stream_is_told_once_when_it_begins_and_once_when_it_is_over() {
    let (log, _logged) = logged();
    let Some(mongo) = require(Mongo::private().await) else { return };
    let place = Place::new(mongo.url(), Duration::from_secs(2));
    let Scene { here: base, mut stream, mut pinger, .. } = place.lone_scene().await;
    log.tells(&["presence_mongo::listener", "a change stream is open"], 1).await;
    for outages in 1..=2 {
        let data = doc! { "failCommands": ["getMore", "aggregate"], "errorCode": 40_573 };
        mongo.fail("failCommand", "alwaysOn", data).await.unwrap();
        log.tells(&["WARN presence_mongo::listener", "poll"], outages).await;
        // It is tried again several times meanwhile; watchers poll.
        no_change(&mut stream, Duration::from_secs(3)).await;
        mongo.heal("failCommand").await.unwrap();
        log.tells(&["INFO presence_mongo::listener", "open again"], outages).await;
        assert_eq!(log.count(&["WARN presence_mongo::listener"]), outages);
        assert_eq!(log.count(&["INFO presence_mongo::listener"]), outages);
    }

    // A place that is lost is met by each attempt.
    let data = doc! { "failCommands": ["getMore", "aggregate"], "errorCode": 286 };
    mongo.fail("failCommand", "alwaysOn", data).await.unwrap();
    log.tells(&["WARN presence_mongo::listener", "missed"], 1).await;
    no_change(&mut stream, Duration::from_secs(3)).await;
    mongo.heal("failCommand").await.unwrap();
    log.tells(&["INFO presence_mongo::listener", "open again"], 3).await;
    assert_eq!(log.count(&["WARN presence_mongo::listener", "missed"]), 1);
    pinger.kill().await.unwrap();
    dies(&mut stream, "a").await;
    assert!(base.shutdown(PATIENCE).await);
}
