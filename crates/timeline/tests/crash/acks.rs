//! Acks, whose entries are removed after they were answered.

use timeline::{Conversation, Count, Message, NewMessage, PageRequest, Seq, embedded};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::child::{Call, orders, run_and_kill, say_acknowledged};
use crate::{GRACE, member, open};

/// The part of the killed process: acknowledges what is there, and then each message that it sends;
/// says each floor once the ack is answered.
#[test]
fn child() {
    let Some((directory, _round)) = orders() else { return };
    Runtime::new().unwrap().block_on(async {
        let timeline = open(&directory).await;
        let mut last = timeline.sync(&member("a"), Seq::ZERO, Count::default()).await.unwrap().latest_seq;
        loop {
            let floor = timeline.ack(&member("a"), last).await.unwrap();
            say_acknowledged(&Call { kind: "ack", id: floor.to_string() });
            last = timeline.send(note()).await.unwrap().sequence;
        }
    });
}

fn note() -> NewMessage {
    NewMessage::new(member("a"), member("a"), Message::new("{}").unwrap())
}

#[tokio::test]
async fn acknowledged_entries_stay_freed_after_kill_9_among_their_removal() {
    let directory = tempfile::tempdir().unwrap();
    let mut reached = 0;
    for (round, calls) in [1, 1, 2, 30].into_iter().enumerate() {
        let timeline = open(directory.path()).await;
        // Enough for several batches of removals: the kill comes at the first answer.
        let mut senders = JoinSet::new();
        for _ in 0..50 {
            let timeline = timeline.clone();
            senders.spawn(async move {
                for _ in 0..50 {
                    timeline.send(note()).await.unwrap();
                }
            });
        }
        while let Some(sent) = senders.join_next().await {
            sent.unwrap();
        }
        assert!(timeline.shutdown(GRACE).await);

        let is_enough = move |answers: usize| answers >= calls;
        let said = run_and_kill("acks::child", directory.path(), round, is_enough).await;
        let floor = said.acknowledged.last().unwrap().id.parse::<u64>().unwrap();
        assert!(floor >= reached + 2_500, "{floor} after {reached}");
        embedded::check_deep(directory.path()).unwrap();
        let timeline = open(directory.path()).await;
        let page = timeline.sync(&member("a"), Seq::ZERO, Count::new(1_000)).await.unwrap();
        assert!(!page.reset && page.floor.get() >= floor, "{floor} was acknowledged");
        // Neither an entry that was freed is seen, nor is one above it lost.
        let sequences = page.entries.iter().map(|entry| entry.sequence.get());
        assert!(sequences.eq(page.floor.get() + 1..=page.latest_seq.get()), "{:?}", page.floor);
        reached = timeline.send(note()).await.unwrap().sequence.get();
        assert_eq!(reached, page.latest_seq.get() + 1, "it goes on counting");
        assert_eq!(timeline.ack(&member("a"), Seq::ZERO).await.unwrap(), page.floor);
        // The history has every message.
        let request = PageRequest::before(Seq::ZERO, Count::new(1));
        let conversation = Conversation::single(member("a"), member("a"));
        let newest = timeline.history(&conversation, request).await.unwrap().entries;
        assert_eq!(newest[0].sequence.get(), reached);
        assert!(timeline.shutdown(GRACE).await);
    }
}
