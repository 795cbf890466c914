//! A MongoDB that takes its time with some commands.

use std::time::Duration;

use mongodb::bson::spec::BinarySubtype;
use mongodb::bson::{Binary, doc};
use timeline::{Count, ErrorKind, GroupName, NewGroup, PageRequest, Seq};
use tokio::time::{Instant, timeout};

use super::scene::{
    Scene, assert_contiguous, assert_may_be_repeated, follow, history, ids, inbox, member, send, send_group,
    started, tea,
};
use crate::place::PATIENCE;

/// Each step of a call has enough time, and all together have not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_of_several_slow_steps_ends_in_its_own_time() {
    let Some(scene) = Scene::on_mongo().await else { return };
    let timeout = Duration::from_secs(2);
    let node = started(scene.config("one").timeout(timeout)).await;
    let sent = send(&node, "ann", "bob", "first").await.unwrap();
    let conversation = timeline::Conversation::single(member("ann"), member("bob"));
    let _slow = scene.hold("one", "find", "chat_history", Duration::from_millis(1_200)).await;

    let begun = Instant::now();
    let paged = node.history(&conversation, PageRequest::until(u64::MAX / 4, Count::default())).await;
    let took = begun.elapsed();
    assert_eq!(paged.unwrap_err().kind(), ErrorKind::Unavailable);
    assert!(took < timeout + Duration::from_millis(300), "a read took {took:?}");

    let begun = Instant::now();
    let edited = node.delete_message(&conversation, sent.place, None).await;
    let took = begun.elapsed();
    assert!(edited.is_err(), "{edited:?}");
    assert!(took < timeout + Duration::from_millis(300), "a change took {took:?}");
    scene.let_go().await;
    assert!(node.shutdown(PATIENCE).await);
}

/// The cursor rises at another node between the look and the update of this one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_answer_to_a_cursor_is_not_lower_than_what_another_node_has_answered() {
    let Some(scene) = Scene::on_mongo().await else { return };
    let (one, other) = (scene.node("one").await, scene.node("other").await);
    for id in ["1", "2", "3"] {
        send(&one, "ann", "bob", id).await.unwrap();
    }
    let (bob, conversation) = (member("bob"), timeline::Conversation::single(member("ann"), member("bob")));
    let seq = |number| Seq::new(number).unwrap();
    let held = scene.hold("one", "update", "chat_rows", Duration::from_secs(3)).await;
    let late = one.read(&bob, &conversation, seq(1));
    let early = async {
        held.arrived().await;
        other.read(&bob, &conversation, seq(3)).await
    };
    let (late, early) = tokio::join!(late, early);
    assert_eq!((early.unwrap(), late.unwrap()), (seq(3), seq(3)));
    scene.let_go().await;
    assert!(one.shutdown(PATIENCE).await && other.shutdown(PATIENCE).await);
}

/// A group is made between the reservation of its first messages and their entries.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_messages_of_a_group_are_no_older_than_it_and_their_times_do_not_fall() {
    let Some(scene) = Scene::on_mongo().await else { return };
    let (one, other) = (scene.node("one").await, scene.node("other").await);
    let held = scene.hold("one", "insert", "chat_history", Duration::from_secs(2)).await;
    let sends =
        async { tokio::join!(send_group(&one, 2, "1"), send_group(&one, 2, "2"), send_group(&one, 2, "3")) };
    let created = async {
        held.arrived().await;
        let new = NewGroup::new(GroupName::new("tea").unwrap()).owner(member("m0"));
        other.create_group(new.without_history(true)).await
    };
    let (sent, created) = tokio::join!(sends, created);
    assert!(sent.0.is_ok() && sent.1.is_ok() && sent.2.is_ok(), "{sent:?}");
    scene.let_go().await;
    let created_at_ms = created.unwrap().created_at_ms;
    let entries = history(&other, &tea()).await;
    let times: Vec<u64> = entries.iter().map(|entry| entry.at_ms).collect();
    assert!(times.is_sorted() && times[0] >= created_at_ms, "{times:?} and {created_at_ms}");
    // Found by time, and each is there once for its readers, with the same time.
    let since = other.history(&tea(), PageRequest::since(created_at_ms, Count::default())).await.unwrap();
    assert_eq!(ids(&since.entries).len(), 3);
    let copies = inbox(&other, &member("m1")).await;
    assert_contiguous(&copies, Seq::ZERO);
    assert_eq!(ids(&copies).len(), 3);
    assert!(copies.iter().all(|copy| copy.at_ms >= created_at_ms));
    assert!(one.shutdown(PATIENCE).await && other.shutdown(PATIENCE).await);
}

/// Another node is faster with the message id, and what it sent is gone before this one writes: the
/// message is not stored, and may be sent again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_id_that_was_used_meanwhile_for_what_is_gone_is_not_answered_with_that() {
    let Some(scene) = Scene::on_mongo().await else { return };
    let (one, other) = (scene.node("one").await, scene.node("other").await);
    let held = scene.hold("one", "insert", "chat_history", Duration::from_secs(3)).await;
    let late = send_group(&one, 2, "again");
    let faster = async {
        held.arrived().await;
        // With it the same send has other places.
        send_group(&other, 2, "before").await.unwrap();
        let faster = send_group(&other, 2, "again").await.unwrap().place;
        // The floor is raised first, and documents are removed later.
        let floor = i64::try_from(faster.get()).unwrap();
        let new = doc! { "_id": Binary { subtype: BinarySubtype::Generic, bytes: vec![9; 16] } };
        let head = doc! {
            "q": { "id": "seq:group:tea", "seq": 0_i64 },
            "u": { "$set": { "floor": floor }, "$setOnInsert": new },
            "upsert": true,
        };
        let raised = scene.command(doc! { "update": "chat_history", "updates": [head] }).await;
        assert!(!raised.contains_key("writeErrors"), "{raised}");
        faster
    };
    let (late, faster) = tokio::join!(late, faster);
    scene.let_go().await;
    assert_eq!(late.map_err(|error| error.kind()).unwrap_err(), ErrorKind::Unavailable);
    let again = send_group(&one, 2, "again").await.unwrap();
    assert!(again.place > faster, "{again:?}");
    assert!(one.shutdown(PATIENCE).await && other.shutdown(PATIENCE).await);
}

/// MongoDB does not say within any call whether the rows of new members are there. Copies do not
/// wait for that, the sender is not told that all is done, and the rows are there in the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_that_nobody_confirms_keep_no_message_back() {
    let Some(scene) = Scene::on_mongo().await else { return };
    let node = started(scene.config("one").timeout(Duration::from_secs(4))).await;
    let m1 = member("m1");
    let mut watch = node.watch(&m1, Seq::ZERO);
    // Longer than any call lasts.
    let _held = scene.hold("one", "update", "chat_rows", Duration::from_secs(10)).await;
    assert_may_be_repeated(&send_group(&node, 2, "first").await.unwrap_err());
    follow(&mut watch, "first").await;
    scene.let_go().await;
    let entered = async {
        loop {
            if let Some(view) = node.view(&m1, &tea()).await.unwrap() {
                return view;
            }
        }
    };
    let view = timeout(PATIENCE, entered).await.expect("the rows are written in the end");
    assert_eq!(view.unread.get(), 1);
    assert!(node.shutdown(PATIENCE).await);
}
