//! Cursors of which it is not known at once whether they rose.

use std::time::Duration;

use mongodb::bson::{Document, doc};
use test_support::{Redis, RedisOptions, RedisUser, redis_connection, require};
use timeline::distributed::Config;
use timeline::{Conversation, ErrorKind, InboxPage, MemberId, Watch};
use tokio::time::timeout;

use super::scene::{Scene, assert_may_be_repeated, member, send, seq, started, until_done};
use crate::place::PATIENCE;

/// Has a cursor rise by a call that fails, and expects another device to be told all the same.
async fn is_told_in_the_end(scene: &Scene, mode: Document, failure: Document) {
    let node = started(scene.config("one").timeout(Duration::from_secs(2))).await;
    until_done(|| send(&node, "ann", "bob", "hi")).await;
    let (bob, pair) = (member("bob"), Conversation::single(member("ann"), member("bob")));
    let mut device = node.watch(&bob, seq(1));
    let mut data = doc! { "namespace": format!("{}.chat_rows", scene.database), "appName": "one" };
    data.extend(failure);
    let fail = doc! { "configureFailPoint": "failCommand", "mode": mode, "data": data };
    scene.mongo.command("admin", fail).await.unwrap();
    let error = node.read(&bob, &pair, seq(1)).await.unwrap_err();
    assert_may_be_repeated(&error);
    scene.let_go().await;
    let page = timeout(PATIENCE, device.next()).await.expect("the device is not told").unwrap();
    let told: Vec<_> = page.cursors.iter().map(|cursor| (&cursor.member, cursor.read)).collect();
    assert_eq!(told, [(&bob, seq(1))]);
    assert_eq!(node.read(&bob, &pair, seq(1)).await.unwrap(), seq(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_is_told_when_the_look_after_it_fails() {
    let Some(scene) = Scene::on_mongo().await else { return };
    // The first look is the one before; it is an error that nobody tries again.
    let failure = doc! { "failCommands": ["find"], "errorCode": 96 };
    is_told_in_the_end(&scene, doc! { "skip": 1 }, failure).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_is_told_when_no_majority_confirms_it_in_time() {
    let Some(scene) = Scene::on_mongo().await else { return };
    let concern = doc! { "code": 64, "errmsg": "waiting for replication timed out" };
    let failure = doc! { "failCommands": ["update"], "writeConcernError": concern };
    // As often as the call tries.
    is_told_in_the_end(&scene, doc! { "times": 1_000 }, failure).await;
}

/// Both wait for the turn of a third one, and are raised by one command then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_that_mongodb_refuses_to_raise_keeps_no_other_back() {
    let Some(scene) = Scene::on_mongo().await else { return };
    let node = scene.node("one").await;
    let [ann, bob, carl, dora] = ["ann", "bob", "carl", "dora"].map(member);
    for reader in [&bob, &carl, &dora] {
        for number in 1..=3 {
            send(&node, "ann", reader.as_str(), &number.to_string()).await.unwrap();
        }
    }
    let taken = doc! { "$or": [{ "member": { "$ne": "bob" } }, { "read": { "$lt": 3_i64 } }] };
    scene.command(doc! { "collMod": "chat_rows", "validator": taken }).await;
    let held = scene.hold("one", "update", "chat_rows", Duration::from_secs(1)).await;
    let with = |reader: &MemberId| Conversation::single(ann.clone(), reader.clone());
    let (of_bob, of_carl, of_dora) = (with(&bob), with(&carl), with(&dora));
    let (first, (refused, raised)) = tokio::join!(node.read(&dora, &of_dora, seq(1)), async {
        held.arrived().await;
        tokio::join!(node.read(&bob, &of_bob, seq(3)), node.read(&carl, &of_carl, seq(2)))
    });
    scene.let_go().await;
    assert_eq!((first.unwrap(), raised.unwrap()), (seq(1), seq(2)));
    let error = refused.unwrap_err();
    assert!(error.kind() == ErrorKind::Unavailable && error.to_string().contains("refuses"), "{error}");
    assert_eq!(node.read(&bob, &of_bob, seq(2)).await.unwrap(), seq(2), "it can rise as far as it may");
    assert!(node.shutdown(PATIENCE).await);
}

/// Waits until so many nodes listen to each other.
async fn listening(redis: &Redis, nodes: u64) {
    let channel = format!("{}changes", Config::REDIS_PREFIX_DEFAULT);
    let mut connection = redis_connection(redis.url()).await.unwrap();
    let counted = timeout(PATIENCE, async {
        loop {
            let mut count = redis::cmd("PUBSUB");
            count.arg("NUMSUB").arg(&channel);
            let (_, listening): (String, u64) = count.query_async(&mut connection).await.unwrap();
            if listening == nodes {
                return;
            }
        }
    });
    counted.await.unwrap_or_else(|_elapsed| panic!("there are never {nodes} nodes that listen"));
}

/// Changes what a user of a Redis may do; who listens where they may not any more is cut off.
async fn permit(redis: &Redis, user: &str, rule: &str) {
    let mut connection = redis_connection(redis.url()).await.unwrap();
    redis::cmd("ACL").arg("SETUSER").arg(user).arg(rule).exec_async(&mut connection).await.unwrap();
}

/// Follows an inbox until a page is told that says something.
async fn until_page(watch: &mut Watch, says_it: impl Fn(&InboxPage) -> bool) {
    let told = timeout(PATIENCE, async { while !says_it(&watch.next().await.unwrap()) {} });
    told.await.expect("the watch is never told");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_at_a_node_that_was_deaf_learns_that_it_may_lack_cursors() {
    let rules = ["~*", "&*", "+@all"].map(str::to_owned).to_vec();
    let user = RedisUser { name: "deaf".to_owned(), password: "secret".to_owned(), rules };
    let options = RedisOptions { users: vec![user.clone()], ..RedisOptions::default() };
    let Some(redis) = require(Redis::with(&options).await) else { return };
    let Some(scene) = Scene::on_mongo().await else { return };
    let user_url = redis.user_url(&user);
    let scene = Scene { redis: Some(redis), ..scene };
    let redis = scene.redis.as_ref().unwrap();
    let (one, other) = (scene.node("one").await, scene.node("other").await);
    let deaf = started(scene.config("deaf").redis(user_url)).await;
    listening(redis, 3).await;
    until_done(|| send(&one, "ann", "bob", "hi")).await;
    let (bob, pair) = (member("bob"), Conversation::single(member("ann"), member("bob")));
    let (mut well, mut device) = (other.watch(&bob, seq(1)), deaf.watch(&bob, seq(1)));

    permit(redis, "deaf", "resetchannels").await;
    listening(redis, 2).await;
    assert_eq!(until_done(|| one.read(&bob, &pair, seq(1))).await, seq(1));
    // Whoever hears has heard it, so it is said and not said again.
    let is_told = |page: &InboxPage| page.cursors.iter().any(|cursor| cursor.member == bob);
    until_page(&mut well, is_told).await;
    permit(redis, "deaf", "allchannels").await;
    until_page(&mut device, |page| page.cursors_cut || is_told(page)).await;
    for node in [one, other, deaf] {
        assert!(node.shutdown(PATIENCE).await);
    }
}
