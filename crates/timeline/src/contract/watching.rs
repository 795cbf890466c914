//! Laws of watching.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::world::*;
use crate::{Count, ErrorKind, InboxPage, Position, Tag, Timeline, Watch};

/// The next page, which must come.
async fn next(watch: &mut Watch) -> InboxPage {
    timeout(GRACE, watch.next()).await.expect("the watch hangs").unwrap()
}

/// Checks that nothing comes for now: what a store has to tell is there when it answers a send.
async fn nothing(watch: &mut Watch) {
    let read = timeout(Duration::from_millis(50), watch.next()).await;
    assert!(read.is_err(), "{read:?}");
}

fn watch(timeline: &Timeline, id: &str, last_read: u64) -> Watch {
    timeline.watch(&member(id), seq(last_read))
}

fn sequences(page: &InboxPage) -> Vec<u64> {
    page.entries.iter().map(|entry| entry.sequence.get()).collect()
}

/// Takes pages until the watch has come to `last`, and returns the texts.
///
/// Each entry comes once, in order; only what is below the floor of a page may be left out.
async fn read_until(watch: &mut Watch, last: u64) -> Vec<String> {
    let (mut read_to, mut all) = (watch.position().sequence.get(), Vec::new());
    while read_to < last {
        let page = next(watch).await;
        assert!(!page.reset, "{page:?}");
        read_to = read_to.max(page.floor.get());
        for entry in &page.entries {
            assert_eq!(entry.sequence.get(), read_to + 1, "a gap or a repetition");
            read_to += 1;
            all.push(entry.message.to_string());
        }
        assert!(page.latest_seq.get() >= read_to);
    }
    all
}

/// A watcher gets what was missed after its position, then each entry as it comes.
///
/// That many were missed makes no difference: they come in pages.
pub async fn a_watcher_gets_what_was_missed_and_then_what_comes(world: &dyn World) {
    let timeline = open(world).await;
    send_all(&timeline, "b", 1..=130).await;
    let mut from_start = watch(&timeline, "b", 0);
    assert_eq!(read_until(&mut from_start, 130).await, texts(1..=130));
    nothing(&mut from_start).await;
    let mut from_middle = watch(&timeline, "b", 128);
    assert_eq!(sequences(&next(&mut from_middle).await), [129, 130]);
    let mut early = watch(&timeline, "new", 0);
    nothing(&mut early).await;
    for number in 131..=133 {
        send(&timeline, "a", "b", number).await;
        send(&timeline, "a", "new", number).await;
        for watch in [&mut from_start, &mut from_middle] {
            assert_eq!(sequences(&next(watch).await), [number]);
        }
        assert_eq!(sequences(&next(&mut early).await), [number - 130]);
    }
    nothing(&mut from_start).await;
    let page = timeline.sync(&member("b"), from_start.position(), Count::default()).await.unwrap();
    assert!(!page.reset && page.entries.is_empty(), "its position is that of a reader: {page:?}");
}

