//! A MongoDB that is away for a while.

use std::time::Duration;

use timeline::distributed::{Config, DistributedStore};
use timeline::{ErrorKind, State, Store as _};
use tokio::time::{Instant, sleep, timeout};

use super::scene::{Scene, ids, inbox, member, send, started};
use crate::place::PATIENCE;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_start_does_not_wait_for_a_mongodb_that_is_away() {
    let begun = Instant::now();
    // Nobody listens there.
    let store = DistributedStore::start(Config::new("mongodb://127.0.0.1:1")).await.unwrap();
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(2), "it took {took:?}");
    assert!(matches!(&*store.state().borrow(), State::Down { .. }));
    assert!(store.shutdown(PATIENCE).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_whose_mongodb_is_away_says_so_and_its_calls_wait() {
    let Some(scene) = Scene::on_mongo().await else { return };
    let node = started(scene.config("one").timeout(PATIENCE)).await;
    send(&node, "ann", "bob", "before").await.unwrap();
    let mut state = node.state();
    scene.mongo.kill().unwrap();
    let down = timeout(PATIENCE, state.wait_for(|state| matches!(state, State::Down { .. })));
    drop(down.await.expect("the state follows mongodb").unwrap());
    let (sent, restarted) = tokio::join!(send(&node, "ann", "bob", "meanwhile"), scene.mongo.restart());
    restarted.unwrap();
    sent.unwrap();
    let well = timeout(PATIENCE, state.wait_for(State::is_well));
    drop(well.await.expect("the state follows mongodb").unwrap());
    assert_eq!(ids(&inbox(&node, &member("bob")).await).len(), 2);
    assert!(node.shutdown(PATIENCE).await);
    assert!(!node.state().borrow().is_well());
}

/// The second and the third wait behind the first, and then together, with different ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sends_that_wait_for_a_mongodb_in_vain_are_refused_as_not_stored() {
    let Some(scene) = Scene::on_mongo().await else { return };
    let limit = Duration::from_secs(2);
    let node = started(scene.config("one").timeout(limit)).await;
    send(&node, "ann", "bob", "before").await.unwrap();
    let mut state = node.state();
    scene.mongo.kill().unwrap();
    let down = timeout(PATIENCE, state.wait_for(|state| matches!(state, State::Down { .. })));
    drop(down.await.expect("the state follows mongodb").unwrap());
    // The times are what is tested: each call has its own.
    let after = async |wait: Duration, id: &str| {
        sleep(wait).await;
        send(&node, "ann", "bob", id).await
    };
    let (first, second, third) =
        tokio::join!(after(Duration::ZERO, "1"), after(limit / 4, "2"), after(limit * 3 / 4, "3"));
    for sent in [first, second, third] {
        let error = sent.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        assert!(error.to_string().contains("is away"), "{error}");
    }
    scene.mongo.restart().await.unwrap();
    assert!(node.shutdown(PATIENCE).await);
}
