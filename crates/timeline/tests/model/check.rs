//! Compares a store with the model, by everything that can be read.

use std::time::Duration;

use timeline::{Count, Entry, EntryKind, EntryStatus, PageRequest, Seq, Timeline};
use tokio::time::{sleep, timeout};

use super::calls::{conversation, message};
use super::lists::{CONVERSATIONS, Lists, MEMBERS, Row, Talk, What};
use super::member;

/// A time that only a hang reaches.
pub(super) const GRACE: Duration = Duration::from_secs(60);

/// More entries than any run has.
const ALL: usize = 1_000;

pub(super) async fn all(timeline: &Timeline, lists: &Lists) {
    for talk in 0..CONVERSATIONS.len() {
        history(timeline, lists, talk).await;
    }
    for id in 0..MEMBERS {
        inbox(timeline, lists, id).await;
        views(timeline, lists, id).await;
        list(timeline, lists, id).await;
    }
}

/// Waits until a store that has begun has removed what is too old.
pub(super) async fn expired(timeline: &Timeline, lists: &Lists) {
    let expired = async {
        while !is_expired(timeline, lists).await {
            // Nobody is told of that, so it asks.
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(GRACE, expired).await.expect("what is too old stays");
}

async fn is_expired(timeline: &Timeline, lists: &Lists) -> bool {
    for (talk, history) in lists.histories.iter().enumerate() {
        let request = PageRequest::after(Seq::ZERO, Count::new(1));
        let page = timeline.history(&conversation(talk), request).await.unwrap();
        if page.floor.get() < history.floor {
            return false;
        }
    }
    for (id, inbox) in lists.inboxes.iter().enumerate() {
        let page = timeline.sync(&member(id), Seq::ZERO, Count::new(1)).await.unwrap();
        if page.floor.get() < inbox.floor {
            return false;
        }
    }
    true
}

async fn history(timeline: &Timeline, lists: &Lists, talk: usize) {
    let expected = &lists.histories[talk];
    let request = PageRequest::after(Seq::ZERO, Count::new(ALL));
    let page = timeline.history(&conversation(talk), request).await.unwrap();
    assert_eq!((page.floor.get(), page.more), (expected.floor, false), "history {talk}");
    let places: Vec<_> = expected.above(expected.floor).map(|(place, _)| place).collect();
    let found: Vec<_> = page.entries.iter().map(|entry| entry.sequence.get()).collect();
    assert_eq!(found, places, "history {talk}");
    for entry in &page.entries {
        compare(entry, lists, talk, entry.sequence.get());
    }
    assert!(page.entries.is_sorted_by_key(|entry| entry.at_ms), "history {talk}: {:?}", page.entries);
}

async fn inbox(timeline: &Timeline, lists: &Lists, id: usize) {
    let expected = &lists.inboxes[id];
    let page = timeline.sync(&member(id), Seq::ZERO, Count::new(ALL)).await.unwrap();
    assert_eq!(page.floor.get(), expected.floor, "inbox {id}");
    assert_eq!(page.latest_seq.get(), expected.top(), "inbox {id}");
    let found: Vec<_> = page.entries.iter().map(|entry| entry.sequence.get()).collect();
    assert_eq!(found, (expected.floor + 1..=expected.top()).collect::<Vec<_>>(), "inbox {id}");
    for entry in &page.entries {
        copy(entry, lists, id);
    }
}

/// Compares an entry of the inbox of a member.
pub(super) fn copy(entry: &Entry, lists: &Lists, id: usize) {
    let index = usize::try_from(entry.sequence.get() - 1).unwrap();
    let Some((talk, place)) = lists.inboxes[id].copies[index].of else {
        let found = (entry.kind, entry.status, entry.message.as_str());
        assert_eq!(found, (EntryKind::Tombstone, lists.closes_as, "{}"), "inbox {id}: {entry:?}");
        assert_eq!((entry.place, &entry.from), (Seq::ZERO, &None), "inbox {id}: {entry:?}");
        return;
    };
    assert_eq!(entry.place.get(), place, "inbox {id}: {entry:?}");
    compare(entry, lists, talk, place);
}

/// Compares an entry with the one of the history that it is, or is a copy of.
fn compare(entry: &Entry, lists: &Lists, talk: usize, place: u64) {
    let history = &lists.histories[talk];
    let Some(item) = history.at(place) else {
        assert_eq!((entry.message.as_str(), &entry.edited), ("{}", &None), "it is gone: {entry:?}");
        assert_ne!(entry.kind, EntryKind::Message, "{entry:?}");
        return;
    };
    let edited_of = |target: u64| match history.at(target).map(|item| item.what) {
        Some(What::Message { text, .. }) => Some(message(text)),
        _ => None,
    };
    let (kind, status, target) = match item.what {
        What::Message { is_edited: false, .. } => (EntryKind::Message, EntryStatus::Original, 0),
        What::Message { is_edited: true, .. } => (EntryKind::Message, EntryStatus::Edited, 0),
        What::Recalled => (EntryKind::Tombstone, EntryStatus::Recalled, 0),
        What::Deleted => (EntryKind::Tombstone, EntryStatus::Deleted, 0),
        What::Edit(target) => (EntryKind::Edit, EntryStatus::Original, target),
        What::Recall(target) => (EntryKind::Recall, EntryStatus::Original, target),
        What::Deletion(target) => (EntryKind::Deletion, EntryStatus::Original, target),
        What::Purge(target) => (EntryKind::Purge, EntryStatus::Original, target),
        What::Closed => (EntryKind::Tombstone, lists.closes_as, 0),
    };
    assert_eq!((entry.kind, entry.status, entry.target.get()), (kind, status, target), "{entry:?}");
    let edited = if kind == EntryKind::Edit { edited_of(target) } else { None };
    assert_eq!(entry.edited, edited, "{entry:?}");
    let text =
        if let What::Message { text, .. } = item.what { message(text).to_string() } else { "{}".to_owned() };
    assert_eq!(entry.message.as_str(), text, "{entry:?}");
    assert_eq!(entry.from, item.from.map(member), "{entry:?}");
}

fn row(lists: &Lists, id: usize, talk: usize) -> Option<Row> {
    lists.rows.get(&(id, talk)).copied()
}

async fn views(timeline: &Timeline, lists: &Lists, id: usize) {
    let mut with_unread = Vec::new();
    for talk in 0..CONVERSATIONS.len() {
        let found = timeline.view(&member(id), &conversation(talk)).await.unwrap();
        let cursors = timeline.read_of(&conversation(talk), &[member(id)]).await.unwrap();
        let Some(row) = row(lists, id, talk) else {
            assert_eq!((found, cursors), (None, vec![Seq::ZERO]), "member {id} was never in {talk}");
            continue;
        };
        let found = found.unwrap();
        let unread = lists.unread(row, talk);
        assert_eq!(usize::try_from(found.unread.get()).unwrap(), unread, "member {id} in {talk}: {found:?}");
        let numbers = (found.read.get(), found.latest.get(), found.floor.get(), found.has_left);
        let expected = (row.read, lists.histories[talk].top(), lists.floor(row, talk), row.has_left);
        assert_eq!(numbers, expected, "member {id} in {talk}");
        assert_eq!(cursors, [found.read]);
        if unread > 0 && !row.has_left {
            with_unread.push(format!("{:?}", conversation(talk)));
        }
    }
    let page = timeline.unread_of(&member(id), None, Count::new(ALL)).await.unwrap();
    let mut found: Vec<_> = page.views.iter().map(|view| format!("{:?}", view.conversation)).collect();
    found.sort_unstable();
    with_unread.sort_unstable();
    assert_eq!((found, page.more), (with_unread, false), "member {id}");
}

/// Compares the list of a member, read in pages of 2.
async fn list(timeline: &Timeline, lists: &Lists, id: usize) {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = timeline.conversations(&member(id), after.as_ref(), Count::new(2)).await.unwrap();
        after = page.conversations.last().map(timeline::ConversationSummary::mark);
        all.extend(page.conversations);
        if !page.more {
            break;
        }
    }
    assert!(all.is_sorted_by(|one, other| one.view.at_ms >= other.view.at_ms), "member {id}: {all:?}");
    let mut expected = 0;
    for (talk, parties) in CONVERSATIONS.iter().enumerate() {
        let Some(row) = row(lists, id, talk) else { continue };
        let mut found = all.iter().filter(|summary| summary.view.conversation == conversation(talk));
        if !lists.is_listed(row, talk) {
            assert_eq!(found.next(), None, "member {id}");
            continue;
        }
        expected += 1;
        let summary = found.next().unwrap_or_else(|| panic!("member {id} has no {talk}: {all:?}"));
        let last = lists.last(row, talk);
        assert_eq!(summary.last.as_ref().map(|entry| entry.place.get()), last, "member {id} in {talk}");
        if let (Some(entry), Some(place)) = (&summary.last, last) {
            compare(entry, lists, talk, place);
        }
        let peer_read = match *parties {
            Talk::Pair(one, other) if one != other => {
                lists.read_of(if one == id { other } else { one }, talk)
            }
            _ => 0,
        };
        assert_eq!(summary.peer_read.get(), peer_read, "member {id} in {talk}");
        let seen = timeline.view(&member(id), &conversation(talk)).await.unwrap();
        assert_eq!(seen.as_ref(), Some(&summary.view));
    }
    assert_eq!(all.len(), expected, "member {id}: {all:?}");
}
