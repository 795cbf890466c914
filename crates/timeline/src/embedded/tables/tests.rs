//! What readers see: pages without what is gone, and lists of conversations.

use super::*;
use crate::embedded::keys;
use crate::embedded::records::{Extent, Row};
use crate::embedded::sample::{Put, Sample, group, member, pair, seq};
use crate::{
    Conversation, ConversationSummary, Count, Entry, EntryKind, EntryStatus, InboxPage, Message, PageRequest,
    Position, Unread,
};

fn inbox(sample: &Sample, id: &str) -> InboxPage {
    let page = PageRequest::after(Seq::ZERO, Count::new(1_000));
    sample.tables().inbox(&member(id), Position::default(), page).unwrap()
}

fn sequences(entries: &[Entry]) -> Vec<u64> {
    entries.iter().map(|entry| entry.sequence.get()).collect()
}

fn raise_floor(sample: &mut Sample, conversation: &Conversation, floor: u64) {
    let history = keys::history(conversation);
    let extent = Extent { floor: seq(floor), ..sample.extent(&history) };
    sample.set_extent(&history, extent);
}

#[test]
fn an_inbox_loses_a_text_with_its_history_and_keeps_the_place() {
    let directory = tempfile::tempdir().unwrap();
    let mut sample = Sample::open(directory.path());
    let members = ["a", "b"];
    // More conversations than are compared by their names, in turn.
    for number in 1..=20 {
        let others: Vec<_> = (0..12).map(|other| format!("o{other:02}")).collect();
        for other in &others {
            sample.put(&Put::pair(other, "b", "{\"a\":1}", number));
        }
        sample.put(&Put::group("a", "g", &members, "{\"a\":2}", number));
    }
    raise_floor(&mut sample, &pair("o03", "b"), 7);
    raise_floor(&mut sample, &group("g"), 20);
    let page = inbox(&sample, "b");
    assert_eq!((page.entries.len(), page.latest_seq), (20 * 13, seq(20 * 13)));
    for entry in &page.entries {
        let of = entry.from.as_ref().unwrap().as_str();
        let is_gone = of == "a" || (of == "o03" && entry.place <= seq(7));
        let text = if is_gone { "{}" } else { "{\"a\":1}" };
        let status = if is_gone { EntryStatus::Expired } else { EntryStatus::Original };
        assert_eq!((entry.message.as_str(), entry.status), (text, status), "{entry:?}");
        assert_eq!(entry.kind == EntryKind::Tombstone, is_gone);
        assert!(entry.tag.is_some() && entry.to.is_some() && entry.at_ms > 0);
    }
}

#[test]
fn a_shared_text_may_be_missing_only_if_its_history_has_lost_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut sample = Sample::open(directory.path());
    sample.put(&Put::group("a", "g", &["a", "b"], "{\"a\":1}", 1));
    let bodies = sample.keys_of(&sample.tables().bodies);
    assert_eq!(bodies.len(), 1);
    let body = bodies[0].clone();
    sample.write(|batch, tables| batch.remove(&tables.bodies, body));
    let page = PageRequest::after(Seq::ZERO, Count::default());
    let read = |sample: &Sample| sample.tables().inbox(&member("b"), Position::default(), page);
    assert_eq!(read(&sample).unwrap_err().kind(), ErrorKind::Corrupt);
    raise_floor(&mut sample, &group("g"), 1);
    assert_eq!(read(&sample).unwrap().entries[0].status, EntryStatus::Expired);
}

#[test]
fn an_edit_is_read_with_the_text_that_its_message_has_now() {
    let directory = tempfile::tempdir().unwrap();
    let mut sample = Sample::open(directory.path());
    sample.put(&Put::pair("a", "b", "{\"a\":1}", 1));
    sample.put(&Put::group("a", "g", &["b"], "{\"a\":2}", 2));
    let edit = |put| Put { kind: EntryKind::Edit, target: 1, text: "{}", ..put };
    sample.put(&edit(Put::pair("a", "b", "", 3)));
    sample.put(&edit(Put::group("a", "g", &["b"], "", 4)));
    let edited = |entries: &[Entry]| -> Vec<_> {
        let texts = entries.iter().map(|entry| entry.edited.as_ref().map(|text| text.as_str().to_owned()));
        texts.collect()
    };
    let (one, two) = (Some("{\"a\":1}".to_owned()), Some("{\"a\":2}".to_owned()));
    assert_eq!(edited(&inbox(&sample, "b").entries), [None, None, one, two.clone()]);
    let page = PageRequest::after(Seq::ZERO, Count::default());
    let history = sample.tables().history(&group("g"), page).unwrap();
    assert_eq!(edited(&history.entries), [None, two.clone()]);
    assert!(history.entries.iter().all(|entry| entry.place == entry.sequence));
    raise_floor(&mut sample, &pair("a", "b"), 1);
    assert_eq!(edited(&inbox(&sample, "b").entries), [None, None, None, two], "the text is gone");
}

