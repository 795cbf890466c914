//! Histories that are read from secondaries, of which one is behind.

use mongodb::bson::doc;
use test_support::{MongoSet, require, unique};
use timeline::distributed::Config;
use timeline::{Conversation, Count, PageRequest, Timeline};
use tokio::time::timeout;

use super::primaries::NOTHING_NEW;
use super::scene::{history, history_with, ids, member, send, seq, started, until_done};
use crate::place::PATIENCE;

/// How many messages there are before one of the secondaries gets nothing any more, and in all.
const BEFORE: usize = 5;
const ALL: usize = 12;

/// Where the pages before a sequence begin: one that the secondary lacks, and one beyond the end.
const INSIDE: u64 = 9;
const BEYOND: u64 = 20;

/// Returns the sequences of a page.
async fn page(node: &Timeline, conversation: &Conversation, request: PageRequest) -> Vec<u64> {
    let page = until_done(|| node.history(conversation, request)).await;
    page.entries.iter().map(|entry| entry.sequence.get()).collect()
}

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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_before_what_a_secondary_has_not_got_yet_lacks_nothing() {
    let Some(set) = require(MongoSet::start().await) else { return };
    let config = Config::new(set.url()).database(unique("timeline"));
    let node = started(config.histories_from_secondaries(true)).await;
    let conversation = Conversation::single(member("ann"), member("bob"));
    let primary = set.primary().await.unwrap();
    let (behind, fresh) = (set.member((primary + 1) % 3), set.member((primary + 2) % 3));
    for number in 0..ALL {
        if number == BEFORE {
            behind.fail(NOTHING_NEW, "alwaysOn", doc! {}).await.unwrap();
        }
        send(&node, "ann", "bob", &format!("s{number}")).await.unwrap();
    }
    let entries = timeout(PATIENCE, async {
        loop {
            let entries = history(&node, &conversation).await;
            if entries.len() == ALL {
                return entries;
            }
        }
    });
    let entries = entries.await.expect("the other secondary is asked");
    // From here on the one that is behind answers all that secondaries are asked.
    fresh.kill().unwrap();
    let newest = PageRequest::before(seq(0), Count::default());
    let is_asked =
        timeout(PATIENCE, async { while page(&node, &conversation, newest).await.len() == ALL {} });
    is_asked.await.expect("the secondary that is behind is asked");

    for (before, last) in [(INSIDE, INSIDE - 1), (BEYOND, ALL as u64)] {
        let request = PageRequest::before(seq(before), Count::default());
        let expected: Vec<u64> = (1..=last).collect();
        assert_eq!(page(&node, &conversation, request).await, expected, "before {before}");
    }
    // Times may be the same, and never fall.
    for at_ms in [entries[ALL - 2].at_ms, entries[ALL - 1].at_ms + 1] {
        let earlier = entries.iter().filter(|entry| entry.at_ms < at_ms);
        let expected: Vec<u64> = earlier.map(|entry| entry.sequence.get()).collect();
        assert_eq!(
            page(&node, &conversation, PageRequest::until(at_ms, Count::default())).await,
            expected,
            "until {at_ms}"
        );
    }
    behind.heal(NOTHING_NEW).await.unwrap();
    assert!(node.shutdown(PATIENCE).await);
}
