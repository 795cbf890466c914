//! Laws of changes among other calls.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::calls::*;
use super::world::*;
use crate::{Count, ErrorKind, Timeline, Watch};

/// Changes of one message at the same time leave one text, the same everywhere.
///
/// Each that took effect is told once, in the order in which they took effect.
pub async fn concurrent_edits_leave_one_text(world: &dyn World) {
    const EDITS: u64 = 20;
    let timeline = open(world).await;
    let ab = pair("a", "b");
    say(&timeline, "a", "b", 0).await;
    let mut tasks = JoinSet::new();
    for number in 1..=EDITS {
        let (timeline, ab) = (timeline.clone(), ab.clone());
        tasks.spawn(async move { edit(&timeline, &ab, 1, Some("a"), number).await.unwrap() });
    }
    let mut places = Vec::new();
    while let Some(place) = tasks.join_next().await {
        places.push(place.unwrap());
    }
    places.sort_unstable();
    assert_eq!(places, (2..=EDITS + 1).collect::<Vec<_>>());
    let history = history_told(&timeline, &ab).await;
    let text = history[0].strip_suffix('*').unwrap().to_owned();
    assert!((1..=EDITS).any(|number| number.to_string() == text), "{text}");
    assert_eq!(history[1..], vec![format!("edit 1 {text}"); 20]);
    for id in ["a", "b"] {
        assert_eq!(inbox_told(&timeline, id).await, history);
    }
}

/// Of recalls and edits at the same time the recall wins in the end.
///
/// Concurrent repetitions of it have one effect.
pub async fn concurrent_recalls_have_one_effect(world: &dyn World) {
    let timeline = open(world).await;
    let ab = pair("a", "b");
    for place in 1..=6 {
        say(&timeline, "a", "b", place).await;
    }
    for place in 1..=6 {
        let (mut tasks, mut edits) = (JoinSet::new(), 0);
        for number in 0..12 {
            let (timeline, ab) = (timeline.clone(), ab.clone());
            tasks.spawn(async move {
                if number % 3 == 0 {
                    (true, edit(&timeline, &ab, place, Some("a"), 100 + number).await)
                } else {
                    (false, recall(&timeline, &ab, place, Some("a")).await)
                }
            });
        }
        let mut recalls = Vec::new();
        while let Some(done) = tasks.join_next().await {
            match done.unwrap() {
                (true, Ok(_)) => edits += 1,
                (true, Err(kind)) => assert_eq!(kind, ErrorKind::Conflict),
                (false, place) => recalls.push(place.unwrap()),
            }
        }
        recalls.dedup();
        assert_eq!(recalls.len(), 1, "{recalls:?}");
        let history = history_told(&timeline, &ab).await;
        let number_of = |word: &str| history.iter().filter(|told| **told == word).count();
        assert_eq!(number_of(&format!("recall {place}")), 1);
        assert_eq!(number_of(&format!("edit {place} -")), edits);
        assert_eq!(inbox_told(&timeline, "b").await, history);
    }
}

