//! A node that dies after each of the steps of a send.

use timeline::{Count, EntryStatus, ErrorKind, PageRequest, Seq, Timeline};

use super::mortal::Mortal;
use super::scene::{
    Scene, assert_contiguous, follow, group_message, history_with, ids, member, send_group, seq, tea, text,
    until_done,
};
use crate::place::PATIENCE;

/// How many members the group has.
const MEMBERS: usize = 8;

/// Has a node die while its commands on a collection wait, after one message that was stored.
async fn dies_before(scene: &Scene, command: &str, collection: &str) {
    let mut dying = Mortal::start(scene.config("dying")).await;
    let blocked = scene.block("dying", command, collection).await;
    dying.send_group(group_message(MEMBERS, "second"));
    blocked.arrived().await;
    // The server goes on to hold what it has of the dead node.
    dying.die();
}

/// Nobody was told anything, and nothing is in the history: the message is sent once more, and what
/// was given out for it is closed.
async fn was_not_sent(scene: &Scene, command: &str, collection: &str) {
    let living = scene.node("living").await;
    assert_eq!(send_group(&living, MEMBERS, "first").await.unwrap().place.get(), 1);
    dies_before(scene, command, collection).await;

    let sent = send_group(&living, MEMBERS, "second").await.unwrap();
    assert!(sent.failed.is_empty());
    is_there_once(&living, sent.place).await;
    assert!(living.shutdown(PATIENCE).await);
}

/// It is in the history: the other node ends it without being asked, and a repetition gets the
/// first answer.
async fn was_sent(scene: &Scene, command: &str, collection: &str) {
    let living = scene.node("living").await;
    send_group(&living, MEMBERS, "first").await.unwrap();
    dies_before(scene, command, collection).await;

    for number in 0..MEMBERS {
        let mut watch = living.watch(&member(&format!("m{number}")), Seq::ZERO);
        follow(&mut watch, "second").await;
    }
    let sent = send_group(&living, MEMBERS, "second").await.unwrap();
    assert!(sent.failed.is_empty());
    is_there_once(&living, sent.place).await;
    let view = living.view(&member("m7"), &tea()).await.unwrap().unwrap();
    assert_eq!((view.latest, view.unread.get()), (sent.place, 2));
    assert!(living.shutdown(PATIENCE).await);
}

async fn is_there_once(living: &Timeline, place: Seq) {
    let kept = history_with(living, &tea(), "second").await;
    assert_eq!(ids(&kept).len(), 2);
    let second = kept.iter().find(|entry| entry.sequence == place).unwrap();
    assert_eq!(second.message_id.as_ref().unwrap().as_str(), "second");
    for number in 0..MEMBERS {
        let mut watch = living.watch(&member(&format!("m{number}")), Seq::ZERO);
        let entries = follow(&mut watch, "second").await;
        assert_contiguous(&entries, Seq::ZERO);
        assert_eq!(ids(&entries).len(), 2, "member {number}");
    }
    // Another use of the message id is still one.
    let mut other = group_message(MEMBERS, "second");
    other.message = text("other");
    assert_eq!(living.send_group(other).await.unwrap_err().kind(), ErrorKind::Conflict);
}

/// It dies with places that nobody else has, and others are sent behind them. A first look says
/// that these are there, the next one waits for them, and so does the newest page of the history.
/// What was never used is not unread.
async fn what_is_behind_its_places_is_told_at_once(scene: &Scene) {
    let living = scene.node("living").await;
    send_group(&living, MEMBERS, "first").await.unwrap();
    dies_before(scene, "insert", "chat_history").await;
    let third = send_group(&living, MEMBERS, "third").await.unwrap();
    assert_eq!(third.place.get(), 3);

    let reader = member("m1");
    let page = living.sync(&reader, Seq::ZERO, Count::default()).await.unwrap();
    assert_eq!((page.entries.len(), page.entry_set_last_seq.get(), page.latest_seq.get()), (1, 1, 3));
    let page = living.sync(&reader, page.entry_set_last_seq, Count::default()).await.unwrap();
    assert_eq!((page.entries.len(), page.entries[0].status), (2, EntryStatus::Unused));
    assert!(ids(&page.entries).contains("third"));

    let forward = living.history(&tea(), PageRequest::default()).await.unwrap();
    assert_eq!((forward.entries.len(), forward.more), (1, true));
    let newest = living.history(&tea(), PageRequest::before(Seq::ZERO, Count::default())).await.unwrap();
    assert_eq!(ids(&newest.entries).len(), 2);
    assert_contiguous(&newest.entries, Seq::ZERO);

    let view = living.view(&reader, &tea()).await.unwrap().unwrap();
    assert_eq!((view.latest, view.unread.get()), (seq(3), 2));
    living.read(&reader, &tea(), seq(1)).await.unwrap();
    assert_eq!(living.unread(&reader, &tea()).await.unwrap().get(), 1);
    assert!(living.shutdown(PATIENCE).await);
}

