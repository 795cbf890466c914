//! Three members, of which one or two are lost.

use std::time::Duration;

use mongo_link::{Election, ErrorKind, Link, State};
use test_support::{MongoSet, require};
use tokio::time::{sleep, timeout};

use crate::{PATIENCE, connect, has, put, put_again, state};

#[tokio::test(flavor = "multi_thread")]
async fn writes_go_on_whatever_becomes_of_one_of_three() {
    let Some(set) = require(MongoSet::start().await) else { return };
    let link = Link::start(connect(&set.url()).connect_timeout(Duration::from_secs(2))).await.unwrap();
    put(&link, "before").await.unwrap();

    set.step_down().await.unwrap();
    put_again(&link, "after a step down").await;

    let frozen = set.primary().await.unwrap();
    set.member(frozen).freeze().await.unwrap();
    put_again(&link, "after a freeze").await;
    set.member(frozen).thaw().await.unwrap();

    let killed = set.primary().await.unwrap();
    set.member(killed).kill().unwrap();
    put_again(&link, "after a kill").await;
    set.member(killed).restart().await.unwrap();

    let follower = (set.primary().await.unwrap() + 1) % set.members().len();
    set.member(follower).freeze().await.unwrap();
    put_again(&link, "with a frozen follower").await;
    set.member(follower).thaw().await.unwrap();

    for id in ["before", "after a step down", "after a freeze", "after a kill", "with a frozen follower"] {
        assert!(has(&link, id).await.unwrap(), "{id} was taken back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_majority_is_told_and_comes_back() {
    let Some(set) = require(MongoSet::start().await) else { return };
    let link = Link::start(connect(&set.url())).await.unwrap();
    put(&link, "a").await.unwrap();
    let primary = set.primary().await.unwrap();
    let others = (0..set.members().len()).filter(|number| *number != primary);
    others.for_each(|number| set.member(number).kill().unwrap());
    let told = state(&link, |state| matches!(state, State::ReadOnly { .. })).await;
    assert!(told.reason().is_some_and(|reason| reason.contains("127.0.0.1:")), "{told}");
    assert_eq!(put(&link, "b").await.unwrap_err().kind(), ErrorKind::Unavailable);
    for number in (0..set.members().len()).filter(|number| *number != primary) {
        set.member(number).restart().await.unwrap();
    }
    put_again(&link, "c").await;
    state(&link, State::is_well).await;
    assert!(has(&link, "a").await.unwrap());
}

/// Waits until a link has heard of another election than this one, and returns it.
///
/// The driver tells of it in a task of its own, maybe after the first answer of a primary.
async fn other_election(link: &Link, known: Election) -> Election {
    let heard = timeout(PATIENCE, async {
        loop {
            let election = link.election();
            if election != known {
                return election;
            }
            sleep(Duration::from_millis(10)).await;
        }
    });
    heard.await.expect("no other election is heard of")
}

#[tokio::test(flavor = "multi_thread")]
async fn another_primary_is_one_of_another_election() {
    let Some(set) = require(MongoSet::start().await) else { return };
    let link = Link::start(connect(&set.url())).await.unwrap();
    put(&link, "before").await.unwrap();
    let first = other_election(&link, Election::default()).await;
    put(&link, "by the same one").await.unwrap();
    assert_eq!(link.election(), first);

    set.step_down().await.unwrap();
    put_again(&link, "by another one").await;
    other_election(&link, first).await;
}
