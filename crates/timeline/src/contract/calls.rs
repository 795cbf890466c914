//! Short forms of calls about changes, cursors and conversations, for laws.

use super::world::*;
use crate::{
    Conversation, ConversationMark, ConversationSummary, ConversationView, Count, Entry, EntryKind,
    EntryStatus, ErrorKind, Message, MessageId, NewMessage, PageRequest, Position, Result, Seq, Timeline,
};

/// What a call answered: a place, or what the caller can do.
pub(super) type Answer = Result<u64, ErrorKind>;

/// Sends a message to one member, and returns its place.
pub(super) async fn say(timeline: &Timeline, from: &str, to: &str, number: u64) -> u64 {
    let send = NewMessage::new(member(from), member(to), message(number));
    timeline.send(send).await.unwrap().place.get()
}

/// Sends a message with an id to one member, and returns its place.
pub(super) async fn say_id(timeline: &Timeline, from: &str, to: &str, number: u64, id: &str) -> Answer {
    let message_id = MessageId::new(id).unwrap();
    let send = NewMessage::new(member(from), member(to), message(number)).message_id(message_id);
    timeline.send(send).await.map(|sent| sent.place.get()).map_err(|error| error.kind())
}

/// Sends a message of a member to these members of a group, and returns its place.
pub(super) async fn say_to(
    timeline: &Timeline,
    from: &str,
    name: &str,
    members: &[&str],
    number: u64,
) -> u64 {
    let send = group_send(name, members, number).from(member(from));
    let sent = timeline.send_group(send).await.unwrap();
    assert!(sent.failed.is_empty());
    sent.place.get()
}

/// Gives the message at a place another number.
pub(super) async fn edit(
    timeline: &Timeline,
    conversation: &Conversation,
    place: u64,
    by: Option<&str>,
    number: u64,
) -> Answer {
    let changed = timeline.edit(conversation, seq(place), by.map(member), message(number)).await;
    changed.map(|changed| changed.place.get()).map_err(|error| error.kind())
}

/// Takes back the message at a place.
pub(super) async fn recall(
    timeline: &Timeline,
    conversation: &Conversation,
    place: u64,
    by: Option<&str>,
) -> Answer {
    let changed = timeline.recall(conversation, seq(place), by.map(member)).await;
    changed.map(|changed| changed.place.get()).map_err(|error| error.kind())
}

/// Deletes the message at a place.
pub(super) async fn delete(
    timeline: &Timeline,
    conversation: &Conversation,
    place: u64,
    by: Option<&str>,
) -> Answer {
    let changed = timeline.delete_message(conversation, seq(place), by.map(member)).await;
    changed.map(|changed| changed.place.get()).map_err(|error| error.kind())
}

/// Raises how far a member has read.
pub(super) async fn read_to(
    timeline: &Timeline,
    id: &str,
    conversation: &Conversation,
    place: u64,
) -> Answer {
    let read = timeline.read(&member(id), conversation, seq(place)).await;
    read.map(Seq::get).map_err(|error| error.kind())
}

/// How far these members have read.
pub(super) async fn cursors(timeline: &Timeline, conversation: &Conversation, ids: &[&str]) -> Vec<u64> {
    let members: Vec<_> = ids.iter().map(|id| member(id)).collect();
    timeline.read_of(conversation, &members).await.unwrap().into_iter().map(Seq::get).collect()
}

pub(super) async fn unread(timeline: &Timeline, id: &str, conversation: &Conversation) -> u32 {
    timeline.unread(&member(id), conversation).await.unwrap().get()
}

/// A conversation as a member who is or was in it sees it.
pub(super) async fn view(timeline: &Timeline, id: &str, conversation: &Conversation) -> ConversationView {
    timeline.view(&member(id), conversation).await.unwrap().unwrap()
}

/// The whole list of a member's conversations, read in pages of 2.
pub(super) async fn list(timeline: &Timeline, id: &str) -> Vec<ConversationSummary> {
    let (mut all, mut after) = (Vec::new(), None::<ConversationMark>);
    loop {
        let page = timeline.conversations(&member(id), after.as_ref(), Count::new(2)).await.unwrap();
        assert!(page.conversations.len() == 2 || !page.more, "{page:?}");
        after = page.conversations.last().map(ConversationSummary::mark);
        all.extend(page.conversations);
        if !page.more {
            return all;
        }
    }
}

/// The conversations of the list of a member.
pub(super) async fn listed(timeline: &Timeline, id: &str) -> Vec<Conversation> {
    list(timeline, id).await.into_iter().map(|summary| summary.view.conversation).collect()
}

