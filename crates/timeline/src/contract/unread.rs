//! Laws of unread messages.

use tokio::task::JoinSet;

use super::calls::*;
use super::world::*;
use crate::{Conversation, Count, GroupName, NewGroup, Timeline, Unread};

/// What was sent and not read is unread, for each member by themselves.
pub async fn messages_are_unread_until_they_are_read(world: &dyn World) {
    let timeline = open(world).await;
    let (ab, bc, g) = (pair("a", "b"), pair("b", "c"), group("g"));
    assert_eq!(unread(&timeline, "b", &ab).await, 0, "never heard of");
    for number in 1..=4 {
        say(&timeline, "a", "b", number).await;
        say_to(&timeline, "a", "g", &["a", "b", "c"], number).await;
    }
    say(&timeline, "c", "b", 5).await;
    for (id, conversation, expected) in
        [("a", &ab, 0), ("b", &ab, 4), ("b", &bc, 1), ("c", &bc, 0), ("b", &g, 4), ("a", &g, 0), ("x", &g, 0)]
    {
        assert_eq!(unread(&timeline, id, conversation).await, expected, "{id} {conversation:?}");
    }
    for (place, left) in [(1, 3), (3, 1), (2, 1), (4, 0)] {
        assert!(read_to(&timeline, "b", &ab, place).await.is_ok());
        assert_eq!(unread(&timeline, "b", &ab).await, left);
        let seen = view(&timeline, "b", &ab).await;
        assert_eq!((seen.unread, seen.latest), (Unread::new(left.into()), seq(4)));
    }
    assert_eq!(unread(&timeline, "b", &g).await, 4);
    timeline.ack(&member("b"), seq(9)).await.unwrap();
    assert_eq!(unread(&timeline, "c", &g).await, 4);
    assert_eq!(unread(&timeline, "b", &g).await, 4, "what was received is not read");
    say(&timeline, "b", "c", 6).await;
    assert_eq!(unread(&timeline, "b", &bc).await, 0, "who answers has read");
    assert_eq!(unread(&timeline, "c", &bc).await, 1);
}

/// Edits, recalls and deletions are no unread messages.
///
/// A message that was taken back is none any more, wherever the cursor is, and counts off once.
pub async fn changes_are_not_unread_and_recalled_messages_neither(world: &dyn World) {
    let timeline = open(world).await;
    let ab = pair("a", "b");
    for number in 1..=5 {
        say(&timeline, "a", "b", number).await;
    }
    assert_eq!(read_to(&timeline, "b", &ab, 2).await, Ok(2));
    let count = async || unread(&timeline, "b", &ab).await;
    assert_eq!(count().await, 3);
    assert!(edit(&timeline, &ab, 4, Some("a"), 9).await.is_ok());
    assert_eq!(count().await, 3);
    assert!(edit(&timeline, &ab, 1, Some("a"), 9).await.is_ok());
    assert_eq!(count().await, 3);
    for _ in 0..2 {
        assert!(recall(&timeline, &ab, 1, Some("a")).await.is_ok());
        assert_eq!(count().await, 3, "that one was read");
    }
    for _ in 0..2 {
        assert!(recall(&timeline, &ab, 4, Some("a")).await.is_ok());
        assert_eq!(count().await, 2);
    }
    assert!(delete(&timeline, &ab, 4, None).await.is_ok());
    assert_eq!(count().await, 2, "it was counted off before");
    assert!(delete(&timeline, &ab, 5, None).await.is_ok());
    assert_eq!(count().await, 1);
    assert_eq!(say(&timeline, "a", "b", 6).await, 12);
    assert_eq!(count().await, 2);
    assert_eq!(read_to(&timeline, "b", &ab, 3).await, Ok(3));
    assert_eq!(count().await, 1);
    assert_eq!(read_to(&timeline, "b", &ab, 11).await, Ok(11));
    assert_eq!(count().await, 1);
    assert_eq!(read_to(&timeline, "b", &ab, 12).await, Ok(12));
    assert_eq!(count().await, 0);
    assert!(timeline.shutdown(GRACE).await);
    let timeline = open(world).await;
    assert_eq!(unread(&timeline, "b", &ab).await, 0);
    assert_eq!(say(&timeline, "a", "b", 7).await, 13);
    assert_eq!(unread(&timeline, "b", &ab).await, 1);
}

