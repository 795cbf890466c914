//! Sends to a large group beside sends to pairs.

use std::sync::Arc;
use std::time::Duration;

use test_support::redis_connection;
use timeline::{Entry, Observer, Seq};
use tokio::sync::watch;
use tokio::time::timeout;

use super::scene::{Scene, assert_contiguous, history, ids, inbox, member, send, send_group, started, tea};
use crate::place::PATIENCE;

/// A group whose messages go the way of those to many.
const LARGE: usize = 101;

/// Hears of one inbox.
#[derive(Default)]
struct InboxObserver {
    heard: watch::Sender<Vec<u64>>,
}

impl Observer for InboxObserver {
    fn appended(&self, member: &str, entry: &Entry) {
        if member == "m1" {
            self.heard.send_modify(|heard| heard.push(entry.sequence.get()));
        }
    }
}

/// Has Redis forget the counter of an inbox, so that its next place is looked for in MongoDB.
async fn forget_counter(scene: &Scene, member: &str) {
    let mut connection = redis_connection(scene.redis.as_ref().unwrap().url()).await.unwrap();
    let pattern = format!("*:s:{member}");
    let keys: Vec<String> = redis::cmd("KEYS").arg(pattern).query_async(&mut connection).await.unwrap();
    assert_eq!(keys.len(), 1, "{keys:?}");
    redis::cmd("DEL").arg(&keys).query_async::<()>(&mut connection).await.unwrap();
}

/// The group has its place in the inbox before the pair, and waits for the ends of other inboxes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_observer_hears_of_a_place_whose_reservation_took_long() {
    let Some(scene) = Scene::on_redis_and_mongo().await else { return };
    let observer = Arc::new(InboxObserver::default());
    let mut heard = observer.heard.subscribe();
    let node = started(scene.config("one").observer(Arc::<InboxObserver>::clone(&observer))).await;
    send_group(&node, LARGE, "group before").await.unwrap();
    send(&node, "ann", "m1", "pair before").await.unwrap();
    forget_counter(&scene, "m100").await;

    let held = scene.hold("one", "aggregate", "chat_sync", Duration::from_secs(2)).await;
    let (to_many, to_one) = tokio::join!(send_group(&node, LARGE, "group"), async {
        held.arrived().await;
        send(&node, "ann", "m1", "pair").await
    });
    assert!(to_many.unwrap().failed.is_empty());
    to_one.unwrap();
    scene.let_go().await;
    let last = send(&node, "ann", "m1", "last").await.unwrap().sequence.get();
    let is_last = |heard: &Vec<u64>| heard.last() == Some(&last);
    drop(timeout(PATIENCE, heard.wait_for(is_last)).await.expect("the last one is heard of").unwrap());
    assert_eq!(*heard.borrow(), (1..=last).collect::<Vec<_>>());
    assert!(node.shutdown(PATIENCE).await);
}

/// The two go through different queues, and have one message id.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_id_has_one_effect_to_however_many_it_is_repeated() {
    let Some(scene) = Scene::on_mongo().await else { return };
    let node = scene.node("one").await;
    let (few, many) = tokio::join!(send_group(&node, 99, "id"), send_group(&node, 100, "id"));
    let (few, many) = (few.unwrap(), many.unwrap());
    assert_eq!(few.place, many.place);
    assert_eq!(send_group(&node, 100, "id").await.unwrap().place, few.place);
    assert_eq!(ids(&history(&node, &tea()).await).len(), 1);
    let copies = inbox(&node, &member("m1")).await;
    assert_contiguous(&copies, Seq::ZERO);
    assert_eq!(ids(&copies).len(), 1);
    assert!(node.shutdown(PATIENCE).await);
}
