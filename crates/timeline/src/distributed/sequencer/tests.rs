//! Sequences of real stores.

use mongodb::bson::{Document, doc};
use test_support::{Mongo, require, unique};
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::{Reserved, Sequencer, Want};
use crate::distributed::box_id::{BoxId, Side};
use crate::distributed::config::Config;
use crate::distributed::database::Database;
use crate::distributed::tops::{self, Top};
use crate::distributed::trouble::Trouble;
use crate::{MemberId, Seq};

/// One node of a store, as far as sequences go.
pub(super) struct TestNode {
    pub(super) database: Database,
    pub(super) sequencer: Sequencer,
    _stop: DropGuard,
}

impl TestNode {
    pub(super) async fn start(config: &Config) -> Self {
        let database = Database::start(config).await.unwrap();
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let sequencer =
            Sequencer::start(config, database.clone(), &Trouble::of(config), &tasks, &stop).unwrap();
        Self { database, sequencer, _stop: stop.drop_guard() }
    }

    /// Reserves one sequence of a box.
    pub(super) async fn one(&self, boxed: &BoxId) -> Seq {
        self.some(boxed, 1).await.first
    }

    pub(super) async fn some(&self, boxed: &BoxId, count: u64) -> Reserved {
        let wants = [Want { boxed, count }];
        self.sequencer.reserve(&wants, NOW_MS).await.unwrap()[0]
    }

    pub(super) async fn again(&self, boxed: &BoxId) -> Seq {
        let wants = [Want { boxed, count: 1 }];
        self.sequencer.again(&wants, NOW_MS).await.unwrap()[0].first
    }

    /// Writes an entry, as any node does.
    pub(super) async fn put(&self, boxed: &BoxId, sequence: Seq, at_ms: i64) {
        let entry = doc! { "id": boxed.as_str(), "seq": sequence.to_i64(), "at": at_ms };
        self.insert(boxed.side(), entry).await;
    }

    async fn insert(&self, side: Side, document: Document) {
        let inserted = self.database.call(move |collections| async move {
            collections.entries_of(side).insert_one(document).await.map(drop)
        });
        inserted.await.unwrap();
    }
}

pub(super) fn inbox(name: &str) -> BoxId {
    BoxId::inbox(&MemberId::new(name).unwrap())
}

pub(super) fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

/// The settings of a store that nothing is in.
pub(super) fn fresh(mongo: &Mongo) -> Config {
    Config::new(mongo.url()).database(unique("sequences"))
}

/// What the clock of the nodes says.
pub(super) const NOW_MS: u64 = 1_700_000_000_000;

/// Has two nodes whose clocks are an hour apart write one history in turn.
pub(super) async fn clocks_apart(config: &Config) {
    const AHEAD_MS: u64 = NOW_MS + 3_600_000;
    let (ahead, behind) = (TestNode::start(config).await, TestNode::start(config).await);
    let history = BoxId::stored(Side::History, "seq:a:b");
    let (mut last, mut last_ms) = (Seq::ZERO, 0);
    for (node, now_ms) in [(&behind, NOW_MS), (&ahead, AHEAD_MS), (&behind, NOW_MS), (&ahead, AHEAD_MS)] {
        let wants = [Want { boxed: &history, count: 1 }];
        // The end is read, as after a refusal: the index of one node does not know of the other.
        let reserved = node.sequencer.again(&wants, now_ms).await.unwrap()[0];
        assert!(reserved.first > last && reserved.at_ms >= last_ms, "{reserved:?} after {last} at {last_ms}");
        node.put(&history, reserved.first, i64::try_from(reserved.at_ms).unwrap()).await;
        (last, last_ms) = (reserved.first, reserved.at_ms);
    }
    assert_eq!(last_ms, AHEAD_MS);
}

#[tokio::test(flavor = "multi_thread")]
async fn clocks_apart_change_no_sequence_and_no_time_falls() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    clocks_apart(&fresh(&mongo)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_are_those_of_entries_and_of_what_heads_remember() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let node = TestNode::start(&fresh(&mongo)).await;
    let (a, b, c) = (inbox("a"), inbox("b"), BoxId::stored(Side::History, "a"));
    for number in 1..=3 {
        node.put(&a, seq(number), 500).await;
    }
    node.put(&c, seq(9), 900).await;
    let head = doc! { "id": "b", "seq": 0_i64, "floor": 6_i64, "top": 7_i64, "last_at": 70_i64 };
    node.insert(Side::Inbox, head).await;
    let nobody = inbox("nobody");
    let others: Vec<_> = (0..1_200).map(|number| inbox(&format!("other {number}"))).collect();
    let mut boxes = vec![&b, &nobody, &c];
    boxes.extend(&others);
    boxes.push(&a);
    let ends = tops::read_all(&node.database, &boxes).await.unwrap();
    assert_eq!(ends.len(), boxes.len());
    assert_eq!(ends[0], Top { seq: seq(7), at_ms: 70, floor: seq(6) });
    assert_eq!(ends[1], Top::default());
    assert_eq!(ends[2], Top { seq: seq(9), at_ms: 900, floor: Seq::ZERO });
    assert_eq!(ends[boxes.len() - 1], Top { seq: seq(3), at_ms: 500, floor: Seq::ZERO });
    let found = tops::read(&node.database, Side::Inbox, &["a", "nobody"]).await.unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["a"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_the_sequence_is_the_one_after_the_last() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let (config, history) = (fresh(&mongo), BoxId::stored(Side::History, "seq:a:b"));
    let (one, other) = (TestNode::start(&config).await, TestNode::start(&config).await);
    let later = i64::try_from(NOW_MS).unwrap() + 5_000;
    one.put(&history, seq(1), later).await;
    // The second is given out before the first is committed.
    let first = one.some(&history, 2).await;
    assert_eq!((first.first, first.at_ms), (seq(2), NOW_MS + 5_000));
    assert_eq!(one.one(&history).await, seq(4));
    // Another node has the same idea; the index refuses one of them.
    assert_eq!(other.one(&history).await, seq(2));
    for number in 2..=4 {
        one.put(&history, seq(number), later).await;
    }
    assert_eq!(other.again(&history).await, seq(5));
    other.put(&history, seq(5), later).await;
    // What is read tells as well as what is refused.
    one.sequencer.seen(&history, seq(5), NOW_MS + 9_000);
    let next = one.some(&history, 1).await;
    assert_eq!((next.first, next.at_ms), (seq(6), NOW_MS + 9_000));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reservation_that_nobody_uses_holds_nobody_up() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    let node = TestNode::start(&fresh(&mongo)).await;
    let (a, b) = (inbox("a"), inbox("b"));
    assert_eq!(node.one(&a).await, seq(1));
    let wants = [Want { boxed: &b, count: 2 }, Want { boxed: &a, count: 1 }];
    let reserved = node.sequencer.reserve(&wants, NOW_MS).await.unwrap();
    assert_eq!([reserved[0].first, reserved[1].first], [seq(1), seq(2)]);
    assert!(node.sequencer.reserve(&[], NOW_MS).await.unwrap().is_empty());
}
