//! Laws of sending.

use std::collections::HashSet;
use std::time::Duration;

use tokio::task::JoinSet;

use super::world::*;
use crate::page::Count;
use crate::{
    Destination, EntryKind, ErrorKind, GroupName, Message, MessageId, NewGroupMessage, NewMessage,
    PageRequest,
};

/// A send is one history entry and one copy for each of the two.
///
/// The answer is the receiver's sequence.
pub async fn a_send_is_in_the_history_and_in_both_inboxes(world: &dyn World) {
    let timeline = open(world).await;
    assert_eq!(send(&timeline, "a", "b", 1).await, 1);
    assert_eq!(send(&timeline, "b", "a", 2).await, 2);
    assert_eq!(send(&timeline, "c", "b", 3).await, 3);
    assert_eq!(send(&timeline, "b", "c", 4).await, 2);
    assert_eq!(inbox(&timeline, "a").await, texts([1, 2]));
    assert_eq!(inbox(&timeline, "b").await, texts([1, 2, 3, 4]));
    assert_eq!(inbox(&timeline, "c").await, texts([3, 4]));
    assert_eq!(history(&timeline, &pair("a", "b")).await, texts([1, 2]));
    assert_eq!(history(&timeline, &pair("b", "a")).await, texts([1, 2]));
    assert_eq!(history(&timeline, &pair("b", "c")).await, texts([3, 4]));
    assert_eq!(history(&timeline, &pair("a", "c")).await, texts([]));
}

/// A note to oneself is one copy in the inbox and one in the history.
pub async fn a_note_to_oneself_is_stored_once(world: &dyn World) {
    let timeline = open(world).await;
    assert_eq!(send(&timeline, "a", "a", 1).await, 1);
    assert_eq!(send(&timeline, "a", "a", 2).await, 2);
    assert_eq!(inbox(&timeline, "a").await, texts([1, 2]));
    assert_eq!(history(&timeline, &pair("a", "a")).await, texts([1, 2]));
}

/// A message keeps its key order, numbers, escapes and white space.
pub async fn messages_are_kept_byte_for_byte(world: &dyn World) {
    let timeline = open(world).await;
    let text = " {\"b\" : 12345678901234567890,\t\"a\":\"<&>\\u003c\\u00e4ä😀\", \"e\":1e3,\"b\":{} }\n";
    let message = Message::new(text).unwrap();
    let send = NewMessage { from: member("a"), to: member("b"), message, message_id: None };
    timeline.send(send).await.unwrap();
    assert_eq!(inbox(&timeline, "b").await, [text]);
    assert_eq!(history(&timeline, &pair("a", "b")).await, [text]);
}

/// An entry says in every copy who sent it, to whom and when.
///
/// It has the message id as well, and one tag that no other send has.
pub async fn an_entry_says_who_sent_it_to_whom_and_when(world: &dyn World) {
    let timeline = open(world).await;
    send_id(&timeline, "a", "b", 1, "one").await.unwrap();
    send(&timeline, "b", "a", 2).await;
    let named = NewGroupMessage { from: Some(member("c")), ..group_send("g", &["a", "b"], 3) };
    timeline.send_group(named).await.unwrap();
    timeline.send_group(group_send("g", &["b", "a"], 4)).await.unwrap();
    let group_name = || Some(Destination::Group(GroupName::new("g").unwrap()));
    let expected = [
        (Some(member("a")), Some(Destination::Member(member("b"))), Some(MessageId::new("one").unwrap())),
        (Some(member("b")), Some(Destination::Member(member("a"))), None),
        (Some(member("c")), group_name(), None),
        (None, group_name(), None),
    ];
    let inbox = async |id| timeline.sync(&member(id), seq(0), Count::default()).await;
    let histories = [pair("a", "b"), group("g")];
    let [a, b] = [inbox("a").await.unwrap().entries, inbox("b").await.unwrap().entries];
    let page = PageRequest::after(seq(0), Count::default());
    let mut history = timeline.history(&histories[0], page).await.unwrap().entries;
    history.extend(timeline.history(&histories[1], page).await.unwrap().entries);
    for entries in [&a, &b, &history] {
        let found: Vec<_> =
            entries.iter().map(|e| (e.from.clone(), e.to.clone(), e.message_id.clone())).collect();
        assert_eq!(found, expected);
        assert!(
            entries.iter().all(|entry| entry.at_ms > 1_700_000_000_000 && entry.kind == EntryKind::Message)
        );
        assert!(entries.iter().zip(&a).all(|(one, other)| one.tag == other.tag && one.at_ms == other.at_ms));
    }
    let tags: HashSet<_> = a.iter().map(|entry| entry.tag.unwrap()).collect();
    assert_eq!(tags.len(), 4);
}

