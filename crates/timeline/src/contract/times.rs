//! Laws of times.

use tokio::task::JoinSet;

use super::calls::*;
use super::world::*;
use crate::{Count, Entry, PageRequest, Timeline};

/// A history is read from a time on, and backwards before a time.
///
/// The page begins and ends where the entries of that time do, and says whether there are more.
pub async fn histories_are_read_from_a_time_and_before_it(world: &dyn World) {
    let timeline = open(world).await;
    for number in 1..=9 {
        say(&timeline, "a", "b", number).await;
        if number % 2 == 0 {
            tick(&timeline).await;
        }
    }
    assert!(recall(&timeline, &pair("a", "b"), 4, Some("a")).await.is_ok());
    check_times(&timeline, 0).await;
    assert!(timeline.shutdown(GRACE).await);
    check_times(&open(world).await, 0).await;
}

/// Nothing below the floor is found by its time.
pub async fn no_time_finds_what_was_purged(world: &dyn World) {
    let timeline = open(world).await;
    let before = PageRequest::since(0, Count::default());
    let nothing = timeline.history(&pair("a", "b"), before).await.unwrap();
    assert!(nothing.entries.is_empty() && !nothing.more);
    for number in 1..=4 {
        say(&timeline, "a", "b", number).await;
    }
    timeline.purge(&pair("a", "b")).await.unwrap();
    tick(&timeline).await;
    for number in 6..=9 {
        say(&timeline, "a", "b", number).await;
        tick(&timeline).await;
    }
    check_times(&timeline, 4).await;
}

/// Asks for pages of every time that an entry has, and of those beside it.
async fn check_times(timeline: &Timeline, floor: u64) {
    let all = history_entries(timeline, &pair("a", "b")).await;
    let times = all.iter().map(|entry| entry.at_ms);
    let times: Vec<_> = times.flat_map(|at_ms| [at_ms - 1, at_ms, at_ms + 1]).chain([0, 1 << 50]).collect();
    for at_ms in times {
        let split = all.partition_point(|entry| entry.at_ms < at_ms);
        let (earlier, later) = all.split_at(split);
        for count in [1, 3, 100] {
            let asked = Count::new(count);
            let since = timeline.history(&pair("a", "b"), PageRequest::since(at_ms, asked)).await.unwrap();
            let expected: Vec<Entry> = later.iter().take(count).cloned().collect();
            assert_eq!((since.entries, since.more), (expected, later.len() > count), "since {at_ms}");
            let until = timeline.history(&pair("b", "a"), PageRequest::until(at_ms, asked)).await.unwrap();
            let expected = earlier[earlier.len().saturating_sub(count)..].to_vec();
            assert_eq!((until.entries, until.more), (expected, earlier.len() > count), "until {at_ms}");
            assert_eq!((since.floor, until.floor), (seq(floor), seq(floor)));
        }
    }
}

/// Times never fall within a history, and a message has one time everywhere.
///
/// In an inbox they may, after the clock was set back: each history goes on from its own last time.
pub async fn times_never_fall_within_a_history(world: &dyn World) {
    let timeline = open(world).await;
    let mut tasks = JoinSet::new();
    for task in 0..8 {
        let timeline = timeline.clone();
        tasks.spawn(async move {
            let from = format!("s{}", task % 3);
            for number in 0..15 {
                let place = say_to(&timeline, &from, "g", &["b", "c"], number).await;
                say(&timeline, &from, "b", number).await;
                if number % 4 == task % 4 {
                    recall(&timeline, &group("g"), place, Some(&from)).await.unwrap();
                }
            }
        });
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
    let history = history_entries(&timeline, &group("g")).await;
    let inboxes = [inbox_entries(&timeline, "b").await, inbox_entries(&timeline, "c").await];
    for conversation in [group("g"), pair("s0", "b"), pair("s1", "b"), pair("s2", "b")] {
        let entries = history_entries(&timeline, &conversation).await;
        assert!(entries.is_sorted_by_key(|entry| entry.at_ms), "{conversation:?}");
    }
    for entries in [&history, &inboxes[0], &inboxes[1]] {
        assert!(entries.iter().all(|entry| entry.changed_at_ms == 0 || entry.changed_at_ms >= entry.at_ms));
    }
    let of_group: Vec<_> = inboxes[0].iter().filter(|entry| entry.to == history[0].to).collect();
    assert_eq!(of_group.len(), history.len());
    for ((one, other), third) in of_group.iter().zip(&history).zip(&inboxes[1]) {
        assert_eq!((one.place, one.at_ms, one.tag), (other.place, other.at_ms, other.tag));
        assert_eq!((third.place, third.at_ms, third.tag), (other.place, other.at_ms, other.tag));
    }
}