#[test]
fn a_history_is_read_from_a_time_on_and_up_to_one() {
    let directory = tempfile::tempdir().unwrap();
    let mut sample = Sample::open(directory.path());
    for at_ms in [10, 20, 20, 20, 30, 40] {
        sample.put(&Put::pair("a", "b", "{}", at_ms));
    }
    let read = |sample: &Sample, page| sample.tables().history(&pair("a", "b"), page).unwrap();
    let since =
        |sample: &Sample, at_ms| sequences(&read(sample, PageRequest::since(at_ms, Count::new(2))).entries);
    let until =
        |sample: &Sample, at_ms| sequences(&read(sample, PageRequest::until(at_ms, Count::new(2))).entries);
    assert_eq!((since(&sample, 0), until(&sample, 0)), (vec![1, 2], vec![]));
    assert_eq!((since(&sample, 20), until(&sample, 20)), (vec![2, 3], vec![1]));
    assert_eq!((since(&sample, 21), until(&sample, 21)), (vec![5, 6], vec![3, 4]));
    assert_eq!((since(&sample, 40), until(&sample, 40)), (vec![6], vec![4, 5]));
    assert_eq!((since(&sample, 41), until(&sample, 41)), (vec![], vec![5, 6]));
    let page = read(&sample, PageRequest::since(20, Count::new(2)));
    assert!(page.more && page.floor == Seq::ZERO);
    raise_floor(&mut sample, &pair("a", "b"), 3);
    assert_eq!((since(&sample, 0), until(&sample, 30)), (vec![4, 5], vec![4]));
    assert_eq!(read(&sample, PageRequest::since(0, Count::new(2))).floor, seq(3));
    assert!(
        sequences(
            &sample
                .tables()
                .history(&pair("x", "y"), PageRequest::until(9, Count::default()))
                .unwrap()
                .entries
        )
        .is_empty()
    );
}

#[test]
fn unread_are_the_messages_behind_what_was_read_cleared_or_lost() {
    let directory = tempfile::tempdir().unwrap();
    let mut sample = Sample::open(directory.path());
    let with = pair("a", "b");
    for at_ms in 1..=10 {
        let kind = if at_ms % 4 == 0 { EntryKind::Recall } else { EntryKind::Message };
        sample.put(&Put { kind, ..Put::pair("a", "b", "{}", at_ms) });
    }
    assert_eq!(sample.tables().view(&member("b"), &with).unwrap(), None, "never in it");
    let mut view = |row: Row| {
        sample.put_row("b", &with, &row);
        sample.tables().view(&member("b"), &with).unwrap().unwrap()
    };
    let new = view(Row { since_ms: 3, ..Row::default() });
    assert_eq!((new.unread.get(), new.latest, new.floor, new.at_ms), (8, seq(10), Seq::ZERO, 10));
    let read = view(Row { read: seq(3), joined: seq(1), since_ms: 99, ..Row::default() });
    assert_eq!((read.unread.get(), read.read, read.at_ms), (5, seq(3), 99));
    assert_eq!(view(Row { joined: seq(8), ..Row::default() }).unread.get(), 2);
    let cleared = view(Row { cleared: seq(9), read: seq(2), has_left: true, ..Row::default() });
    assert_eq!((cleared.unread.get(), cleared.floor, cleared.has_left), (1, seq(9), true));
    assert_eq!(view(Row { read: seq(10), ..Row::default() }).unread.get(), 0);
    view(Row { read: seq(2), ..Row::default() });
    raise_floor(&mut sample, &with, 6);
    let left = sample.tables().view(&member("b"), &with).unwrap().unwrap();
    assert_eq!((left.unread.get(), left.floor, left.read), (3, seq(6), seq(2)));
    let read = sample.tables().read_of(&with, &[member("b"), member("x"), member("b")]).unwrap();
    assert_eq!(read, [seq(2), Seq::ZERO, seq(2)]);
}

#[test]
fn more_than_999_unread_are_not_counted_further() {
    let directory = tempfile::tempdir().unwrap();
    let mut sample = Sample::open(directory.path());
    let (with, history) = (pair("a", "b"), keys::history(&pair("a", "b")));
    sample.put_row("b", &with, &Row::default());
    let mut unread = |top: u64| {
        sample.set_extent(&history, Extent { floor: Seq::ZERO, top: seq(top), last_ms: 1 });
        sample.tables().view(&member("b"), &with).unwrap().unwrap().unread
    };
    assert_eq!((unread(999).get(), unread(999).is_capped()), (999, false));
    assert_eq!((unread(1_000).get(), unread(1_000).is_capped()), (Unread::MAX, true));
    assert!(unread(1_000_000).is_capped());
    sample.write(|batch, tables| {
        for place in (1..=2_000).filter(|place| place % 2 == 0) {
            batch.insert(&tables.state, keys::non_message(&history, seq(place)), [0]);
        }
    });
    let mut unread = |top: u64| {
        sample.set_extent(&history, Extent { floor: Seq::ZERO, top: seq(top), last_ms: 1 });
        sample.tables().view(&member("b"), &with).unwrap().unwrap().unread.get()
    };
    assert_eq!((unread(1_998), unread(1_999), unread(9_999)), (999, 1_000, 1_000));
}

