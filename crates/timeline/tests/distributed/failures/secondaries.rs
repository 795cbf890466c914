//! Histories that are read from secondaries, of which one is behind.

use mongodb::bson::doc;
use test_support::{MongoSet, require, unique};
use timeline::Conversation;
use timeline::distributed::Config;
use tokio::time::timeout;

use super::primaries::NOTHING_NEW;
use super::scene::{history, history_with, ids, member, send, started};
use crate::place::PATIENCE;

/// How many messages there are before one of the secondaries gets nothing any more, and in all.
const BEFORE: usize = 5;
const ALL: usize = 12;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secondary_that_is_behind_shows_less_and_no_gap() {
    let Some(set) = require(MongoSet::start().await) else { return };
    let config = Config::new(set.url()).database(unique("timeline"));
    let node = started(config.histories_from_secondaries(true)).await;
    let conversation = Conversation::single(member("ann"), member("bob"));
    let behind = set.member((set.primary().await.unwrap() + 1) % 3);
    for number in 0..ALL {
        if number == BEFORE {
            behind.fail(NOTHING_NEW, "alwaysOn", doc! {}).await.unwrap();
        }
        send(&node, "ann", "bob", &format!("s{number}")).await.unwrap();
    }
    // Either is asked, as the driver chooses; whoever answers, nothing is missing in between.
    let both = timeout(PATIENCE, async {
        let (mut was_whole, mut was_short) = (false, false);
        while !(was_whole && was_short) {
            let count = ids(&history(&node, &conversation).await).len();
            was_whole |= count == ALL;
            was_short |= count < ALL;
        }
    });
    both.await.expect("both secondaries are asked");
    behind.heal(NOTHING_NEW).await.unwrap();
    let entries = history_with(&node, &conversation, &format!("s{}", ALL - 1)).await;
    assert_eq!(ids(&entries).len(), ALL);
    assert!(node.shutdown(PATIENCE).await);
}