/// What was sent before a member came is not unread to them.
///
/// Who joins a group, or gets a message of it for the first time, begins there; who comes again
/// begins again, also by being sent to.
pub async fn what_was_sent_before_a_member_came_is_not_unread(world: &dyn World) {
    let timeline = open(world).await;
    let (g, name) = (group("g"), GroupName::new("g").unwrap());
    say_to(&timeline, "a", "g", &["a", "b"], 1).await;
    say_to(&timeline, "a", "g", &["a", "b"], 2).await;
    say_to(&timeline, "a", "g", &["a", "b", "c"], 3).await;
    assert_eq!(unread(&timeline, "b", &g).await, 3);
    assert_eq!(unread(&timeline, "c", &g).await, 1);
    timeline.create_group(NewGroup::new(name.clone()).members([member("a"), member("d")])).await.unwrap();
    timeline.join_group(&name, vec![member("e")]).await.unwrap();
    assert_eq!((unread(&timeline, "d", &g).await, unread(&timeline, "e", &g).await), (0, 0));
    say_to(&timeline, "a", "g", &["a", "d", "e"], 4).await;
    assert_eq!((unread(&timeline, "d", &g).await, unread(&timeline, "e", &g).await), (1, 1));
    timeline.leave_group(&name, vec![member("e")]).await.unwrap();
    for number in 5..=7 {
        say_to(&timeline, "a", "g", &["a", "d"], number).await;
    }
    timeline.join_group(&name, vec![member("e"), member("d")]).await.unwrap();
    assert_eq!(unread(&timeline, "e", &g).await, 0, "who comes again begins again");
    assert_eq!(unread(&timeline, "d", &g).await, 4, "who was there does not");
    say_to(&timeline, "a", "g", &["a", "d", "e"], 8).await;
    assert_eq!((unread(&timeline, "d", &g).await, unread(&timeline, "e", &g).await), (5, 1));
    assert_eq!(read_to(&timeline, "e", &g, 1).await, Ok(1));
    assert_eq!(unread(&timeline, "e", &g).await, 1);
    timeline.leave_group(&name, vec![member("d"), member("e")]).await.unwrap();
    say_to(&timeline, "a", "g", &["a"], 9).await;
    say_to(&timeline, "a", "g", &["a"], 10).await;
    say_to(&timeline, "a", "g", &["a", "d"], 11).await;
    say_to(&timeline, "e", "g", &["a", "d", "e"], 12).await;
    say_to(&timeline, "a", "g", &["a", "d", "e"], 13).await;
    assert_eq!((unread(&timeline, "d", &g).await, unread(&timeline, "e", &g).await), (3, 1));
    timeline.join_group(&name, vec![member("d")]).await.unwrap();
    assert_eq!(unread(&timeline, "d", &g).await, 3, "they were back before");
    // One who only sent was not there, either.
    say_to(&timeline, "news", "g", &["a"], 14).await;
    say_to(&timeline, "a", "g", &["a"], 15).await;
    say_to(&timeline, "a", "g", &["a", "news"], 16).await;
    assert_eq!(unread(&timeline, "news", &g).await, 1);
    assert!(!view(&timeline, "news", &g).await.has_left);
}