/// The list of a member, page by page.
fn list(sample: &Sample, id: &str, count: usize) -> Vec<ConversationSummary> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = sample.tables().conversations(&member(id), after.as_ref(), Count::new(count)).unwrap();
        after = page.conversations.last().map(ConversationSummary::mark);
        assert!(page.conversations.len() == count || !page.more);
        all.extend(page.conversations);
        if !page.more {
            return all;
        }
    }
}

#[test]
fn conversations_are_listed_by_their_last_entries_page_by_page() {
    let directory = tempfile::tempdir().unwrap();
    let mut sample = Sample::open(directory.path());
    // Of these, two have the same time.
    for (other, at_ms) in [("b", 5), ("c", 9), ("d", 7), ("e", 7), ("f", 1)] {
        sample.put(&Put::pair(other, "a", "{\"a\":1}", at_ms));
        sample.put_row("a", &pair("a", other), &Row::default());
    }
    sample.put_row("c", &pair("a", "c"), &Row { read: seq(1), ..Row::default() });
    sample.put_row("a", &group("g"), &Row { since_ms: 8, ..Row::default() });
    let expected =
        [pair("a", "c"), group("g"), pair("a", "d"), pair("a", "e"), pair("a", "b"), pair("a", "f")];
    for count in [1, 2, 3, 6, 7] {
        let list = list(&sample, "a", count);
        assert_eq!(list.iter().map(|one| one.view.conversation.clone()).collect::<Vec<_>>(), expected);
    }
    let list = list(&sample, "a", 100);
    assert_eq!((list[0].peer_read, list[0].view.unread.get()), (seq(1), 1));
    assert_eq!(list[0].last.as_ref().map(|entry| entry.message.as_str()), Some("{\"a\":1}"));
    assert_eq!((&list[1].last, list[1].view.latest), (&None, Seq::ZERO), "a group without an entry");
    let (views, after) = (sample.tables().views(&member("a"), None, Count::new(4)).unwrap(), 3);
    let next = &views.views[after].conversation;
    let rest = sample.tables().views(&member("a"), Some(next), Count::new(4)).unwrap();
    assert_eq!((views.views.len(), views.more, rest.views.len(), rest.more), (4, true, 2, false));
    assert!(
        sample.tables().conversations(&member("x"), None, Count::default()).unwrap().conversations.is_empty()
    );
}

#[test]
fn a_list_looks_up_no_text_that_it_does_not_show() {
    let directory = tempfile::tempdir().unwrap();
    let mut sample = Sample::open(directory.path());
    sample.put(&Put::group("a", "g", &["a"], "{\"a\":1}", 1));
    let of_first = sample.keys_of(&sample.tables().bodies)[0].clone();
    sample.put(&Put::group("a", "g", &["a"], "{\"a\":2}", 2));
    sample.put(&Put { kind: EntryKind::Edit, target: 1, ..Put::group("a", "g", &["a"], "{}", 3) });
    sample.put_row("a", &group("g"), &Row::default());
    // A text that cannot be read shows who reads it.
    sample.write(|batch, tables| batch.remove(&tables.bodies, of_first));
    let page = PageRequest::after(seq(2), Count::default());
    assert!(sample.tables().history(&group("g"), page).is_err());
    let last = list(&sample, "a", 100)[0].last.clone().unwrap();
    assert_eq!((last.place, last.message.as_str()), (seq(2), "{\"a\":2}"));
}

#[test]
fn what_was_left_cleared_or_purged_is_not_listed_until_something_comes() {
    let directory = tempfile::tempdir().unwrap();
    let mut sample = Sample::open(directory.path());
    let listed = |sample: &Sample| list(sample, "a", 100).len();
    let with = pair("a", "b");
    sample.put(&Put::pair("b", "a", "{\"a\":1}", 1));
    sample.put_row("a", &with, &Row { has_left: true, ..Row::default() });
    assert_eq!(listed(&sample), 0);
    sample.put_row("a", &with, &Row { cleared: seq(1), ..Row::default() });
    assert_eq!(listed(&sample), 0);
    sample.put(&Put::pair("b", "a", "{\"a\":2}", 2));
    let summary = &list(&sample, "a", 100)[0];
    assert_eq!((summary.view.floor, summary.view.unread.get()), (seq(1), 1));
    raise_floor(&mut sample, &with, 2);
    assert_eq!(listed(&sample), 0);
    sample.put(&Put { kind: EntryKind::Purge, target: 2, ..Put::pair("b", "a", "{}", 3) });
    assert_eq!(listed(&sample), 0, "a purge alone is nothing to see");
    sample.put(&Put { kind: EntryKind::Recall, target: 2, ..Put::pair("b", "a", "{}", 4) });
    let summary = &list(&sample, "a", 100)[0];
    assert_eq!((&summary.last, summary.view.unread.get(), summary.view.latest), (&None, 0, seq(4)));
    sample.put(&Put { kind: EntryKind::Tombstone, ..Put::pair("b", "a", "{}", 5) });
    let last = list(&sample, "a", 100)[0].last.clone().unwrap();
    assert_eq!(
        (last.kind, last.place, &last.message),
        (EntryKind::Tombstone, seq(5), &Message::from_stored("{}"))
    );
}