/// Among writers and acknowledgements each watcher gets each entry once, in order.
///
/// A slow one may miss what was freed, and is told the floor. One that acknowledges what it read
/// itself misses nothing.
pub async fn watchers_among_writers_and_acknowledgements_skip_and_repeat_nothing(world: &dyn World) {
    const SENDERS: u64 = 6;
    const EACH: u64 = 30;
    let timeline = open(world).await;
    let mut tasks = JoinSet::new();
    for _ in 0..2 {
        let timeline = timeline.clone();
        tasks.spawn(async move {
            let mut slow = watch(&timeline, "b", 0);
            tokio::task::yield_now().await;
            read_until(&mut slow, SENDERS * EACH).await;
        });
    }
    for sender in 0..SENDERS {
        let timeline = timeline.clone();
        tasks.spawn(async move {
            for number in 0..EACH {
                send(&timeline, &format!("s{sender}"), "b", sender * EACH + number).await;
            }
        });
    }
    let mut own = watch(&timeline, "b", 0);
    let mut all = Vec::new();
    for last in (10..=SENDERS * EACH).step_by(10) {
        all.extend(read_until(&mut own, last).await);
        timeline.ack(&member("b"), own.position().sequence).await.unwrap();
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
    all.sort_unstable();
    let mut expected = texts(0..SENDERS * EACH);
    expected.sort_unstable();
    assert_eq!(all, expected);
}

/// A watcher whose position is below the floor begins with what is left.
///
/// If nothing is left, it is told the floor all the same, once.
pub async fn a_watcher_behind_the_floor_begins_above_it(world: &dyn World) {
    let timeline = open(world).await;
    send_all(&timeline, "b", 1..=6).await;
    timeline.ack(&member("b"), seq(4)).await.unwrap();
    let mut behind = watch(&timeline, "b", 1);
    let page = next(&mut behind).await;
    assert_eq!((sequences(&page), page.floor, page.reset), (vec![5, 6], seq(4), false));
    nothing(&mut behind).await;
    timeline.ack(&member("b"), seq(6)).await.unwrap();
    let mut empty = watch(&timeline, "b", 1);
    let page = next(&mut empty).await;
    assert_eq!((sequences(&page), page.floor, page.reset), (vec![], seq(6), false));
    nothing(&mut empty).await;
    // A reader that has read all knows that nothing is missing.
    let mut complete = watch(&timeline, "b", 6);
    nothing(&mut complete).await;
    send(&timeline, "a", "b", 7).await;
    for watch in [&mut empty, &mut complete] {
        assert_eq!(sequences(&next(watch).await), [7]);
    }
}

/// A watcher hears that its inbox was freed, by whichever device of the member.
///
/// Nothing it has not got is left out for that: the page says how far the inbox is free now.
pub async fn a_watcher_hears_that_its_inbox_was_freed(world: &dyn World) {
    let timeline = open(world).await;
    send_all(&timeline, "b", 1..=6).await;
    let mut watch = watch(&timeline, "b", 0);
    assert_eq!(sequences(&next(&mut watch).await), [1, 2, 3, 4, 5, 6]);
    for floor in [2, 5] {
        timeline.ack(&member("b"), seq(floor)).await.unwrap();
        let page = next(&mut watch).await;
        assert_eq!((sequences(&page), page.floor, page.reset), (vec![], seq(floor), false));
        timeline.ack(&member("b"), seq(1)).await.unwrap();
        nothing(&mut watch).await;
    }
    send(&timeline, "a", "b", 7).await;
    let page = next(&mut watch).await;
    assert_eq!((sequences(&page), page.floor), (vec![7], seq(5)));
}

/// A watcher whose position is not of this inbox is told so once.
///
/// It goes on from the floor by itself.
pub async fn a_watcher_is_told_of_a_reset_and_goes_on(world: &dyn World) {
    let timeline = open(world).await;
    send_all(&timeline, "b", 1..=3).await;
    timeline.ack(&member("b"), seq(1)).await.unwrap();
    let other = Position::new(seq(3), Some(Tag::new(7)));
    for position in [Position::from(seq(9)), other] {
        let mut watch = timeline.watch(&member("b"), position);
        let page = next(&mut watch).await;
        assert!(page.reset && page.entries.is_empty(), "{page:?}");
        assert_eq!(page.floor, seq(1));
        let page = next(&mut watch).await;
        assert_eq!((sequences(&page), page.reset), (vec![2, 3], false));
        nothing(&mut watch).await;
    }
    let mut nobodys = watch(&timeline, "nobody", 4);
    assert!(next(&mut nobodys).await.reset);
    nothing(&mut nobodys).await;
    send(&timeline, "a", "nobody", 4).await;
    assert_eq!(sequences(&next(&mut nobodys).await), [1]);
}

/// Many watchers of one inbox each get everything, those that come late as well.
///
/// That others leave makes no difference.
pub async fn many_watchers_of_one_inbox_get_everything(world: &dyn World) {
    const LAST: u64 = 30;
    let timeline = open(world).await;
    let mut tasks = JoinSet::new();
    for number in 0..40 {
        let timeline = timeline.clone();
        let mut watch = watch(&timeline, "b", 0);
        tasks.spawn(async move {
            // Every fourth one leaves early.
            let last = if number % 4 == 0 { LAST / 3 } else { LAST };
            let all = read_until(&mut watch, last).await;
            assert!(all.starts_with(&texts(1..=last)), "{all:?}");
        });
    }
    send_all(&timeline, "b", 1..=LAST / 2).await;
    for _ in 0..10 {
        let timeline = timeline.clone();
        tasks.spawn(async move {
            let all = read_until(&mut watch(&timeline, "b", 0), LAST).await;
            assert_eq!(all, texts(1..=LAST));
        });
    }
    send_all(&timeline, "b", LAST / 2 + 1..=LAST).await;
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
}

/// A call that is dropped while it waits, or reads, loses nothing.
pub async fn a_watcher_that_stops_waiting_loses_nothing(world: &dyn World) {
    const LAST: u64 = 40;
    let timeline = open(world).await;
    let mut watch = watch(&timeline, "b", 0);
    let (mut all, sender) = (Vec::new(), timeline.clone());
    let mut tasks = JoinSet::new();
    tasks.spawn(async move { send_all(&sender, "b", 1..=LAST).await });
    let reading = async {
        while (all.len() as u64) < LAST {
            // With no time at all the call is polled once, and dropped wherever it is.
            match timeout(Duration::ZERO, watch.next()).await {
                Ok(page) => append_contiguous(&mut all, &page.unwrap().entries),
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    timeout(GRACE, reading).await.expect("an entry is lost");
    assert_eq!(all, texts(1..=LAST));
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
}

/// A watcher hears of its own inbox only, and its reading is no acknowledgement.
pub async fn a_watcher_hears_of_no_other_inbox(world: &dyn World) {
    let timeline = open(world).await;
    let mut watch = watch(&timeline, "b", 0);
    send(&timeline, "a", "c", 1).await;
    timeline.send_group(group_send("b", &["a", "c"], 2)).await.unwrap();
    timeline.ack(&member("c"), seq(2)).await.unwrap();
    nothing(&mut watch).await;
    timeline.send_group(group_send("g", &["c", "b"], 3)).await.unwrap();
    assert_eq!(sequences(&next(&mut watch).await), [1]);
    timeline.received(&member("b"), seq(1)).await.unwrap();
    nothing(&mut watch).await;
    drop(watch);
    assert_eq!(inbox(&timeline, "b").await, texts([3]));
}

/// The end of a store ends those that watch it, whether they wait or not.
///
/// Their error is [`Closed`](crate::ErrorKind::Closed), now and from then on.
pub async fn a_closed_store_ends_its_watchers(world: &dyn World) {
    let timeline = open(world).await;
    send(&timeline, "a", "b", 1).await;
    let mut waiting = watch(&timeline, "b", 1);
    let mut behind = watch(&timeline, "b", 0);
    nothing(&mut waiting).await;
    let ended = async { timeout(GRACE, waiting.next()).await.expect("the watch hangs") };
    let (ended, is_down) = tokio::join!(ended, timeline.shutdown(GRACE));
    assert!(is_down);
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Closed);
    let mut late = watch(&timeline, "b", 0);
    for watch in [&mut waiting, &mut behind, &mut late] {
        for _ in 0..2 {
            let ended = timeout(GRACE, watch.next()).await.expect("the watch hangs");
            assert_eq!(ended.unwrap_err().kind(), ErrorKind::Closed);
        }
    }
}
