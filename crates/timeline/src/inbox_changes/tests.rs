use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use tokio::runtime::Builder;
use tokio::time::timeout;

use super::readers::WaitingReader;
use super::*;
use crate::{Conversation, ErrorKind, GroupName, Seq, Watch};

/// A time that only a hang reaches.
const LIMIT: Duration = Duration::from_secs(60);

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

/// Whether a call would return at once.
fn has_changed(changes: &InboxChanges) -> bool {
    matches!(changes.poll_changed(&Context::from_waker(Waker::noop())), Poll::Ready(Ok(())))
}

#[test]
fn a_change_between_two_calls_is_told_once() {
    let watchers = InboxWatchers::default();
    let changes = watchers.subscribe(&member("a"));
    assert!(!has_changed(&changes), "what was before is not told");
    for notifications in [1, 3] {
        for _ in 0..notifications {
            watchers.notify(&member("a"));
        }
        assert!(has_changed(&changes));
        assert!(!has_changed(&changes), "several changes are told as one");
    }
    watchers.notify(&member("b"));
    assert!(!has_changed(&changes), "the inbox is another one");
}

#[test]
fn every_reader_of_an_inbox_is_told() {
    let watchers = InboxWatchers::default();
    let mut readers: Vec<_> = (0..5).map(|_| watchers.subscribe(&member("a"))).collect();
    drop(readers.remove(2));
    watchers.notify(&member("a"));
    assert!(has_changed(&readers[0]));
    let late = watchers.subscribe(&member("a"));
    assert!(!has_changed(&late));
    for reader in &mut readers[1..] {
        assert!(has_changed(reader));
    }
}

#[test]
fn the_inboxes_that_are_read_are_known_while_they_are() {
    let watchers = InboxWatchers::default();
    let readers = ["a", "b", "a"].map(|id| watchers.subscribe(&member(id)));
    let mut members = watchers.members();
    members.sort();
    assert_eq!(members, [member("a"), member("b")]);
    assert!(watchers.is_watched(&member("a")) && !watchers.is_watched(&member("c")));
    drop(readers);
    assert!(watchers.members().is_empty() && !watchers.is_watched(&member("a")));
}

#[test]
fn a_reader_that_takes_no_cursors_gets_none_and_the_others_do() {
    let watchers = InboxWatchers::default();
    let shown = watchers.subscribe(&member("a")).without_cursors();
    let reader = watchers.subscribe(&member("a"));
    let pair = Conversation::single(member("a"), member("b"));
    watchers.notify_read(&ReadCursor::new(member("b"), pair, Seq::new(7).unwrap()), &member("a"));
    assert_eq!(shown.take_cursors(), None);
    assert_eq!(reader.take_cursors().map(|risen| risen.cursors.len()), Some(1));
    assert!(has_changed(&shown) && has_changed(&reader));
}

#[test]
fn readers_that_are_gone_leave_nothing_behind() {
    let watchers = InboxWatchers::default();
    let inboxes = (0..1_000).map(|number| member(&format!("m{number}")));
    let mut readers: Vec<_> = inboxes.map(|member| watchers.subscribe(&member)).collect();
    readers.extend((0..1_000).map(|_| watchers.subscribe(&member("shared"))));
    readers.iter_mut().for_each(|reader| assert!(!has_changed(reader)));
    assert_eq!((watchers.len(), watchers.is_empty()), (2_000, false));
    let room = || watchers.lock().readers.capacities();
    assert!(room()[0] >= 2_000 && room()[1] >= 1_001);
    // One of the first stays, and one of those of the shared inbox.
    readers.drain(1..1_000);
    readers.truncate(2);
    assert_eq!(watchers.len(), 2);
    // The place of the first one behind the others is not moved; those that come take what is free.
    assert!(room()[0] <= 2_048 && room()[1] <= 8, "{:?}", room());
    let mut others: Vec<_> = (0..900).map(|_| watchers.subscribe(&member("shared"))).collect();
    assert!(others.iter().all(|reader| reader.place < 1_000));
    others.clear();
    readers.truncate(1);
    assert_eq!(watchers.len(), 1);
    assert!(room().iter().all(|capacity| *capacity <= 8), "{:?}", room());
    drop(readers);
    assert!(watchers.is_empty());
    assert!(room().iter().all(|capacity| *capacity <= 8), "{:?}", room());
    watchers.notify(&member("m1"));
    assert!(watchers.is_empty(), "a change of an inbox that nobody reads is not kept");
}

fn cursor(id: &str, group: &str, read: u64) -> ReadCursor {
    let conversation = Conversation::group(GroupName::new(group).unwrap());
    ReadCursor::new(member(id), conversation, Seq::new(read).unwrap())
}

#[test]
fn a_cursor_wakes_the_readers_of_an_inbox_and_each_takes_it_once() {
    let watchers = InboxWatchers::default();
    let (one, two) = (watchers.subscribe(&member("a")), watchers.subscribe(&member("a")));
    let other = watchers.subscribe(&member("b"));
    watchers.notify_read(&cursor("b", "g", 3), &member("a"));
    for reader in [&one, &two] {
        assert!(has_changed(reader));
        let risen = reader.take_cursors().unwrap();
        assert_eq!(*risen, RisenCursors { cursors: vec![cursor("b", "g", 3)], were_cut: false });
        assert!(!has_changed(reader) && reader.take_cursors().is_none());
    }
    assert!(!has_changed(&other) && other.take_cursors().is_none(), "the inbox is another one");
    assert!(watchers.subscribe(&member("a")).take_cursors().is_none(), "what was before is not told");
}

