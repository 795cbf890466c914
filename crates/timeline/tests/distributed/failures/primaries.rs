//! A primary whose last writes are undone, as no other member has them.

use std::collections::HashMap;

use mongodb::bson::doc;
use test_support::{MongoSet, Redis, require, unique};
use timeline::distributed::Config;
use timeline::{Conversation, Count, Entry, Result, Sent, Seq, Tag, Timeline};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::scene::{
    GRACE, assert_contiguous, assert_may_be_repeated, follow, history_with, ids, member, send, seq, started,
    until_done,
};
use crate::place::PATIENCE;

/// How many messages there are before, and how many nobody but the primary has.
const BEFORE: usize = 5;
const ALONE: usize = 8;

/// What a mongod does for tests: it throws away what it is sent of the log of the primary.
pub(super) const NOTHING_NEW: &str = "stopReplProducer";

/// Waits until a member has one of the messages that no other has; nobody else is told of it.
async fn has_alone(set: &MongoSet, member: usize, database: &str) {
    let find = doc! {
        "find": "chat_history",
        "filter": { "mid": { "$regex": "^u" } },
        "readConcern": { "level": "local" },
    };
    let found = timeout(PATIENCE, async {
        loop {
            let answer = set.member(member).command(database, find.clone()).await.unwrap();
            let cursor = answer.get_document("cursor").unwrap();
            if !cursor.get_array("firstBatch").unwrap().is_empty() {
                return;
            }
        }
    });
    found.await.expect("the primary writes without the others");
}

/// Returns the members that follow the primary.
async fn secondaries(set: &MongoSet) -> [usize; 2] {
    let primary = set.primary().await.unwrap();
    [(primary + 1) % 3, (primary + 2) % 3]
}

/// Has the secondaries answer the primary, and get nothing that it writes from now on.
async fn part(set: &MongoSet) {
    for other in secondaries(set).await {
        set.member(other).fail(NOTHING_NEW, "alwaysOn", doc! {}).await.unwrap();
    }
}

/// Has the primary be replaced once it has taken messages that it could not hand on.
async fn roll_back(set: &MongoSet, database: &str, there: &Timeline, watched: Seq) {
    let (primary, others) = (set.primary().await.unwrap(), secondaries(set).await);
    has_alone(set, primary, database).await;
    let page = there.sync(&member("bob"), watched, Count::default()).await.unwrap();
    assert!(page.entries.is_empty() && !page.reset, "what only one member has is shown to nobody");
    set.member(primary).kill().unwrap();
    for other in others {
        set.member(other).heal(NOTHING_NEW).await.unwrap();
    }
    set.primary().await.unwrap();
    set.member(primary).restart().await.unwrap();
}

fn send_alone(here: &Timeline) -> JoinSet<(String, Result<Sent>)> {
    let mut sending = JoinSet::new();
    for number in 0..ALONE {
        let (here, id) = (here.clone(), format!("u{number}"));
        sending.spawn(async move {
            let sent = send(&here, "ann", "bob", &id).await;
            (id, sent)
        });
    }
    sending
}

fn tags(entries: &[Entry]) -> HashMap<Seq, Option<Tag>> {
    entries.iter().map(|entry| (entry.sequence, entry.tag)).collect()
}

async fn undone(redis: Option<&Redis>) {
    let Some(set) = require(MongoSet::start().await) else { return };
    let database = unique("timeline");
    let config = || {
        let config = Config::new(set.url()).database(&*database).grace(GRACE);
        match redis {
            Some(redis) => config.redis(redis.url()),
            None => config,
        }
    };
    let (here, there) = (started(config()).await, started(config()).await);
    for number in 0..BEFORE {
        send(&here, "ann", "bob", &format!("b{number}")).await.unwrap();
    }
    let mut watch = there.watch(&member("bob"), Seq::ZERO);
    let mut seen = follow(&mut watch, "b4").await;

    part(&set).await;
    let mut sending = send_alone(&here);
    roll_back(&set, &database, &there, seq(BEFORE as u64)).await;
    let mut acknowledged = HashMap::new();
    while let Some(sent) = sending.join_next().await {
        match sent.unwrap() {
            (id, Ok(sent)) => {
                acknowledged.insert(id, sent);
            }
            (_, Err(error)) => assert_may_be_repeated(&error),
        }
    }
    // Repeated at another node, each is there once, and where it was acknowledged to be.
    for number in 0..ALONE {
        let id = format!("u{number}");
        let sent = until_done(|| send(&there, "ann", "bob", &id)).await;
        assert_eq!(*acknowledged.entry(id).or_insert(sent), sent);
    }
    until_done(|| send(&there, "ann", "bob", "end")).await;
    seen.extend(follow(&mut watch, "end").await);
    assert_contiguous(&seen, Seq::ZERO);
    assert_eq!(ids(&seen).len(), BEFORE + ALONE + 1);

    // A reader that begins now gets the same at each sequence.
    let entries = follow(&mut here.watch(&member("bob"), Seq::ZERO), "end").await;
    assert_eq!(tags(&entries), tags(&seen));
    let conversation = Conversation::single(member("ann"), member("bob"));
    let kept = history_with(&here, &conversation, "end").await;
    assert_eq!(ids(&kept).len(), BEFORE + ALONE + 1);
    for (id, sent) in &acknowledged {
        let entry = kept.iter().find(|entry| entry.sequence == sent.place).unwrap();
        assert_eq!(entry.message_id.as_ref().unwrap().as_str(), id);
        let copy = entries.iter().find(|entry| entry.sequence == sent.sequence).unwrap();
        assert_eq!(copy.message_id.as_ref().unwrap().as_str(), id);
    }
    assert!(here.shutdown(PATIENCE).await && there.shutdown(PATIENCE).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_are_rolled_back_were_acknowledged_to_nobody() {
    undone(None).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writes_that_are_rolled_back_give_no_sequence_of_redis_to_another_message() {
    let Some(redis) = require(Redis::private().await) else { return };
    undone(Some(&redis)).await;
}
