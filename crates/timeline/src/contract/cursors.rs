//! Laws of how far conversations were read.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::calls::*;
use super::world::*;
use crate::{Count, ErrorKind, InboxPage, Watch};

/// How far a member has read rises and never falls; both of a pair see it.
pub async fn a_read_cursor_rises_and_never_falls(world: &dyn World) {
    let timeline = open(world).await;
    let ab = pair("a", "b");
    for number in 1..=20 {
        say(&timeline, "a", "b", number).await;
    }
    assert_eq!(cursors(&timeline, &ab, &["b", "a", "x"]).await, [0, 20, 0], "what is sent is read");
    assert_eq!(read_to(&timeline, "b", &ab, 7).await, Ok(7));
    assert_eq!(read_to(&timeline, "b", &ab, 3).await, Ok(7));
    assert_eq!(cursors(&timeline, &ab, &["a", "b"]).await, [20, 7]);
    let mut tasks = JoinSet::new();
    for place in (1..=18).rev() {
        let (timeline, ab) = (timeline.clone(), ab.clone());
        tasks.spawn(
            async move { assert!(read_to(&timeline, "b", &ab, place).await.unwrap() >= place.max(7)) },
        );
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
    assert_eq!(cursors(&timeline, &ab, &["b"]).await, [18]);
    assert_eq!(view(&timeline, "b", &ab).await.read, seq(18));
    assert_eq!(list(&timeline, "a").await[0].peer_read, seq(18));
    assert_eq!(list(&timeline, "b").await[0].peer_read, seq(20));
    assert_eq!(inbox_entries(&timeline, "b").await.len(), 20, "reading frees nothing");
}

/// A cursor beyond the last entry is refused, and that of one who was never there.
pub async fn a_read_cursor_needs_a_conversation_that_reaches_it(world: &dyn World) {
    let timeline = open(world).await;
    let ab = pair("a", "b");
    assert_eq!(read_to(&timeline, "b", &ab, 0).await, Err(ErrorKind::NotFound));
    say(&timeline, "a", "b", 1).await;
    assert_eq!(read_to(&timeline, "x", &ab, 1).await, Err(ErrorKind::NotFound));
    assert_eq!(read_to(&timeline, "b", &group("b"), 1).await, Err(ErrorKind::NotFound));
    let refused = timeline.read(&member("b"), &ab, seq(2)).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert!(refused.to_string().starts_with("sequence: "), "{refused}");
    assert_eq!(cursors(&timeline, &ab, &["b", "x"]).await, [0, 0]);
    assert!(timeline.view(&member("x"), &ab).await.unwrap().is_none());
    assert_eq!(read_to(&timeline, "b", &ab, 1).await, Ok(1));
}

/// Each member of a group reads for themselves, and none for another conversation.
pub async fn each_member_of_a_group_has_a_read_cursor(world: &dyn World) {
    let timeline = open(world).await;
    let g = group("g");
    for number in 1..=5 {
        say_to(&timeline, "a", "g", &["a", "b", "c"], number).await;
    }
    say(&timeline, "a", "b", 6).await;
    assert_eq!(read_to(&timeline, "b", &g, 2).await, Ok(2));
    assert_eq!(read_to(&timeline, "c", &g, 4).await, Ok(4));
    assert_eq!(cursors(&timeline, &g, &["a", "b", "c"]).await, [5, 2, 4]);
    assert_eq!(cursors(&timeline, &pair("a", "b"), &["b"]).await, [0]);
    assert!(timeline.shutdown(GRACE).await);
    let timeline = open(world).await;
    assert_eq!(cursors(&timeline, &g, &["a", "b", "c"]).await, [5, 2, 4]);
    assert_eq!(read_to(&timeline, "b", &g, 1).await, Ok(2));
}

/// Who sends has read up to there; a change is no message, and raises nothing.
pub async fn a_send_raises_the_cursor_of_its_sender(world: &dyn World) {
    let timeline = open(world).await;
    let ab = pair("a", "b");
    say(&timeline, "a", "b", 1).await;
    say(&timeline, "a", "b", 2).await;
    assert_eq!(say(&timeline, "b", "a", 3).await, 3);
    assert_eq!(cursors(&timeline, &ab, &["a", "b"]).await, [2, 3]);
    assert_eq!(edit(&timeline, &ab, 1, Some("a"), 4).await, Ok(4));
    assert_eq!(cursors(&timeline, &ab, &["a", "b"]).await, [2, 3]);
    // Who only sends to a group, and gets no copy, counts as one who has left it.
    assert_eq!(say_to(&timeline, "news", "g", &["a"], 5).await, 1);
    assert_eq!(cursors(&timeline, &group("g"), &["news", "a"]).await, [1, 0]);
    assert!(view(&timeline, "news", &group("g")).await.has_left);
    assert!(listed(&timeline, "news").await.is_empty());
}

/// Other devices of the member, and in a pair the other member, hear of a cursor.
///
/// It is told once, with no entry; one that does not rise is not told.
pub async fn watchers_hear_how_far_others_have_read(world: &dyn World) {
    let timeline = open(world).await;
    let ab = pair("a", "b");
    for number in 1..=3 {
        say(&timeline, "a", "b", number).await;
    }
    say_to(&timeline, "a", "g", &["a", "b", "c"], 4).await;
    let watch = |id, last| timeline.watch(&member(id), seq(last));
    let (mut own, mut other, mut third) = (watch("b", 4), watch("a", 4), watch("c", 1));
    assert_eq!(read_to(&timeline, "b", &ab, 2).await, Ok(2));
    for watch in [&mut own, &mut other] {
        let page = next(watch).await;
        assert_eq!(told_cursors(&page), ["b 2"]);
        assert_eq!(page.cursors[0].conversation, ab);
        assert_eq!((page.entries.len(), page.latest_seq, page.floor), (0, seq(4), seq(0)));
        assert!(!page.reset && !page.cursors_cut);
    }
    assert_eq!(read_to(&timeline, "b", &ab, 1).await, Ok(2));
    assert_eq!(read_to(&timeline, "b", &ab, 2).await, Ok(2));
    nothing(&mut own).await;
    nothing(&mut other).await;
    assert_eq!(read_to(&timeline, "b", &group("g"), 1).await, Ok(1));
    assert_eq!(told_cursors(&next(&mut own).await), ["b 1"]);
    nothing(&mut other).await;
    nothing(&mut third).await;
    assert_eq!((own.position().sequence, other.position().sequence), (seq(4), seq(4)));
    let again = timeline.sync(&member("b"), seq(0), Count::default()).await.unwrap();
    assert!(again.cursors.is_empty() && !again.cursors_cut, "only a watch tells cursors");
}

/// Who sends and gets no copy hears on other devices how far they have read.
///
/// A copy says that itself: its sender has read up to it.
pub async fn who_gets_no_copy_hears_how_far_they_have_read(world: &dyn World) {
    let timeline = open(world).await;
    let g = group("g");
    say_to(&timeline, "a", "g", &["a", "b", "c"], 1).await;
    let watch = |id| timeline.watch(&member(id), seq(1));
    let (mut own, mut other) = (watch("b"), watch("a"));
    assert_eq!(say_to(&timeline, "b", "g", &["a", "c"], 2).await, 2);
    let page = next(&mut own).await;
    assert_eq!(told_cursors(&page), ["b 2"]);
    assert_eq!((&page.cursors[0].conversation, page.entries.len(), page.latest_seq), (&g, 0, seq(1)));
    let page = next(&mut other).await;
    assert_eq!((page.cursors.len(), page.entries.len()), (0, 1));
    nothing(&mut own).await;
    nothing(&mut other).await;
    assert_eq!(say_to(&timeline, "b", "g", &["a", "b", "c"], 3).await, 3);
    let page = next(&mut own).await;
    assert_eq!((page.cursors.len(), page.entries.len()), (0, 1));
    assert_eq!((page.entries[0].from.clone(), page.entries[0].place), (Some(member("b")), seq(3)));
    nothing(&mut own).await;
    assert_eq!(cursors(&timeline, &g, &["b"]).await, [3]);
}

/// In notes to oneself the one inbox is told once, and there is no other member.
pub async fn a_cursor_in_notes_to_oneself_is_told_once(world: &dyn World) {
    let timeline = open(world).await;
    let aa = pair("a", "a");
    say(&timeline, "a", "a", 1).await;
    assert!(recall(&timeline, &aa, 1, Some("a")).await.is_ok());
    assert_eq!(cursors(&timeline, &aa, &["a"]).await, [1]);
    let mut watch = timeline.watch(&member("a"), seq(2));
    assert_eq!(read_to(&timeline, "a", &aa, 2).await, Ok(2));
    assert_eq!(told_cursors(&next(&mut watch).await), ["a 2"]);
    nothing(&mut watch).await;
    assert_eq!(list(&timeline, "a").await[0].peer_read, seq(0));
}

/// Cursors that rise while nobody asks are told at once, each with its last place.
///
/// If there are too many of them, the page says so.
pub async fn cursors_that_rise_meanwhile_are_told_together(world: &dyn World) {
    let timeline = open(world).await;
    let ab = pair("a", "b");
    for number in 1..=9 {
        say(&timeline, "a", "b", number).await;
    }
    let mut watch = timeline.watch(&member("b"), seq(9));
    for place in 1..=9 {
        assert_eq!(read_to(&timeline, "b", &ab, place).await, Ok(place));
    }
    assert_eq!(told_cursors(&next(&mut watch).await), ["b 9"]);
    nothing(&mut watch).await;
    let peers: Vec<_> = (0..50).map(|number| format!("p{number}")).collect();
    for peer in &peers {
        say(&timeline, peer, "b", 1).await;
    }
    while watch.position().sequence < seq(59) {
        assert!(next(&mut watch).await.cursors.is_empty());
    }
    for peer in &peers[..20] {
        assert_eq!(read_to(&timeline, "b", &pair(peer, "b"), 1).await, Ok(1));
    }
    let page = next(&mut watch).await;
    assert_eq!((page.cursors.len(), page.cursors_cut), (20, false));
    for peer in &peers {
        say(&timeline, peer, "b", 2).await;
    }
    while watch.position().sequence < seq(109) {
        assert!(next(&mut watch).await.cursors.is_empty());
    }
    for peer in &peers {
        assert_eq!(read_to(&timeline, "b", &pair(peer, "b"), 2).await, Ok(2));
    }
    let page = next(&mut watch).await;
    assert!(page.cursors_cut && page.cursors.len() < 50, "{page:?}");
    nothing(&mut watch).await;
    say(&timeline, "a", "b", 10).await;
    assert_eq!(read_to(&timeline, "b", &ab, 10).await, Ok(10));
    let (mut all, mut is_cut) = (Vec::new(), false);
    while all.is_empty() {
        let page = next(&mut watch).await;
        all = told_cursors(&page);
        is_cut |= page.cursors_cut;
    }
    assert_eq!((all, is_cut), (vec!["b 10".to_owned()], false));
}

/// Cursors and entries come beside each other: no entry is skipped or repeated.
pub async fn cursors_among_entries_skip_and_repeat_nothing(world: &dyn World) {
    const LAST: u64 = 60;
    let timeline = open(world).await;
    let ab = pair("a", "b");
    let mut watch = timeline.watch(&member("a"), seq(0));
    let (mut tasks, sender) = (JoinSet::new(), timeline.clone());
    let conversation = ab.clone();
    tasks.spawn(async move {
        for number in 1..=LAST {
            let place = say(&sender, "a", "b", number).await;
            assert_eq!(read_to(&sender, "b", &conversation, place).await, Ok(place));
        }
    });
    let (mut read, mut entries) = (0, 0);
    while read < LAST || entries < LAST {
        let page = next(&mut watch).await;
        for entry in &page.entries {
            entries += 1;
            assert_eq!(entry.sequence, seq(entries), "a gap or a repetition");
        }
        for cursor in &page.cursors {
            assert_eq!((&cursor.member, &cursor.conversation), (&member("b"), &ab));
            assert!(cursor.read.get() > read, "{read} was told before {cursor:?}");
            read = cursor.read.get();
        }
        assert!(page.cursors.len() <= 1 && !page.cursors_cut, "{page:?}");
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
    assert_eq!((read, entries), (LAST, LAST));
}

async fn next(watch: &mut Watch) -> InboxPage {
    timeout(GRACE, watch.next()).await.expect("the watch hangs").unwrap()
}

async fn nothing(watch: &mut Watch) {
    let read = timeout(Duration::from_millis(50), watch.next()).await;
    assert!(read.is_err(), "{read:?}");
}

fn told_cursors(page: &InboxPage) -> Vec<String> {
    page.cursors.iter().map(|cursor| format!("{} {}", cursor.member, cursor.read)).collect()
}
