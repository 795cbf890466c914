//! Servers that are no members of a replica set at first, and are later.

use mongo_link::{ErrorKind, FeedConfig, FeedEvent, Link, LinkConfig, State, WhenAway};
use std::time::Duration;
use test_support::{Mongo, MongoSet, require};
use tokio::time::timeout;

use crate::{PATIENCE, connect, has, put, put_again, state};

/// Settings with which what is no replica set is told soon.
fn join(url: &str) -> LinkConfig {
    connect(url).timeout(Duration::from_secs(2)).when_away(WhenAway::Join)
}

/// Waits until the link says why it is down, and that somebody has to do this.
async fn told(link: &Link, what: &str) {
    let is_told = |state: &State| state.reason().is_some_and(|reason| reason.contains(what));
    state(link, is_told).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn set_that_is_initiated_later_is_found() {
    let Some(mongo) = require(Mongo::uninitiated().await) else { return };
    let link = Link::start(join(mongo.url())).await.unwrap();
    told(&link, &format!("127.0.0.1:{} is in no replica set yet; run rs.initiate()", mongo.port())).await;
    assert_eq!(put(&link, "a").await.unwrap_err().kind(), ErrorKind::Unavailable);
    mongo.initiate().await.unwrap();
    state(&link, State::is_well).await;
    put_again(&link, "a").await;
    assert!(link.shutdown(PATIENCE).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn start_at_what_is_no_set_says_what_to_do() {
    let Some(mongo) = require(Mongo::uninitiated().await) else { return };
    let config = || connect(mongo.url()).timeout(Duration::from_secs(2));
    let error = Link::start(config()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("run rs.initiate()"), "{error}");
    assert!(!error.to_string().contains("Topology"), "{error}");
    mongo.restart_alone().await.unwrap();
    let error = Link::start(config()).await.unwrap_err();
    assert!(error.to_string().contains("is no replica set; start it with --replSet test"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn set_of_another_name_is_named() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let url = mongo.url().replace("replicaSet=test", "replicaSet=other");
    let link = Link::start(join(&url)).await.unwrap();
    told(&link, "is of the set test, the address says replicaSet=other").await;
    let error = put(&link, "a").await.unwrap_err();
    assert!(error.to_string().contains("is of the set test"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn member_that_was_alone_for_a_while_is_found_again_by_calls_and_feeds() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    mongo.restart_alone().await.unwrap();
    let link = Link::start(join(mongo.url())).await.unwrap();
    told(&link, "is no replica set; start it with --replSet test").await;
    let mut feed = link.changes(FeedConfig::new().retry_max(Duration::from_millis(200))).unwrap();
    assert_eq!(
        timeout(PATIENCE, feed.next()).await.unwrap().unwrap().unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    for round in ["first", "second"] {
        mongo.restart().await.unwrap();
        state(&link, State::is_well).await;
        put_again(&link, round).await;
        assert!(has(&link, round).await.unwrap());
        let live = timeout(PATIENCE, feed.next()).await.unwrap().unwrap();
        assert!(matches!(live, Ok(FeedEvent::Live)), "{live:?}");
        // Now the driver knows it as a member, and leaves it out as well.
        mongo.restart_alone().await.unwrap();
        state(&link, |state| !state.is_well()).await;
        // What was changed comes first.
        while timeout(PATIENCE, feed.next()).await.unwrap().unwrap().is_ok() {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn set_goes_on_while_one_of_three_is_alone() {
    let Some(set) = require(MongoSet::start().await) else { return };
    let alone = (set.primary().await.unwrap() + 1) % set.members().len();
    set.member(alone).restart_alone().await.unwrap();
    let link = Link::start(connect(&set.url())).await.unwrap();
    put(&link, "with two").await.unwrap();
    set.member(alone).restart().await.unwrap();
    // It counts again: of the three another one may be lost.
    let lost = set.primary().await.unwrap();
    set.member(lost).kill().unwrap();
    put_again(&link, "with the one that was alone").await;
    assert!(has(&link, "with two").await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn set_of_which_all_were_alone_is_found_again() {
    let Some(set) = require(MongoSet::start().await) else { return };
    let link = Link::start(connect(&set.url())).await.unwrap();
    put(&link, "before").await.unwrap();
    for member in set.members() {
        member.restart_alone().await.unwrap();
    }
    told(&link, "is no replica set").await;
    for member in set.members() {
        member.restart().await.unwrap();
    }
    state(&link, State::is_well).await;
    put_again(&link, "after").await;
    assert!(has(&link, "before").await.unwrap());
}