/// Unread messages are exact up to 999, and 1,000 stands for more.
pub async fn unread_messages_are_counted_up_to_1000(world: &dyn World) {
    let timeline = open(world).await;
    let ab = pair("a", "b");
    let mut tasks = JoinSet::new();
    for task in 0..20 {
        let timeline = timeline.clone();
        tasks.spawn(async move {
            for number in 0..51 {
                say(&timeline, "a", "b", task * 51 + number).await;
            }
        });
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
    let count = async || timeline.unread(&member("b"), &ab).await.unwrap();
    let capped = async || {
        let unread = count().await;
        (unread.get(), unread.is_capped(), unread.to_string())
    };
    assert_eq!(capped().await, (1_000, true, "999+".to_owned()));
    assert_eq!(read_to(&timeline, "b", &ab, 20).await, Ok(20));
    assert_eq!(capped().await, (1_000, true, "999+".to_owned()));
    assert_eq!(read_to(&timeline, "b", &ab, 21).await, Ok(21));
    assert_eq!(capped().await, (999, false, "999".to_owned()));
    assert!(recall(&timeline, &ab, 500, Some("a")).await.is_ok());
    assert_eq!(capped().await, (998, false, "998".to_owned()));
    for number in 0..3 {
        say(&timeline, "a", "b", number).await;
    }
    assert_eq!(capped().await, (1_000, true, "999+".to_owned()));
    assert_eq!(view(&timeline, "b", &ab).await.unread, count().await);
}

/// The unread conversations of a member are listed in pages, and no others.
pub async fn unread_conversations_are_listed_in_pages(world: &dyn World) {
    let timeline = open(world).await;
    let name = GroupName::new("g").unwrap();
    timeline.create_group(NewGroup::new(name.clone()).members([member("b")])).await.unwrap();
    for number in 0..12 {
        let from = format!("p{number:02}");
        say(&timeline, &from, "b", 1).await;
        say(&timeline, &from, "b", 2).await;
        let (conversation, even) = (pair(&from, "b"), number % 2 == 0);
        assert!(read_to(&timeline, "b", &conversation, if even { 2 } else { 1 }).await.is_ok());
    }
    say_to(&timeline, "x", "g", &["b"], 3).await;
    let mut expected: Vec<_> = (0..6).map(|number| pair(&format!("p{:02}", number * 2 + 1), "b")).collect();
    expected.push(group("g"));
    for count in [1, 3, 100] {
        same(listed_unread(&timeline, "b", count).await, &expected);
    }
    assert!(listed_unread(&timeline, "p01", 2).await.is_empty());
    assert!(listed_unread(&timeline, "nobody", 2).await.is_empty());
    timeline.leave_group(&name, vec![member("b")]).await.unwrap();
    timeline.clear(&member("b"), &expected[0]).await.unwrap();
    same(listed_unread(&timeline, "b", 2).await, &expected[1..6]);
    assert!(timeline.shutdown(GRACE).await);
    let timeline = open(world).await;
    same(listed_unread(&timeline, "b", 2).await, &expected[1..6]);
}

async fn listed_unread(timeline: &Timeline, id: &str, count: usize) -> Vec<Conversation> {
    let mut all = Vec::new();
    loop {
        let page = timeline.unread_of(&member(id), all.last(), Count::new(count)).await.unwrap();
        assert!(page.views.len() <= count && (page.views.len() == count || !page.more), "{page:?}");
        assert!(page.views.iter().all(|view| view.unread.get() == 1 && !view.has_left), "{page:?}");
        all.extend(page.views.into_iter().map(|view| view.conversation));
        if !page.more {
            return all;
        }
    }
}

/// Checks that these are the same conversations, in whatever order.
fn same(mut found: Vec<Conversation>, expected: &[Conversation]) {
    let mut expected = expected.to_vec();
    for list in [&mut found, &mut expected] {
        list.sort_by_key(|conversation| format!("{conversation:?}"));
    }
    assert_eq!(found, expected);
}

/// Among senders and readers the count is never below what nobody has read.
///
/// At the end it is exact.
pub async fn unread_counts_are_exact_after_concurrent_calls(world: &dyn World) {
    const SENDERS: u64 = 6;
    const EACH: u64 = 15;
    let timeline = open(world).await;
    let g = group("g");
    let mut tasks = JoinSet::new();
    for sender in 0..SENDERS {
        let (timeline, g) = (timeline.clone(), g.clone());
        tasks.spawn(async move {
            let from = format!("s{sender}");
            for number in 0..EACH {
                let place = say_to(&timeline, &from, "g", &["b", "c"], number).await;
                if number % 5 == 0 {
                    recall(&timeline, &g, place, Some(&from)).await.unwrap();
                }
                assert!(read_to(&timeline, "c", &g, place).await.unwrap() >= place);
            }
        });
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
    assert_eq!(u64::from(unread(&timeline, "b", &g).await), SENDERS * EACH * 4 / 5);
    let read = view(&timeline, "c", &g).await.read;
    let history = history_entries(&timeline, &g).await;
    let left = history.iter().filter(|entry| entry.place > read).map(told).filter(|told| !told.contains(' '));
    let left = left.filter(|told| told != "recalled").count();
    assert_eq!(unread(&timeline, "c", &g).await, u32::try_from(left).unwrap());
}
