//! Laws of reading.

use tokio::task::JoinSet;

use super::world::*;
use crate::page::PAGE_BYTES_MAX;
use crate::{Config, Count, Entry, Message, MessageId, NewMessage, PageRequest, Position, Tag, Timeline};

/// An unknown member has an empty inbox, which is not an error.
///
/// Reading it leaves no trace.
pub async fn a_member_never_heard_of_has_nothing(world: &dyn World) {
    let timeline = open(world).await;
    let answer = timeline.sync(&member("nobody"), seq(5), Count::default()).await.unwrap();
    assert_eq!((answer.latest_seq, answer.entry_set_last_seq, answer.entries.len()), (seq(0), seq(0), 0));
    assert_eq!(timeline.received_of(&member("nobody")).await.unwrap(), seq(0));
    for page in [PageRequest::after(seq(0), Count::default()), PageRequest::before(seq(0), Count::default())]
    {
        assert!(timeline.history(&group("none"), page).await.unwrap().entries.is_empty());
        assert!(timeline.history(&pair("no", "body"), page).await.unwrap().entries.is_empty());
    }
}

/// A sync gives at most `count` entries after `last_read`, ascending.
///
/// The answer says where it and the inbox end.
pub async fn sync_goes_on_after_last_read(world: &dyn World) {
    let timeline = open(world).await;
    for number in 1..=10 {
        send(&timeline, "a", "b", number).await;
    }
    for (last_read, count, first, last) in [(0, 3, 1, 3), (3, 3, 4, 6), (9, 3, 10, 10), (0, 100, 1, 10)] {
        let answer = timeline.sync(&member("b"), seq(last_read), Count::new(count)).await.unwrap();
        assert_eq!(answer.latest_seq, seq(10));
        assert_eq!(answer.entry_set_last_seq, seq(last));
        let sequences: Vec<_> = answer.entries.iter().map(|entry| entry.sequence.get()).collect();
        assert_eq!(sequences, (first..=last).collect::<Vec<_>>());
        let bodies: Vec<_> = answer.entries.iter().map(|entry| entry.message.to_string()).collect();
        assert_eq!(bodies, texts(first..=last));
    }
    for last_read in [10, 11, i64::MAX.unsigned_abs()] {
        let answer = timeline.sync(&member("b"), seq(last_read), Count::default()).await.unwrap();
        assert_eq!(
            (answer.latest_seq, answer.entry_set_last_seq, answer.entries.len()),
            (seq(10), seq(0), 0)
        );
    }
}

/// Histories page in both directions, and the bound is exclusive in both.
///
/// The entries of a page ascend either way, and 0 is the newest backwards.
pub async fn histories_page_forwards_and_backwards(world: &dyn World) {
    let timeline = open(world).await;
    for number in 1..=10 {
        send(&timeline, "a", "b", number).await;
        timeline.send_group(group_send("g", &["a"], number)).await.unwrap();
    }
    let count = Count::new(4);
    for (page, expected) in [
        (PageRequest::after(seq(0), count), 1..=4),
        (PageRequest::after(seq(8), count), 9..=10),
        (PageRequest::before(seq(0), count), 7..=10),
        (PageRequest::before(seq(7), count), 3..=6),
        (PageRequest::before(seq(3), count), 1..=2),
        (PageRequest::before(seq(99), count), 7..=10),
    ] {
        for conversation in [pair("b", "a"), group("g")] {
            let entries = timeline.history(&conversation, page).await.unwrap().entries;
            let sequences: Vec<_> = entries.iter().map(|entry| entry.sequence.get()).collect();
            assert_eq!(sequences, expected.clone().collect::<Vec<_>>(), "{page:?}");
            let bodies: Vec<_> = entries.iter().map(|entry| entry.message.to_string()).collect();
            assert_eq!(bodies, texts(expected.clone()));
        }
    }
    for page in [PageRequest::after(seq(10), count), PageRequest::before(seq(1), count)] {
        assert!(timeline.history(&group("g"), page).await.unwrap().entries.is_empty());
    }
}