/// Reads an inbox from its floor to its end as a client does, without a gap.
pub(super) async fn inbox_entries(timeline: &Timeline, id: &str) -> Vec<Entry> {
    let (mut all, mut position) = (Vec::<Entry>::new(), Position::default());
    loop {
        let page = timeline.sync(&member(id), position, Count::new(3)).await.unwrap();
        assert!(!page.reset, "{page:?}");
        let mut expected = position.sequence.max(page.floor);
        for entry in &page.entries {
            expected = expected.next();
            assert_eq!(entry.sequence, expected, "a gap or a repetition");
        }
        assert_eq!(page.entry_set_last_seq, page.entries.last().map_or(Seq::ZERO, |last| last.sequence));
        let Some(last) = page.entries.last() else {
            assert_eq!(page.latest_seq, expected);
            return all;
        };
        position = Position::new(last.sequence, last.tag);
        all.extend(page.entries);
    }
}

/// Reads a history from its floor to its end; checks that it has no gap.
pub(super) async fn history_entries(timeline: &Timeline, conversation: &Conversation) -> Vec<Entry> {
    let (mut all, mut last) = (Vec::new(), Seq::ZERO);
    loop {
        let page = timeline.history(conversation, PageRequest::after(last, Count::new(3))).await.unwrap();
        last = last.max(page.floor);
        for entry in &page.entries {
            last = last.next();
            assert_eq!((entry.sequence, entry.place), (last, last), "a gap or a repetition");
        }
        all.extend(page.entries);
        if !page.more {
            return all;
        }
    }
}

/// What an inbox tells its reader.
pub(super) async fn inbox_told(timeline: &Timeline, id: &str) -> Vec<String> {
    inbox_entries(timeline, id).await.iter().map(told).collect()
}

/// What a history tells its reader.
pub(super) async fn history_told(timeline: &Timeline, conversation: &Conversation) -> Vec<String> {
    history_entries(timeline, conversation).await.iter().map(told).collect()
}

/// Says what an entry tells its reader.
///
/// Checks that its fields agree with each other.
/// A message is its number, with a star if it was edited; a tombstone is its status; what tells of
/// another entry is its kind and its target, and for an edit the text.
pub(super) fn told(entry: &Entry) -> String {
    let (kind, status) = (entry.kind, entry.status);
    let has_target = !matches!(kind, EntryKind::Message | EntryKind::Tombstone);
    assert!(kind == EntryKind::Message || entry.message.as_str() == "{}", "{entry:?}");
    assert_eq!(entry.target > Seq::ZERO, has_target, "{entry:?}");
    assert!(entry.edited.is_none() || kind == EntryKind::Edit, "{entry:?}");
    assert!(entry.place > Seq::ZERO, "{entry:?}");
    match status {
        EntryStatus::Original => assert_eq!(entry.changed_at_ms, 0, "{entry:?}"),
        EntryStatus::Edited | EntryStatus::Recalled | EntryStatus::Deleted => {
            assert!(entry.changed_at_ms > 1_700_000_000_000, "{entry:?}");
        }
        EntryStatus::Expired | EntryStatus::Lost | EntryStatus::Unused => {}
    }
    match kind {
        EntryKind::Message if status == EntryStatus::Edited => format!("{}*", short(&entry.message)),
        EntryKind::Message => short(&entry.message),
        EntryKind::Tombstone => format!("{status:?}").to_lowercase(),
        EntryKind::Edit => {
            let edited = entry.edited.as_ref().map_or_else(|| "-".to_owned(), short);
            format!("edit {} {edited}", entry.target)
        }
        EntryKind::Recall => format!("recall {}", entry.target),
        EntryKind::Deletion => format!("deletion {}", entry.target),
        EntryKind::Purge => format!("purge {}", entry.target),
    }
}

/// The number of a message; that of a long one has a plus.
fn short(message: &Message) -> String {
    let text = message.as_str();
    let inner = text.strip_prefix("{\"n\":").and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
    inner.split_once(',').map_or_else(|| inner.to_owned(), |(number, _)| format!("{number}+"))
}

/// A message of 600 bytes and more, which a store may keep once for many.
pub(super) fn long_message(number: u64) -> Message {
    Message::new(format!("{{\"n\":{number},\"t\":\"{}\"}}", "x".repeat(600))).unwrap()
}

/// Waits until the clock of the store has gone on by a millisecond.
pub(super) async fn tick(timeline: &Timeline) {
    let time = async || {
        let place = say(timeline, "clock", "clock", 0).await;
        let page = PageRequest::after(seq(place - 1), Count::new(1));
        timeline.history(&pair("clock", "clock"), page).await.unwrap().entries[0].at_ms
    };
    let first = time().await;
    while time().await == first {
        tokio::task::yield_now().await;
    }
}