/// Among sends and acknowledgements changes leave no gap, and none is lost.
pub async fn changes_among_sends_leave_no_gap(world: &dyn World) {
    const SENDERS: u64 = 6;
    const EACH: u64 = 12;
    let timeline = open(world).await;
    let mut tasks = JoinSet::new();
    for sender in 0..SENDERS {
        let timeline = timeline.clone();
        tasks.spawn(async move {
            let from = format!("s{sender}");
            for number in 0..EACH {
                let place = say_to(&timeline, &from, "g", &["b", "c"], number).await;
                let done = match number % 3 {
                    0 => recall(&timeline, &group("g"), place, Some(&from)).await.map(drop),
                    1 => edit(&timeline, &group("g"), place, Some(&from), 100 + number).await.map(drop),
                    _ => timeline.ack(&member("c"), seq(place)).await.map(drop).map_err(|error| error.kind()),
                };
                done.unwrap();
            }
        });
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
    let history = history_told(&timeline, &group("g")).await;
    assert_eq!(inbox_told(&timeline, "b").await, history);
    let rest = inbox_told(&timeline, "c").await;
    assert_eq!(rest, history[history.len() - rest.len()..]);
    let number_of = |fits: &dyn Fn(&str) -> bool| history.iter().filter(|told| fits(told)).count() as u64;
    assert_eq!(number_of(&|told| told == "recalled"), SENDERS * EACH / 3);
    assert_eq!(number_of(&|told| told.starts_with("recall ")), SENDERS * EACH / 3);
    assert_eq!(number_of(&|told| told.ends_with('*')), SENDERS * EACH / 3);
    assert_eq!(number_of(&|told| told.starts_with("edit ")), SENDERS * EACH / 3);
    assert_eq!(history.len() as u64, SENDERS * EACH * 5 / 3);
}

/// A change whose call is dropped takes effect whole or not at all.
pub async fn a_dropped_change_takes_effect_whole_or_not_at_all(world: &dyn World) {
    const MESSAGES: u64 = 30;
    let timeline = open(world).await;
    let g = group("g");
    for number in 1..=MESSAGES {
        say_to(&timeline, "a", "g", &["a", "b", "c"], number).await;
    }
    for place in 1..=MESSAGES {
        // With no time at all the call is polled once, and dropped wherever it is.
        let call = recall(&timeline, &g, place, Some("a"));
        if let Ok(answer) = timeout(Duration::ZERO, call).await {
            assert!(answer.is_ok(), "{answer:?}");
        }
    }
    // What was dropped is behind what comes after the end of the store.
    assert!(timeline.shutdown(GRACE).await);
    let timeline = open(world).await;
    let history = history_told(&timeline, &g).await;
    let recalled = history.iter().filter(|told| *told == "recalled").count();
    assert_eq!(history.len(), 30 + recalled);
    for place in 1..=MESSAGES {
        let is_told = history.contains(&format!("recall {place}"));
        let expected = if is_told { "recalled".to_owned() } else { place.to_string() };
        assert_eq!(history[usize::try_from(place).unwrap() - 1], expected);
    }
    for id in ["a", "b", "c"] {
        assert_eq!(inbox_told(&timeline, id).await, history);
    }
    assert_eq!(usize::try_from(unread(&timeline, "b", &g).await).unwrap(), 30 - recalled);
}

/// A watcher is told of each change once, by the entry that tells of it.
///
/// One that has not come to the message yet gets it as it is now.
pub async fn a_watcher_is_told_of_changes(world: &dyn World) {
    let timeline = open(world).await;
    let ab = pair("a", "b");
    say(&timeline, "a", "b", 1).await;
    say(&timeline, "a", "b", 2).await;
    let mut watch = timeline.watch(&member("b"), seq(0));
    assert_eq!(next(&mut watch).await, ["1", "2"]);
    assert_eq!(edit(&timeline, &ab, 1, Some("a"), 3).await, Ok(3));
    assert_eq!(next(&mut watch).await, ["edit 1 3"]);
    assert_eq!(recall(&timeline, &ab, 2, Some("a")).await, Ok(4));
    assert_eq!(recall(&timeline, &ab, 2, Some("a")).await, Ok(4));
    assert_eq!(next(&mut watch).await, ["recall 2"]);
    say(&timeline, "a", "b", 4).await;
    assert_eq!(next(&mut watch).await, ["4"]);
    let mut late = timeline.watch(&member("b"), seq(0));
    assert_eq!(next(&mut late).await, ["3*", "recalled", "edit 1 3", "recall 2", "4"]);
}

async fn next(watch: &mut Watch) -> Vec<String> {
    let page = timeout(GRACE, watch.next()).await.expect("the watch hangs").unwrap();
    page.entries.iter().map(told).collect()
}

/// Changes are there after opening again, and further ones go on from them.
pub async fn changes_are_there_after_opening_again(world: &dyn World) {
    let timeline = open(world).await;
    let ab = pair("a", "b");
    for number in 1..=3 {
        say(&timeline, "a", "b", number).await;
    }
    assert_eq!(edit(&timeline, &ab, 1, Some("a"), 4).await, Ok(4));
    assert_eq!(recall(&timeline, &ab, 2, Some("a")).await, Ok(5));
    let before = (history_entries(&timeline, &ab).await, inbox_entries(&timeline, "b").await);
    assert!(timeline.shutdown(GRACE).await);
    let timeline = open(world).await;
    let after = (history_entries(&timeline, &ab).await, inbox_entries(&timeline, "b").await);
    assert_eq!(after, before);
    assert_eq!(delete(&timeline, &ab, 2, None).await, Ok(6));
    assert_eq!(edit(&timeline, &ab, 3, Some("a"), 7).await, Ok(7));
    let expected = ["4*", "deleted", "7*", "edit 1 4", "recall 2", "deletion 2", "edit 3 7"];
    assert!(timeline.shutdown(GRACE).await);
    let timeline = open(world).await;
    assert_eq!(history_told(&timeline, &ab).await, expected);
    assert_eq!(inbox_told(&timeline, "a").await, expected);
}

/// Every call about changes, cursors and conversations fails after a shutdown.
///
/// The kind of the errors is [`Closed`](crate::ErrorKind::Closed).
pub async fn a_closed_store_says_so_of_conversations_too(world: &dyn World) {
    let timeline = open(world).await;
    let (ab, closed) = (pair("a", "b"), Err(ErrorKind::Closed));
    say(&timeline, "a", "b", 1).await;
    assert!(timeline.shutdown(GRACE).await);
    assert_eq!(edit(&timeline, &ab, 1, Some("a"), 2).await, closed);
    assert_eq!(recall(&timeline, &ab, 1, Some("a")).await, closed);
    assert_eq!(delete(&timeline, &ab, 1, None).await, closed);
    assert_eq!(read_to(&timeline, "b", &ab, 1).await, closed);
    all_closed(&timeline).await;
    let timeline = open(world).await;
    assert_eq!(inbox_told(&timeline, "b").await, ["1"]);
    assert_eq!(unread(&timeline, "b", &ab).await, 1);
}

async fn all_closed(timeline: &Timeline) {
    let (ab, b, count) = (pair("a", "b"), member("b"), Count::default());
    let answers = [
        timeline.read_of(&ab, std::slice::from_ref(&b)).await.map(drop),
        timeline.unread(&b, &ab).await.map(drop),
        timeline.unread_of(&b, None, count).await.map(drop),
        timeline.conversations(&b, None, count).await.map(drop),
        timeline.view(&b, &ab).await.map(drop),
        timeline.clear(&b, &ab).await,
        timeline.purge(&ab).await.map(drop),
        timeline.delete_member(&b).await.map(drop),
    ];
    for answer in answers {
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Closed);
    }
}