/// A message to many is the same in every inbox, however long it is.
pub async fn a_message_to_many_is_the_same_in_every_inbox(world: &dyn World) {
    let timeline = open(world).await;
    let text = format!("{{\"t\":\"{}\"}}", "x".repeat(5_000));
    let names: Vec<_> = (0..40).map(|number| format!("m{number}")).collect();
    let members: Vec<_> = names.iter().map(String::as_str).collect();
    for round in 0..2 {
        // A long text, which a store may keep once for all, and a short one, which it may copy.
        for message in [Message::new(text.as_str()).unwrap(), message(round)] {
            timeline.send_group(NewGroupMessage { message, ..group_send("g", &members, 0) }).await.unwrap();
        }
    }
    let expected = [text.clone(), texts([0])[0].clone(), text.clone(), texts([1])[0].clone()];
    for name in names.iter().step_by(13) {
        assert_eq!(inbox(&timeline, name).await, expected);
    }
    assert_eq!(history(&timeline, &group("g")).await, expected);
    assert!(timeline.shutdown(GRACE).await);
    let timeline = open(world).await;
    assert_eq!(inbox(&timeline, "m39").await, expected);
}

/// A group send gives each member one copy, even if named twice.
///
/// Nobody is added.
pub async fn a_group_send_gives_each_member_one_copy(world: &dyn World) {
    let timeline = open(world).await;
    send(&timeline, "x", "b", 1).await;
    let sent = timeline.send_group(group_send("g", &["a", "b", "a", "c", "b"], 2)).await.unwrap();
    assert!(sent.failed.is_empty());
    timeline.send_group(group_send("g", &["c"], 3)).await.unwrap();
    assert_eq!(inbox(&timeline, "a").await, texts([2]));
    assert_eq!(inbox(&timeline, "b").await, texts([1, 2]));
    assert_eq!(inbox(&timeline, "c").await, texts([2, 3]));
    assert_eq!(history(&timeline, &group("g")).await, texts([2, 3]));
}

/// A pair, a group and an inbox share nothing, whatever their names are.
pub async fn ids_that_look_alike_share_nothing(world: &dyn World) {
    let timeline = open(world).await;
    send(&timeline, "group", "x", 1).await;
    timeline.send_group(group_send("x", &["m"], 2)).await.unwrap();
    send(&timeline, "a:b", "c", 3).await;
    send(&timeline, "a", "b:c", 4).await;
    send(&timeline, "seq:a:b", "n", 5).await;
    send(&timeline, "a", "b", 6).await;
    timeline.send_group(group_send("a:b", &["m"], 7)).await.unwrap();
    assert_eq!(history(&timeline, &pair("group", "x")).await, texts([1]));
    assert_eq!(history(&timeline, &group("x")).await, texts([2]));
    assert_eq!(history(&timeline, &pair("a:b", "c")).await, texts([3]));
    assert_eq!(history(&timeline, &pair("a", "b:c")).await, texts([4]));
    assert_eq!(inbox(&timeline, "seq:a:b").await, texts([5]));
    assert_eq!(history(&timeline, &pair("a", "b")).await, texts([6]));
    assert_eq!(history(&timeline, &group("a:b")).await, texts([7]));
    assert_eq!(inbox(&timeline, "a").await, texts([4, 6]));
    assert_eq!(inbox(&timeline, "m").await, texts([2, 7]));
}