#[test]
fn cursors_of_one_member_and_conversation_are_told_as_the_last_one() {
    let watchers = InboxWatchers::default();
    let reader = watchers.subscribe(&member("a"));
    for cursor in [cursor("a", "g", 3), cursor("b", "g", 1), cursor("a", "h", 2), cursor("a", "g", 7)] {
        watchers.notify_read(&cursor, &member("a"));
    }
    // Two calls may come here in another order than their cursors rose.
    watchers.notify_read(&cursor("a", "g", 5), &member("a"));
    let risen = reader.take_cursors().unwrap();
    assert_eq!(risen.cursors, [cursor("a", "g", 7), cursor("b", "g", 1), cursor("a", "h", 2)]);
}

#[test]
fn a_reader_learns_that_more_cursors_rose_than_it_gets() {
    let watchers = InboxWatchers::default();
    let reader = watchers.subscribe(&member("a"));
    let rise = |groups: usize| {
        for number in 0..groups {
            watchers.notify_read(&cursor("a", &format!("g{number}"), 1), &member("a"));
        }
        let risen = reader.take_cursors().unwrap();
        (risen.cursors.len(), risen.were_cut)
    };
    assert_eq!(rise(CURSORS_MAX), (CURSORS_MAX, false));
    assert_eq!(rise(CURSORS_MAX + 1), (CURSORS_MAX, true));
    assert_eq!(rise(1), (1, false), "what was told is over");
}

#[test]
fn a_reader_learns_that_cursors_may_have_risen_unheard() {
    let watchers = InboxWatchers::default();
    let reader = watchers.subscribe(&member("a"));
    let idle = watchers.subscribe(&member("a")).without_cursors();
    let other = watchers.subscribe(&member("b"));
    watchers.notify_read(&cursor("a", "g", 3), &member("a"));
    assert!(has_changed(&reader) && has_changed(&idle));
    watchers.notify_reads_missed(&member("a"));
    assert!(has_changed(&reader) && !has_changed(&idle) && !has_changed(&other));
    let risen = reader.take_cursors().unwrap();
    assert_eq!(*risen, RisenCursors { cursors: vec![cursor("a", "g", 3)], were_cut: true });
    assert!(idle.take_cursors().is_none() && reader.take_cursors().is_none());
}

#[tokio::test]
async fn the_end_of_the_store_is_told_to_all_and_from_then_on() {
    let watchers = InboxWatchers::default();
    let mut waiting = watchers.subscribe(&member("a"));
    let mut changed = watchers.subscribe(&member("a"));
    watchers.notify(&member("a"));
    assert!(has_changed(&waiting));
    let ended = timeout(LIMIT, async {
        let (ended, ()) = tokio::join!(waiting.changed(), async { watchers.close() });
        ended
    });
    assert_eq!(ended.await.unwrap().unwrap_err().kind(), ErrorKind::Closed);
    for reader in [&mut waiting, &mut changed, &mut watchers.subscribe(&member("a"))] {
        for _ in 0..2 {
            let ended = timeout(LIMIT, reader.changed()).await.unwrap();
            assert_eq!(ended.unwrap_err().kind(), ErrorKind::Closed);
        }
    }
    assert!(watchers.is_empty());
}

/// A reader on one thread sees every value that a writer on another one notified of, or a later
/// one; if a notification were lost, it would wait for ever for the last.
#[test]
fn no_notification_is_lost_between_two_threads() {
    const ROUNDS: u64 = 50_000;
    let watchers = InboxWatchers::default();
    let value = AtomicU64::new(0);
    let mut changes = watchers.subscribe(&member("a"));
    thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1..=ROUNDS {
                value.store(round, Ordering::Release);
                watchers.notify(&member("a"));
                if round % 64 == 0 {
                    thread::yield_now();
                }
            }
        });
        scope.spawn(|| {
            let runtime = Builder::new_current_thread().enable_time().build().unwrap();
            runtime.block_on(async {
                let mut seen = 0;
                while seen < ROUNDS {
                    timeout(LIMIT, changes.changed()).await.unwrap().unwrap();
                    let now = value.load(Ordering::Acquire);
                    assert!(now >= seen);
                    seen = now;
                }
            });
        });
    });
}

/// Readers come and go on one thread while another one notifies them; nobody stays in the list.
#[test]
fn readers_that_come_and_go_among_notifications_leave_nothing_behind() {
    let watchers = InboxWatchers::default();
    thread::scope(|scope| {
        let notifying = scope.spawn(|| {
            for _ in 0..20_000 {
                watchers.notify(&member("a"));
            }
        });
        let mut kept = Vec::new();
        while !notifying.is_finished() {
            let reader = watchers.subscribe(&member("a"));
            has_changed(&reader);
            kept.push(reader);
            if kept.len() > 16 {
                kept.clear();
            }
        }
    });
    assert!(watchers.is_empty());
}

/// What an idle watcher has in memory is its [`Watch`], its place in the list, the place of the
/// inbox in the map, and the text of its id.
///
/// The list grows by half at least; what is not used of it is not touched. The map has one byte
/// more for each place, at most 7 of 8 places taken, and twice as many places when that is
/// reached. So at worst 16 places are there for 7 inboxes. A watch that waits holds neither a page
/// nor a future.
#[test]
fn an_idle_watcher_takes_at_most_220_bytes() {
    let place = size_of::<u32>() + 1;
    // The text of an id as long as a UUID, and its two counters: all share it.
    let id = 36 + 2 * size_of::<usize>();
    let bytes = size_of::<Watch>() + size_of::<Option<WaitingReader>>() + place * 16 / 7 + id;
    assert!(bytes <= 220, "{bytes} bytes");
}
