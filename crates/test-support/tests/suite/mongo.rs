//! The private MongoDB servers: how they are lost, come back, and let only some in.

use std::time::Duration;

use bson::doc;
use test_support::ErrorKind;
use test_support::Mongo;
use test_support::MongoOptions;
use test_support::MongoSet;
use test_support::require;

#[tokio::test]
async fn data_outlives_a_kill() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let write = doc! { "w": "majority", "j": true };
    let insert = doc! { "insert": "things", "documents": [{ "_id": 1 }], "writeConcern": write };
    mongo.command("test", insert).await.unwrap();
    mongo.kill().unwrap();
    mongo.restart().await.unwrap();
    let counted = mongo.command("test", doc! { "count": "things" }).await.unwrap();
    assert_eq!(counted.get_i32("n").unwrap(), 1);
}

#[tokio::test]
async fn failures_that_are_asked_for_happen() {
    let Some(mongo) = require(Mongo::private().await) else { return };
    let data = doc! { "failCommands": ["find"], "errorCode": 11602 };
    mongo.fail("failCommand", "alwaysOn", data).await.unwrap();
    let find = doc! { "find": "things" };
    assert_eq!(mongo.command("test", find.clone()).await.unwrap_err().kind(), ErrorKind::Protocol);
    mongo.heal("failCommand").await.unwrap();
    mongo.command("test", find).await.unwrap();
}

#[tokio::test]
async fn strangers_are_not_let_in_where_there_are_users() {
    let options = MongoOptions::new().password("s3cret@").reader("eve", "e");
    let Some(mongo) = require(Mongo::with(options).await) else { return };
    assert!(mongo.url().starts_with("mongodb://tidings:s3cret%40@127.0.0.1:"), "{}", mongo.url());
    let error = mongo.command("test", doc! { "find": "things" }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn another_member_takes_over() {
    let Some(set) = require(MongoSet::start().await) else { return };
    let first = set.primary().await.unwrap();
    set.member(first).kill().unwrap();
    let second = set.primary().await.unwrap();
    assert_ne!(first, second);
    set.member(first).restart().await.unwrap();
    assert_eq!(set.step_down().await.unwrap(), second);
    assert_ne!(set.primary().await.unwrap(), second);
    set.member(second).freeze().await.unwrap();
    set.member(second).thaw().await.unwrap();
    let alone = set.member(set.primary().await.unwrap());
    alone.step_down(Duration::from_secs(1)).await.unwrap();
}