mod mongo {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn before_its_intent_a_dead_node_has_sent_nothing() {
        let Some(scene) = Scene::on_mongo().await else { return };
        was_not_sent(&scene, "update", "chat_intents").await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn before_the_history_a_dead_node_has_sent_nothing() {
        let Some(scene) = Scene::on_mongo().await else { return };
        was_not_sent(&scene, "insert", "chat_history").await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn before_the_copies_a_dead_node_leaves_them_to_another_one() {
        let Some(scene) = Scene::on_mongo().await else { return };
        was_sent(&scene, "insert", "chat_sync").await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_was_sent_to_is_told_to_try_again_before_the_rows() {
        let Some(scene) = Scene::on_mongo().await else { return };
        let living = scene.node("living").await;
        let mut dying = Mortal::start(scene.config("dying")).await;
        let blocked = scene.block("dying", "update", "chat_rows").await;
        dying.send_group(group_message(MEMBERS, "first"));
        blocked.arrived().await;
        let (m1, stranger, tea) = (member("m1"), member("stranger"), tea());
        let early = living.read(&m1, &tea, seq(1)).await.map_err(|error| error.kind());
        assert_eq!(early, Err(ErrorKind::Unavailable));
        assert_eq!(living.clear(&m1, &tea).await.unwrap_err().kind(), ErrorKind::Unavailable);
        let never = living.read(&stranger, &tea, seq(1)).await.map_err(|error| error.kind());
        assert_eq!(never, Err(ErrorKind::NotFound));
        dying.die();
        assert_eq!(until_done(|| living.read(&m1, &tea, seq(1))).await, seq(1));
        assert!(living.shutdown(PATIENCE).await);
    }

    /// The first message of all, and the node that sends it dies before it has written the rows.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_has_a_copy_finds_its_conversation() {
        let Some(scene) = Scene::on_mongo().await else { return };
        let living = scene.node("living").await;
        let m1 = member("m1");
        let mut watch = living.watch(&m1, Seq::ZERO);
        let mut dying = Mortal::start(scene.config("dying")).await;
        let blocked = scene.block("dying", "update", "chat_rows").await;
        dying.send_group(group_message(MEMBERS, "first"));
        blocked.arrived().await;
        dying.die();
        follow(&mut watch, "first").await;
        let view = living.view(&m1, &tea()).await.unwrap();
        assert_eq!(view.map(|view| view.unread.get()), Some(1));
        let listed = living.conversations(&m1, None, Count::default()).await.unwrap();
        assert_eq!(listed.conversations.len(), 1);
        assert!(living.shutdown(PATIENCE).await);
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn before_the_rows_a_dead_node_leaves_them_to_another_one() {
        let Some(scene) = Scene::on_mongo().await else { return };
        was_sent(&scene, "update", "chat_rows").await;
    }
}

mod redis_and_mongo {
    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn what_was_acknowledged_behind_the_places_of_a_dead_node_is_told_at_once() {
        let Some(scene) = Scene::on_redis_and_mongo().await else { return };
        what_is_behind_its_places_is_told_at_once(&scene).await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn before_its_intent_a_dead_node_has_sent_nothing() {
        let Some(scene) = Scene::on_redis_and_mongo().await else { return };
        was_not_sent(&scene, "update", "chat_intents").await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn before_the_history_the_places_of_a_dead_node_are_closed() {
        let Some(scene) = Scene::on_redis_and_mongo().await else { return };
        was_not_sent(&scene, "insert", "chat_history").await;
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn before_the_copies_a_dead_node_leaves_them_to_another_one() {
        let Some(scene) = Scene::on_redis_and_mongo().await else { return };
        was_sent(&scene, "insert", "chat_sync").await;
    }
}
