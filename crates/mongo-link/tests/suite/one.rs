//! One server that stands still, is slow, fails, or is lost.

use std::time::Duration;

use mongo_link::{ErrorKind, Link, State};
use mongodb::Database;
use mongodb::bson::{Document, doc};
use test_support::{Mongo, require};
use tokio::time::{Instant, sleep, timeout};

use crate::{PATIENCE, SLACK, connect, has, put, put_again, state};

/// Has commands of one name wait at the server.
async fn slow(mongo: &Mongo, name: &str, duration: Duration) {
    let millis = i64::try_from(duration.as_millis()).unwrap();
    let data = doc! { "failCommands": [name], "blockConnection": true, "blockTimeMS": millis };
    mongo.fail("failCommand", doc! { "times": 1 }, data).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_stands_still_fails_calls_in_time_and_serves_again() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let config = connect(mongo.url()).timeout(Duration::from_secs(2)).calls_max(2);
    let link = Link::start(config).await.unwrap();
    put(&link, "a").await.unwrap();
    mongo.freeze().await.unwrap();
    let begun = Instant::now();
    // More than there are places: who is given up keeps one.
    let calls = futures_util::future::join_all((0..6).map(|_| has(&link, "a"))).await;
    assert!(begun.elapsed() < link.timeout() + SLACK, "the calls took {:?}", begun.elapsed());
    for answer in calls {
        let error = answer.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains("127.0.0.1:"), "{error}");
    }
    state(&link, |state| !state.is_well()).await;
    mongo.thaw().await.unwrap();
    put_again(&link, "b").await;
    state(&link, State::is_well).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn server_that_is_killed_and_started_again_is_found() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let link = Link::start(connect(mongo.url())).await.unwrap();
    put(&link, "a").await.unwrap();
    mongo.kill().unwrap();
    assert_eq!(put(&link, "b").await.unwrap_err().kind(), ErrorKind::Unavailable);
    state(&link, |state| !state.is_well()).await;
    mongo.restart().await.unwrap();
    put_again(&link, "c").await;
    assert!(has(&link, "a").await.unwrap());
    state(&link, State::is_well).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn work_of_a_caller_that_is_dropped_goes_on_to_its_end() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let link = Link::start(connect(mongo.url())).await.unwrap();
    slow(&mongo, "update", Duration::from_secs(1)).await;
    let dropped = timeout(Duration::from_millis(100), put(&link, "a")).await;
    assert!(dropped.is_err(), "it is answered after 1 s");
    let begun = Instant::now();
    while !has(&link, "a").await.unwrap() {
        assert!(begun.elapsed() < PATIENCE, "the write was lost with its caller");
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_is_given_up_keeps_its_place_until_it_ends() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let limit = Duration::from_secs(2);
    let link = Link::start(connect(mongo.url()).timeout(limit).calls_max(1)).await.unwrap();
    put(&link, "a").await.unwrap();
    slow(&mongo, "find", 5 * limit).await;
    let late = has(&link, "a").await.unwrap_err();
    assert!(late.to_string().contains("did not answer within"), "{late}");
    let crowded = has(&link, "a").await.unwrap_err();
    assert!(crowded.to_string().contains("calls of this process under way"), "{crowded}");
    put_again(&link, "b").await;
    // Another bound is another matter.
    slow(&mongo, "find", 2 * limit).await;
    let found = link.call_within(PATIENCE, |database| async move {
        database.collection::<Document>("things").find_one(doc! { "_id": "a" }).await
    });
    assert!(found.await.unwrap().is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn work_without_any_time_is_not_begun_and_says_nothing_against_the_server() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let link = Link::start(connect(mongo.url())).await.unwrap();
    let insert = |database: Database| async move {
        database.collection::<Document>("things").insert_one(doc! { "_id": "a" }).await
    };
    let spent = link.call_within(Duration::ZERO, insert).await.unwrap_err();
    assert_eq!(spent.kind(), ErrorKind::Unavailable);
    assert!(spent.to_string().starts_with("the time of the call was used up before"), "{spent}");
    assert!(!spent.to_string().contains("did not answer"), "{spent}");
    // Had it been begun, this would be in conflict with it.
    link.call(insert).await.unwrap();
    assert!(link.state().borrow().is_well());
}

#[tokio::test(flavor = "multi_thread")]
async fn work_that_may_be_done_twice_is_tried_until_it_is_done() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let link = Link::start(connect(mongo.url()).timeout(SLACK)).await.unwrap();
    let data = doc! { "failCommands": ["update"], "closeConnection": true };
    mongo.fail("failCommand", doc! { "times": 5 }, data).await.unwrap();
    let done = link.repeat(|database| async move {
        let things = database.collection::<Document>("things");
        things.update_one(doc! { "_id": "a" }, doc! { "$set": { "x": 1 } }).upsert(true).await
    });
    done.await.unwrap();
    assert!(has(&link, "a").await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn write_that_no_majority_confirms_is_told_from_one_that_was_made() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let link = Link::start(connect(mongo.url())).await.unwrap();
    let concern = doc! { "code": 64, "errmsg": "waiting for replication timed out" };
    let data = doc! { "failCommands": ["update"], "writeConcernError": concern };
    mongo.fail("failCommand", doc! { "times": 1 }, data).await.unwrap();
    let error = put(&link, "a").await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, Some(64)), "{error}");
    assert!(error.to_string().contains("majority"), "{error}");
}

#[tokio::test]
async fn key_that_is_there_already_is_a_conflict_and_nonsense_is_answered() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let link = Link::start(connect(mongo.url())).await.unwrap();
    let insert = || {
        link.call(|database| async move {
            database.collection::<Document>("things").insert_one(doc! { "_id": "a" }).await
        })
    };
    insert().await.unwrap();
    let error = insert().await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Conflict, Some(11000)), "{error}");
    let nonsense = link.call(|database| async move { database.run_command(doc! { "nonsense": 1 }).await });
    let error = nonsense.await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Answered, Some(59)), "{error}");
}

#[tokio::test]
async fn clock_of_the_server_is_read_and_reckoned_on() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let link = Link::start(connect(mongo.url())).await.unwrap();
    let time = link.server_time().await.unwrap();
    let hello = mongo.command("admin", doc! { "hello": 1 }).await.unwrap();
    let now = time.now();
    let millis = hello.get_datetime("localTime").unwrap().timestamp_millis();
    let said = Duration::from_millis(u64::try_from(millis).unwrap());
    assert!(said.abs_diff(now) < SLACK, "{said:?} and {now:?}");
    assert!(time.read_at() <= Instant::now() && time.uncertainty() < SLACK);
}

#[tokio::test(flavor = "multi_thread")]
async fn shutdown_finishes_the_calls_under_way_and_refuses_others() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let link = Link::start(connect(mongo.url())).await.unwrap();
    put(&link, "a").await.unwrap();
    mongo.freeze().await.unwrap();
    let (answer, ended) = tokio::join!(has(&link, "a"), async {
        assert!(!link.shutdown(Duration::from_millis(50)).await, "a call is under way");
        assert_eq!(put(&link, "b").await.unwrap_err().kind(), ErrorKind::Closed);
        mongo.thaw().await.unwrap();
        link.clone().shutdown(PATIENCE).await
    });
    assert!(answer.unwrap());
    assert!(ended);
    assert_eq!(link.server_time().await.unwrap_err().kind(), ErrorKind::Closed);
    assert!(!link.state().borrow().is_well());
}
