//! Laws of acknowledgements.

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::world::*;
use crate::{Count, ErrorKind, InboxPage, PageRequest, Position, Tag, Timeline};

async fn ack(timeline: &Timeline, id: &str, sequence: u64) -> u64 {
    timeline.ack(&member(id), seq(sequence)).await.unwrap().get()
}

async fn read(timeline: &Timeline, id: &str, last_read: u64) -> InboxPage {
    timeline.sync(&member(id), seq(last_read), Count::default()).await.unwrap()
}

/// The sequences of a page, with its latest one and its floor.
fn seen(page: &InboxPage) -> (Vec<u64>, u64, u64) {
    let sequences = page.entries.iter().map(|entry| entry.sequence.get()).collect();
    (sequences, page.latest_seq.get(), page.floor.get())
}

/// The highest acknowledgement counts, even if they come at the same time.
pub async fn a_floor_rises_and_never_falls(world: &dyn World) {
    let timeline = open(world).await;
    send_all(&timeline, "b", 1..=20).await;
    assert_eq!(ack(&timeline, "b", 0).await, 0);
    assert_eq!(ack(&timeline, "b", 7).await, 7);
    assert_eq!(ack(&timeline, "b", 3).await, 7);
    assert_eq!(ack(&timeline, "b", 7).await, 7);
    assert_eq!(seen(&read(&timeline, "b", 0).await), ((8..=20).collect(), 20, 7));
    let mut tasks = JoinSet::new();
    for number in (1..=18).rev() {
        let timeline = timeline.clone();
        tasks.spawn(async move { assert!(ack(&timeline, "b", number).await >= number.max(7)) });
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
    assert_eq!(ack(&timeline, "b", 1).await, 18);
    assert_eq!(seen(&read(&timeline, "b", 0).await), (vec![19, 20], 20, 18));
}

/// An acknowledgement beyond the end of the inbox is refused, and frees nothing.
pub async fn an_acknowledgement_beyond_the_end_frees_nothing(world: &dyn World) {
    let timeline = open(world).await;
    let refused = async |sequence| {
        let error = timeline.ack(&member("b"), seq(sequence)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().starts_with("sequence: "), "{error}");
    };
    assert_eq!(ack(&timeline, "b", 0).await, 0, "a member never heard of");
    refused(1).await;
    assert_eq!(seen(&read(&timeline, "b", 0).await), (vec![], 0, 0));
    send_all(&timeline, "b", 1..=3).await;
    refused(4).await;
    refused(i64::MAX.unsigned_abs()).await;
    assert_eq!(seen(&read(&timeline, "b", 0).await), (vec![1, 2, 3], 3, 0));
    assert_eq!(ack(&timeline, "b", 3).await, 3);
    refused(4).await;
    assert_eq!(seen(&read(&timeline, "b", 0).await), (vec![], 3, 3));
}

/// A reader below the floor gets the entries from the next one on, and the floor.
///
/// It is not reset, whatever the tag of its position; nothing is left to compare it with.
pub async fn below_the_floor_a_reader_gets_what_is_left(world: &dyn World) {
    let timeline = open(world).await;
    send_all(&timeline, "b", 1..=9).await;
    let before = read(&timeline, "b", 0).await;
    assert_eq!(ack(&timeline, "b", 5).await, 5);
    for last_read in 0..=9 {
        let page = read(&timeline, "b", last_read).await;
        assert_eq!(seen(&page), ((last_read.max(5) + 1..=9).collect(), 9, 5), "{last_read}");
        assert!(!page.reset);
        assert_eq!(page.entries, before.entries[usize::try_from(last_read.max(5)).unwrap()..]);
    }
    for sequence in [2, 5] {
        let position = Position::new(seq(sequence), Some(Tag::new(7)));
        let page = timeline.sync(&member("b"), position, Count::new(2)).await.unwrap();
        assert!(!page.reset);
        assert_eq!(seen(&page), (vec![6, 7], 9, 5));
    }
    let beyond = read(&timeline, "b", 10).await;
    assert!(beyond.reset && beyond.entries.is_empty());
    assert_eq!(beyond.floor, seq(5), "from there the reader starts over");
}

/// An acknowledgement frees one inbox only.
///
/// The other inboxes, the histories and the cursor stay, and so does the answer to a repetition.
pub async fn an_acknowledgement_frees_one_inbox_only(world: &dyn World) {
    let timeline = open(world).await;
    for number in 1..=4 {
        assert_eq!(send_id(&timeline, "a", "b", number, &format!("id{number}")).await.unwrap(), number);
    }
    timeline.send_group(group_send("b", &["a", "b", "c"], 5)).await.unwrap();
    timeline.received(&member("b"), seq(2)).await.unwrap();
    assert_eq!(ack(&timeline, "b", 5).await, 5);
    assert_eq!(inbox(&timeline, "a").await, texts(1..=5));
    assert_eq!(inbox(&timeline, "c").await, texts([5]));
    assert_eq!(history(&timeline, &pair("a", "b")).await, texts(1..=4));
    assert_eq!(history(&timeline, &group("b")).await, texts([5]));
    let newest = PageRequest::before(seq(0), Count::new(1));
    let newest = timeline.history(&pair("a", "b"), newest).await.unwrap();
    assert_eq!(newest.entries[0].sequence, seq(4));
    assert_eq!(timeline.received_of(&member("b")).await.unwrap(), seq(2));
    assert_eq!(timeline.received(&member("b"), seq(5)).await.unwrap(), seq(5), "the top stays");
    // What is freed was sent all the same: a repetition has the first answer.
    assert_eq!(send_id(&timeline, "a", "b", 3, "id3").await.unwrap(), 3);
    assert_eq!(seen(&read(&timeline, "b", 0).await), (vec![], 5, 5));
}

/// An inbox that is acknowledged to its end goes on counting where it was.
///
/// This holds after opening again as well, and however often it is emptied.
pub async fn an_inbox_that_is_acknowledged_to_its_end_counts_on(world: &dyn World) {
    let mut timeline = open(world).await;
    for round in 0..4_u64 {
        let top = round * 3;
        for number in top + 1..=top + 3 {
            assert_eq!(send(&timeline, "a", "b", number).await, number);
        }
        assert_eq!(ack(&timeline, "b", top + 3).await, top + 3);
        assert_eq!(seen(&read(&timeline, "b", top).await), (vec![], top + 3, top + 3));
        if round % 2 == 1 {
            assert!(timeline.shutdown(GRACE).await);
            timeline = open(world).await;
            assert_eq!(seen(&read(&timeline, "b", 0).await), (vec![], top + 3, top + 3));
        }
    }
    assert_eq!(send(&timeline, "a", "b", 13).await, 13);
    assert_eq!(seen(&read(&timeline, "b", 0).await), (vec![13], 13, 12));
}

/// Floors are there after opening again, and what is above them.
pub async fn floors_are_there_after_opening_again(world: &dyn World) {
    let timeline = open(world).await;
    send_all(&timeline, "b", 1..=9).await;
    send_all(&timeline, "c", 1..=2).await;
    assert_eq!(ack(&timeline, "b", 6).await, 6);
    let before = read(&timeline, "b", 0).await;
    assert!(timeline.shutdown(GRACE).await);

    let timeline = open(world).await;
    assert_eq!(read(&timeline, "b", 0).await, before);
    assert_eq!(seen(&before), (vec![7, 8, 9], 9, 6));
    assert_eq!(seen(&read(&timeline, "c", 0).await), (vec![1, 2], 2, 0));
    assert_eq!(ack(&timeline, "b", 2).await, 6);
    assert_eq!(ack(&timeline, "b", 7).await, 7);
    assert_eq!(send(&timeline, "a", "b", 10).await, 10);
    assert_eq!(seen(&read(&timeline, "b", 0).await), (vec![8, 9, 10], 10, 7));
}

/// Acknowledgements among sends leave no gap above the floor.
///
/// A reader that acknowledges what it read gets everything once.
pub async fn concurrent_acknowledgements_and_sends_leave_no_gap(world: &dyn World) {
    const SENDERS: u64 = 8;
    const EACH: u64 = 25;
    let timeline = open(world).await;
    let mut tasks = JoinSet::new();
    for sender in 0..SENDERS {
        let timeline = timeline.clone();
        tasks.spawn(async move {
            for number in 0..EACH {
                send(&timeline, &format!("s{sender}"), "b", number).await;
            }
        });
    }
    let (mut read_to, mut rounds) = (0, 0);
    let reading = async {
        while read_to < SENDERS * EACH {
            let page = timeline.sync(&member("b"), seq(read_to), Count::new(7)).await.unwrap();
            assert!(!page.reset);
            for entry in &page.entries {
                assert_eq!(entry.sequence.get(), read_to + 1, "a gap or a repetition");
                read_to += 1;
            }
            // Not every page is acknowledged, so that there is something above the floor.
            rounds += 1;
            if rounds % 3 == 0 {
                assert_eq!(ack(&timeline, "b", read_to).await, read_to);
                let rest = read(&timeline, "b", 0).await;
                assert_eq!(rest.floor.get(), read_to);
                assert!(rest.entries.first().is_none_or(|first| first.sequence.get() == read_to + 1));
            }
            tokio::task::yield_now().await;
        }
    };
    // A sender that failed would leave it reading for ever.
    timeout(GRACE, reading).await.expect("an entry is lost");
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
    assert_eq!(ack(&timeline, "b", read_to).await, SENDERS * EACH);
    assert_eq!(send(&timeline, "a", "b", 0).await, SENDERS * EACH + 1);
}

/// An acknowledgement after a shutdown fails, and frees nothing.
///
/// The kind of the error is [`Closed`](crate::ErrorKind::Closed).
pub async fn a_closed_store_says_so_of_acknowledgements_too(world: &dyn World) {
    let timeline = open(world).await;
    send_all(&timeline, "b", 1..=2).await;
    assert!(timeline.shutdown(GRACE).await);
    let refused = timeline.ack(&member("b"), seq(1)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Closed);
    let timeline = open(world).await;
    assert_eq!(seen(&read(&timeline, "b", 0).await), (vec![1, 2], 2, 0));
}