/// A refused send takes no sequence.
pub async fn sends_out_of_bounds_leave_no_trace(world: &dyn World) {
    let timeline = open(world).await;
    let text = format!("{{\"t\":\"{}\"}}", "x".repeat(64 * 1024));
    let message = Message::new(text).unwrap();
    let large = NewMessage { from: member("a"), to: member("b"), message: message.clone(), message_id: None };
    assert_eq!(timeline.send(large).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    let mut large = group_send("g", &["a"], 0);
    large.message = message;
    assert_eq!(timeline.send_group(large).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    let nobody = group_send("g", &[], 0);
    assert_eq!(timeline.send_group(nobody).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    let mut many = group_send("g", &[], 0);
    many.members = (0..1_001).map(|number| member(&format!("m{number}"))).collect();
    assert_eq!(timeline.send_group(many).await.unwrap_err().kind(), ErrorKind::InvalidInput);

    assert_eq!(send(&timeline, "a", "b", 1).await, 1);
    timeline.send_group(group_send("g", &["a"], 2)).await.unwrap();
    assert_eq!(inbox(&timeline, "a").await, texts([1, 2]));
    assert_eq!(history(&timeline, &group("g")).await, texts([2]));
    assert_eq!(history(&timeline, &pair("a", "b")).await, texts([1]));
    assert_eq!(inbox(&timeline, "m1").await, texts([]));
}

/// Concurrent senders leave no gap, and each sequence is given once.
///
/// The sequences are those of the answers.
pub async fn concurrent_senders_leave_no_gap(world: &dyn World) {
    const SENDERS: u64 = 16;
    const EACH: u64 = 20;
    let timeline = open(world).await;
    let mut tasks = JoinSet::new();
    for sender in 0..SENDERS {
        let timeline = timeline.clone();
        tasks.spawn(async move {
            let from = format!("s{sender}");
            let mut answers = Vec::new();
            for number in 0..EACH {
                answers.push(send(&timeline, &from, "b", sender * EACH + number).await);
            }
            answers
        });
    }
    let mut answers = HashSet::new();
    while let Some(result) = tasks.join_next().await {
        let own = result.unwrap();
        assert!(own.is_sorted(), "one sender's messages stay in order");
        answers.extend(own);
    }
    assert_eq!(answers, (1..=SENDERS * EACH).collect());
    let mut all = inbox(&timeline, "b").await;
    all.sort_unstable();
    let mut expected = texts(0..SENDERS * EACH);
    expected.sort_unstable();
    assert_eq!(all, expected);
    for sender in 0..SENDERS {
        let own = texts(sender * EACH..(sender + 1) * EACH);
        assert_eq!(history(&timeline, &pair(&format!("s{sender}"), "b")).await, own);
    }
}

/// Entries, sequences and cursors are there after opening again.
pub async fn everything_is_there_after_opening_again(world: &dyn World) {
    let timeline = open(world).await;
    for number in 1..=9 {
        send(&timeline, "a", "b", number).await;
    }
    timeline.received(&member("b"), seq(4)).await.unwrap();
    assert!(timeline.shutdown(GRACE).await);

    let timeline = open(world).await;
    assert_eq!(inbox(&timeline, "b").await, texts(1..=9));
    assert_eq!(timeline.received_of(&member("b")).await.unwrap(), seq(4));
    assert_eq!(send(&timeline, "b", "a", 10).await, 10);
    assert_eq!(history(&timeline, &pair("a", "b")).await, texts(1..=10));
}

/// Every call after a shutdown fails; a second shutdown waits for the same end.
///
/// The kind of the errors is [`Closed`](crate::ErrorKind::Closed).
pub async fn a_closed_store_says_so(world: &dyn World) {
    let timeline = open(world).await;
    send(&timeline, "a", "b", 1).await;
    let ended = tokio::join!(timeline.shutdown(GRACE), timeline.shutdown(GRACE));
    assert_eq!(ended, (true, true), "both wait for the same end");
    assert!(timeline.shutdown(GRACE).await);
    let member = member("b");
    let closed = ErrorKind::Closed;
    assert_eq!(send_id(&timeline, "a", "b", 1, "x").await.unwrap_err().kind(), closed);
    assert_eq!(timeline.sync(&member, seq(0), Count::default()).await.unwrap_err().kind(), closed);
    assert_eq!(timeline.received(&member, seq(1)).await.unwrap_err().kind(), closed);
    assert_eq!(timeline.received_of(&member).await.unwrap_err().kind(), closed);
}

/// A shutdown that is given no time ends the store all the same.
///
/// Sends are refused from the call on, and a later shutdown waits for the end.
pub async fn a_shutdown_without_time_still_ends_the_store(world: &dyn World) {
    let timeline = open(world).await;
    assert_eq!(send(&timeline, "a", "b", 1).await, 1);
    // Whether a store ends in no time is its own affair.
    timeline.shutdown(Duration::ZERO).await;
    assert_eq!(send_id(&timeline, "a", "b", 2, "x").await.unwrap_err().kind(), ErrorKind::Closed);
    assert!(timeline.shutdown(GRACE).await);
    assert_eq!(inbox(&open(world).await, "b").await, texts([1]));
}