/// A larger count is not an error.
pub async fn pages_have_100_entries_unless_told_and_1000_at_most(world: &dyn World) {
    let timeline = open(world).await;
    let mut tasks = JoinSet::new();
    for sender in 0..21 {
        let timeline = timeline.clone();
        tasks.spawn(async move {
            for number in 0..50 {
                send(&timeline, &format!("s{sender}"), "b", number).await;
            }
        });
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
    for (asked, given) in [(0, 100), (1, 1), (1_000, 1_000), (1_001, 1_000), (usize::MAX, 1_000)] {
        let answer = timeline.sync(&member("b"), seq(0), Count::new(asked)).await.unwrap();
        assert_eq!((answer.entries.len(), answer.latest_seq), (given, seq(1_050)));
    }
}

/// A page ends after 1 MiB, however many entries were asked for.
///
/// An entry that is larger than a page comes alone. Nothing is skipped.
pub async fn pages_end_after_1_mib(world: &dyn World) {
    let config = Config::default().message_bytes_max(PAGE_BYTES_MAX);
    let timeline = Timeline::start(config, world.start().await).unwrap();
    // As many bytes as the object around the text has, and an entry without names.
    let around = Entry::new(seq(1), Message::from_stored("{}")).bytes() - 2;
    let text = |bytes: usize| Message::new(format!("{{\"t\":\"{}\"}}", "x".repeat(bytes - 8))).unwrap();
    let quarter = PAGE_BYTES_MAX / 4 - around - 2;
    for bytes in [quarter, quarter, quarter, quarter, quarter, PAGE_BYTES_MAX, quarter] {
        let send = NewMessage { from: member("a"), to: member("b"), message: text(bytes), message_id: None };
        timeline.send(send).await.unwrap();
    }
    for (last_read, last) in [(0, 4), (4, 5), (5, 6), (6, 7)] {
        let answer = timeline.sync(&member("b"), seq(last_read), Count::new(1_000)).await.unwrap();
        assert_eq!((answer.entry_set_last_seq, answer.latest_seq), (seq(last), seq(7)));
        assert_eq!(answer.entries.len() as u64, last - last_read);
    }
    let count = Count::new(1_000);
    for (page, sequences, more) in [
        (PageRequest::after(seq(0), count), 1..=4, true),
        (PageRequest::after(seq(6), count), 7..=7, false),
        (PageRequest::before(seq(0), count), 7..=7, true),
        (PageRequest::before(seq(7), count), 6..=6, true),
        (PageRequest::before(seq(6), count), 2..=5, true),
        (PageRequest::before(seq(2), count), 1..=1, false),
        (PageRequest::before(seq(5), Count::new(4)), 1..=4, false),
        (PageRequest::before(seq(5), Count::new(3)), 2..=4, true),
    ] {
        let history = timeline.history(&pair("a", "b"), page).await.unwrap();
        let found: Vec<_> = history.entries.iter().map(|entry| entry.sequence.get()).collect();
        assert_eq!((found, history.more), (sequences.collect(), more), "{page:?}");
    }
}

/// The names in entries count as bytes of the page.
///
/// A page of short messages with long names is no larger than any other.
pub async fn pages_end_after_1_mib_of_names(world: &dyn World) {
    let timeline = open(world).await;
    let name = |letter: &str| letter.repeat(500);
    let each = 3 * 500;
    let sends = PAGE_BYTES_MAX / each + 20;
    let mut tasks = JoinSet::new();
    for number in 0..sends {
        let (from, to) = (member(&name("a")), member(&name("b")));
        let message_id = Some(MessageId::new(format!("{number:0500}")).unwrap());
        let send = NewMessage { from, to, message: Message::from_stored("{}"), message_id };
        let timeline = timeline.clone();
        tasks.spawn(async move { timeline.send(send).await.map(drop) });
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap().unwrap();
    }
    let page = timeline.sync(&member(&name("b")), seq(0), Count::new(1_000)).await.unwrap();
    let bytes: usize = page.entries.iter().map(Entry::bytes).sum();
    assert!(bytes <= PAGE_BYTES_MAX && page.entries.len() < sends, "{bytes} in {}", page.entries.len());
    assert!(bytes > PAGE_BYTES_MAX - 3 * each, "{bytes}");
}

/// A position beyond the end gives a reset, without entries and error.
///
/// The reader starts over.
pub async fn a_position_beyond_the_end_is_reset(world: &dyn World) {
    let timeline = open(world).await;
    for number in 1..=3 {
        send(&timeline, "a", "b", number).await;
    }
    for (last_read, reset) in [(0, false), (2, false), (3, false), (4, true), (9, true)] {
        let answer = timeline.sync(&member("b"), seq(last_read), Count::default()).await.unwrap();
        assert_eq!((answer.reset, answer.latest_seq, answer.floor), (reset, seq(3), seq(0)), "{last_read}");
        assert_eq!(answer.entries.is_empty(), last_read >= 3);
    }
    let answer = timeline.sync(&member("nobody"), seq(1), Count::default()).await.unwrap();
    assert!(answer.reset && answer.entries.is_empty());
}

/// A position with another tag gives a reset.
///
/// This is what happens after a restore that went on differently: only the reader's own tag at its
/// place lets it go on.
pub async fn a_position_with_another_tag_is_reset(world: &dyn World) {
    let timeline = open(world).await;
    for number in 1..=3 {
        send(&timeline, "a", "b", number).await;
    }
    let all = timeline.sync(&member("b"), seq(0), Count::default()).await.unwrap();
    assert!(!all.reset);
    for entry in &all.entries {
        let position = Position::new(entry.sequence, entry.tag);
        let answer = timeline.sync(&member("b"), position, Count::default()).await.unwrap();
        assert_eq!((answer.reset, answer.generation), (false, all.generation));
        assert_eq!(answer.entries.len() as u64, 3 - entry.sequence.get());
        let other = Tag::new(entry.tag.unwrap().get() ^ 1);
        let answer = timeline
            .sync(&member("b"), Position::new(entry.sequence, Some(other)), Count::default())
            .await
            .unwrap();
        assert!(answer.reset && answer.entries.is_empty());
        assert_eq!((answer.latest_seq, answer.floor, answer.generation), (seq(3), seq(0), all.generation));
    }
    // Before the first entry there is nothing to compare.
    let start = Position::new(seq(0), Some(Tag::new(7)));
    assert!(!timeline.sync(&member("b"), start, Count::default()).await.unwrap().reset);
}

/// A reader that goes on from what it got gets everything once.
///
/// This holds while entries are being written.
pub async fn readers_among_writers_miss_nothing(world: &dyn World) {
    const SENDERS: u64 = 8;
    const EACH: u64 = 25;
    let timeline = open(world).await;
    let mut tasks = JoinSet::new();
    for _ in 0..3 {
        tasks.spawn(read_until(timeline.clone(), SENDERS * EACH));
    }
    for sender in 0..SENDERS {
        let timeline = timeline.clone();
        tasks.spawn(async move {
            for number in 0..EACH {
                send(&timeline, &format!("s{sender}"), "b", number).await;
            }
        });
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
}

async fn read_until(timeline: Timeline, last: u64) {
    let (mut all, mut is_more_coming) = (Vec::new(), false);
    while (all.len() as u64) < last {
        let answer = timeline.sync(&member("b"), seq(all.len() as u64), Count::new(9)).await.unwrap();
        let end = answer.entries.last().map_or_else(|| seq(all.len() as u64), |entry| entry.sequence);
        // A page that is neither full nor at the latest entry ends where one is being written. Who
        // goes on there waits for it.
        assert!(!is_more_coming || !answer.entries.is_empty(), "a reader at {end} waited in vain");
        is_more_coming = answer.entries.len() < 9 && end < answer.latest_seq;
        append_contiguous(&mut all, &answer.entries);
        tokio::task::yield_now().await;
    }
}
