//! Sends, which are repeated after the kill.

use std::collections::HashMap;

use timeline::{
    Conversation, Count, Entry, GroupName, Message, MessageId, NewGroupMessage, NewMessage, PageRequest, Seq,
    Timeline,
};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::child::{Call, orders, run_and_kill, say_acknowledged, say_tried};
use crate::{GRACE, member, open};

const SENDERS: usize = 12;
const MEMBERS: [&str; 4] = ["a", "b", "c", "d"];

/// The part of the killed process.
#[test]
fn child() {
    let Some((directory, round)) = orders() else { return };
    Runtime::new().unwrap().block_on(async {
        let timeline = open(&directory).await;
        send_until_killed(&timeline, &round).await;
    });
}

/// Sends until the process dies; says of each message that it is tried, and that it is
/// acknowledged.
pub(crate) async fn send_until_killed(timeline: &Timeline, round: &str) {
    let mut senders = JoinSet::new();
    for sender in 0..SENDERS {
        senders.spawn(send_for_ever(timeline.clone(), format!("{round}-{sender}"), sender));
    }
    while senders.join_next().await.is_some() {}
}

async fn send_for_ever(timeline: Timeline, name: String, sender: usize) {
    for number in 0.. {
        let kind = if (sender + number).is_multiple_of(3) { "group" } else { "single" };
        let call = Call { kind, id: format!("{name}-{number}") };
        say_tried(&call);
        send(&timeline, &call).await;
        say_acknowledged(&call);
    }
}

/// Makes a send, or repeats it.
async fn send(timeline: &Timeline, call: &Call) {
    let (message, message_id) = (message(&call.id), Some(MessageId::new(call.id.as_str()).unwrap()));
    if call.kind == "group" {
        let (group, members) = (GroupName::new("g").unwrap(), MEMBERS.map(member));
        let send = NewGroupMessage::new(group, members, message).from(member("a"));
        timeline.send_group(send.message_id(message_id)).await.unwrap();
    } else {
        let send = NewMessage::new(member("a"), member("b"), message);
        timeline.send(send.message_id(message_id)).await.unwrap();
    }
}

/// Repeats sends, as many at once as the process made that died.
async fn repeat(timeline: &Timeline, calls: &[Call]) {
    let mut senders = JoinSet::new();
    for part in calls.chunks(calls.len().div_ceil(SENDERS).max(1)) {
        let (timeline, part) = (timeline.clone(), part.to_vec());
        senders.spawn(async move {
            for call in &part {
                send(&timeline, call).await;
            }
        });
    }
    while let Some(repeated) = senders.join_next().await {
        repeated.unwrap();
    }
}

fn message(id: &str) -> Message {
    Message::new(format!("{{\"id\":\"{id}\"}}")).unwrap()
}

/// Counts the messages of a box, and checks that it has no gap.
async fn counted(read: impl AsyncFn(Seq) -> Vec<Entry>) -> HashMap<String, usize> {
    let (mut counts, mut last) = (HashMap::new(), Seq::ZERO);
    loop {
        let entries = read(last).await;
        let Some(newest) = entries.last() else { return counts };
        let sequences = entries.iter().map(|entry| entry.sequence.get());
        assert!(sequences.eq(last.get() + 1..=newest.sequence.get()), "a gap after {last}");
        last = newest.sequence;
        for entry in &entries {
            *counts.entry(entry.message.to_string()).or_default() += 1;
        }
    }
}

/// All that was acknowledged is there once in each box, and nothing is there in part.
pub(crate) async fn check(timeline: &Timeline, acknowledged: &[Call]) {
    let count = Count::new(1_000);
    let inbox = |id: &'static str| {
        counted(async move |last| timeline.sync(&member(id), last, count).await.unwrap().entries)
    };
    let history = |conversation: Conversation| {
        counted(async move |last| {
            timeline.history(&conversation, PageRequest::after(last, count)).await.unwrap().entries
        })
    };
    let [a, b, c, d] = [inbox("a").await, inbox("b").await, inbox("c").await, inbox("d").await];
    let group = history(Conversation::group(GroupName::new("g").unwrap())).await;
    let single = history(Conversation::single(member("a"), member("b"))).await;
    for call in acknowledged {
        let text = message(&call.id).to_string();
        let boxes = if call.kind == "group" { vec![&group, &a, &b, &c, &d] } else { vec![&single, &a, &b] };
        for counts in boxes {
            assert_eq!(counts.get(&text), Some(&1), "{call} was acknowledged");
        }
    }
    // Sends that were not acknowledged took effect whole or not at all, and once.
    assert_eq!(a, b);
    assert_eq!((&c, &d), (&group, &group));
    let mut both = single;
    both.extend(group);
    assert_eq!(a, both);
    assert!(a.values().all(|count| *count == 1));
}

#[tokio::test]
async fn acknowledged_sends_survive_kill_9_once_and_without_a_gap() {
    let directory = tempfile::tempdir().unwrap();
    let (mut there, mut unanswered) = (Vec::new(), 0);
    // The moment of the kill varies by how much was sent.
    for (round, calls) in [1, 40, 333, 7, 150, 600].into_iter().enumerate() {
        let is_enough = move |answers: usize| answers >= calls;
        let said = run_and_kill("sends::child", directory.path(), round, is_enough).await;
        let timeline = open(directory.path()).await;
        unanswered += said.tried.iter().filter(|call| !said.acknowledged.contains(call)).count();
        there.extend(said.acknowledged);
        check(&timeline, &there).await;
        // All sends of the dead process, repeated: acknowledged or not, they are there once.
        repeat(&timeline, &said.tried).await;
        there.extend(said.tried);
        check(&timeline, &there).await;
        assert!(timeline.shutdown(GRACE).await);
    }
    assert!(unanswered > 0, "no kill came while a send was under way");
}
