use std::time::Duration;

use super::*;
use crate::store::IdempotencyKey;
use crate::{Change, EntryKind, EntryStatus, Keep, Message, MessageChange};

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

fn pair(one: &str, other: &str) -> Conversation {
    Conversation::single(member(one), member(other))
}

fn group() -> Conversation {
    Conversation::group(GroupName::new("g").unwrap())
}

fn text(number: u64) -> Message {
    Message::new(format!("{{\"n\":{number}}}")).unwrap()
}

/// A message from one member to another.
fn note(from: &str, to: &str, number: u64) -> Append {
    Append {
        conversation: pair(from, to),
        from: Some(member(from)),
        to: Destination::Member(member(to)),
        recipients: vec![member(from), member(to)],
        message: text(number),
        token: None,
    }
}

fn to_group(from: &str, recipients: &[&str]) -> Append {
    Append {
        conversation: group(),
        from: Some(member(from)),
        to: Destination::Group(GroupName::new("g").unwrap()),
        recipients: recipients.iter().map(|id| member(id)).collect(),
        message: text(1),
        token: None,
    }
}

fn inbox(kept: &Locked, id: &str) -> InboxPage {
    kept.inbox(&member(id), Seq::ZERO.into(), Count::default())
}

fn times(kept: &Locked, conversation: &Conversation) -> Vec<u64> {
    let page = kept.history(conversation, PageRequest::default());
    page.entries.iter().map(|entry| entry.at_ms).collect()
}

fn delete(conversation: Conversation, place: u64) -> MessageChange {
    MessageChange::new(conversation, seq(place), None, Change::Delete)
}

fn seen(page: &InboxPage) -> Vec<(EntryKind, EntryStatus)> {
    page.entries.iter().map(|entry| (entry.kind, entry.status)).collect()
}

const SENT: (EntryKind, EntryStatus) = (EntryKind::Message, EntryStatus::Original);
const EXPIRED: (EntryKind, EntryStatus) = (EntryKind::Tombstone, EntryStatus::Expired);
const PURGE: (EntryKind, EntryStatus) = (EntryKind::Purge, EntryStatus::Original);

#[test]
fn times_do_not_fall_in_a_history_and_none_takes_another_along() {
    let mut kept = Locked::default();
    kept.append(&note("a", "b", 1), 500).unwrap();
    kept.append(&note("c", "b", 2), 100).unwrap();
    assert_eq!(times(&kept, &pair("c", "b")), [100], "the inbox of b was ahead of that");
    kept.append(&note("b", "a", 3), 100).unwrap();
    assert_eq!(times(&kept, &pair("a", "b")), [500, 500]);
    let copies: Vec<_> = inbox(&kept, "b").entries.iter().map(|entry| entry.at_ms).collect();
    assert_eq!(copies, [500, 100, 500], "a message has one time everywhere");
    kept.append(&note("e", "b", 5), 300).unwrap();
    let (changed, news) = kept.change_message(&delete(pair("e", "b"), 1), 200).unwrap();
    let peers: Vec<_> = news.iter().map(|(_, entry)| entry.to.clone()).collect();
    let named = |id| Some(Destination::Member(member(id)));
    assert_eq!(peers, [named("b"), named("e")], "nobody sent it, so it names the other one");
    assert_eq!((times(&kept, &pair("e", "b")), changed.at_ms), (vec![300, 300], 300));
}

#[test]
fn what_is_too_old_goes_from_histories_and_its_copies_lose_their_texts() {
    let mut kept = Locked::default();
    let second = Keep::everything().age(Duration::from_secs(1));
    kept.keep(Retention::new().pairs(second));
    for (number, at_ms) in [(1, 10_000), (2, 10_500)] {
        kept.append(&note("a", "b", number), at_ms).unwrap();
    }
    assert!(kept.expire(10_999).is_empty());
    assert_eq!(seen(&inbox(&kept, "b")), [SENT, SENT]);
    assert!(kept.expire(11_000).is_empty(), "no inbox was freed");
    let page = inbox(&kept, "b");
    assert_eq!((seen(&page), page.floor), (vec![EXPIRED, SENT], Seq::ZERO));
    let (gone, left) = (&page.entries[0], &page.entries[1]);
    assert_eq!((gone.message.as_str(), &gone.from, &gone.to), ("{}", &left.from, &left.to));
    let history = kept.history(&pair("a", "b"), PageRequest::default());
    assert_eq!((history.entries.len(), history.floor), (1, seq(1)));
    kept.expire(20_000);
    let history = kept.history(&pair("a", "b"), PageRequest::default());
    assert_eq!((history.entries.len(), history.floor), (0, seq(2)));
    let appended = kept.append(&note("a", "b", 3), 20_000).unwrap().appended;
    assert_eq!((appended.place, appended.sequence), (seq(3), seq(3)));
}

#[test]
fn whose_inbox_was_freed_by_its_age_is_told() {
    let mut kept = Locked::default();
    kept.keep(Retention::new().inboxes(Keep::everything().age(Duration::from_secs(1))));
    kept.append(&note("a", "b", 1), 10_000).unwrap();
    kept.append(&note("c", "d", 2), 10_900).unwrap();
    let mut freed = kept.expire(11_000);
    freed.sort();
    assert_eq!(freed, [member("a"), member("b")]);
    assert_eq!((inbox(&kept, "b").floor, inbox(&kept, "d").floor), (seq(1), Seq::ZERO));
    assert_eq!(kept.history(&pair("a", "b"), PageRequest::default()).entries.len(), 1);
}

#[test]
fn the_newest_entries_are_kept_by_their_number_and_message_ids_go_with_the_others() {
    let mut kept = Locked::default();
    kept.keep(Retention::new().pairs(Keep::everything().entries(2)).inboxes(Keep::everything().entries(3)));
    let send = |number| Append {
        token: Some(IdempotencyKey::new(MessageId::new("id").unwrap(), [1; 16])),
        ..note("a", "b", number)
    };
    kept.append(&send(1), 1).unwrap();
    for number in [2, 3] {
        kept.append(&note("a", "b", number), 1).unwrap();
    }
    assert_eq!(kept.history(&pair("a", "b"), PageRequest::default()).floor, seq(1));
    assert_eq!(seen(&inbox(&kept, "b")), [EXPIRED, SENT, SENT]);
    let again = kept.append(&send(1), 1).unwrap().appended;
    assert_eq!(again.place, seq(4), "the id is free again");
    let repeated = kept.append(&send(1), 1).unwrap().appended;
    assert_eq!(repeated.place, seq(4));
    let page = inbox(&kept, "b");
    assert_eq!((seen(&page), page.floor), (vec![EXPIRED, SENT, SENT], seq(1)));
}

#[test]
fn a_purge_is_told_once_to_who_is_concerned_and_names_the_other_of_a_pair() {
    let mut kept = Locked::default();
    kept.append(&note("a", "b", 1), 1).unwrap();
    let (place, news) = kept.purge(&pair("a", "b"), 2);
    assert_eq!((place, news.len()), (seq(2), 2));
    for (id, peer) in [("a", "b"), ("b", "a")] {
        let page = inbox(&kept, id);
        assert_eq!(seen(&page), [EXPIRED, PURGE]);
        let purge = &page.entries[1];
        assert_eq!((purge.target, purge.place), (seq(1), seq(2)));
        assert_eq!(purge.to, Some(Destination::Member(member(peer))));
        assert!(news.iter().any(|(to, entry)| to.as_str() == id && entry == purge));
    }
    let (again, news) = kept.purge(&pair("a", "b"), 3);
    assert_eq!((again, news.len()), (seq(2), 0));
    let (unknown, news) = kept.purge(&pair("x", "y"), 3);
    assert_eq!((unknown, news.len()), (Seq::ZERO, 0));
}

#[test]
fn a_change_tells_the_recipients_of_the_message_and_spares_what_was_freed() {
    let mut kept = Locked::default();
    kept.append(&to_group("a", &["a", "b"]), 1).unwrap();
    kept.append(&to_group("a", &["c"]), 1).unwrap();
    kept.ack(&member("b"), seq(1)).unwrap();
    let edit = MessageChange::new(group(), seq(1), Some(member("a")), Change::Edit(text(7)));
    let (changed, news) = kept.change_message(&edit, 2).unwrap();
    let told: Vec<_> = news.iter().map(|(member, entry)| (member.as_str(), entry.sequence)).collect();
    assert_eq!((changed.place, told), (seq(3), vec![("a", seq(2)), ("b", seq(2))]));
    assert!(news.iter().all(|(_, entry)| entry.edited == Some(text(7)) && entry.target == seq(1)));
    assert_eq!(inbox(&kept, "a").entries[0].message, text(7));
    assert_eq!(inbox(&kept, "b").entries[0].kind, EntryKind::Edit);
    assert_eq!(seen(&inbox(&kept, "c")), [SENT]);
    let (again, news) = kept.change_message(&edit, 3).unwrap();
    assert_eq!((again, news.len()), (changed, 0));
    kept.change_message(&delete(group(), 1), 4).unwrap();
    let page = inbox(&kept, "a");
    assert_eq!((page.entries[1].kind, &page.entries[1].edited), (EntryKind::Edit, &None), "its text is gone");
}

#[test]
fn a_message_that_was_taken_back_can_still_be_deleted_and_not_the_other_way_round() {
    let mut kept = Locked::default();
    kept.append(&note("a", "b", 1), 1).unwrap();
    let mut change = |change| {
        let change = MessageChange::new(pair("a", "b"), seq(1), Some(member("a")), change);
        let changed = kept.change_message(&change, 2);
        let status = kept.history(&pair("a", "b"), PageRequest::default()).entries[0].status;
        changed.map(|(changed, _)| (changed.place.get(), status)).map_err(|error| error.kind())
    };
    assert_eq!(change(Change::Edit(text(1))), Ok((1, EntryStatus::Original)), "the text is the same");
    assert_eq!(change(Change::Recall), Ok((2, EntryStatus::Recalled)));
    assert_eq!(change(Change::Recall), Ok((2, EntryStatus::Recalled)));
    assert_eq!(change(Change::Delete), Ok((3, EntryStatus::Deleted)));
    assert_eq!(change(Change::Recall), Ok((3, EntryStatus::Deleted)));
    assert_eq!(change(Change::Edit(text(1))), Err(ErrorKind::Conflict));
    let place =
        |place, by: &str| MessageChange::new(pair("a", "b"), seq(place), Some(member(by)), Change::Recall);
    let mut error = |change| kept.change_message(&change, 3).unwrap_err().kind();
    assert_eq!(error(place(1, "b")), ErrorKind::Forbidden);
    assert_eq!(error(place(2, "a")), ErrorKind::NotFound, "it tells of a change");
    assert_eq!(error(place(9, "b")), ErrorKind::NotFound);
}

#[test]
fn conversations_leave_the_list_while_they_have_nothing_and_come_back() {
    let mut kept = Locked::default();
    kept.append(&note("a", "b", 1), 10).unwrap();
    kept.append(&to_group("b", &["a", "b"]), 20).unwrap();
    let listed = |kept: &Locked| -> Vec<(Conversation, u32)> {
        let page = kept.conversations(&member("a"), None, Count::default()).unwrap();
        let view = |of: &crate::ConversationSummary| (of.view.conversation.clone(), of.view.unread.get());
        page.conversations.iter().map(view).collect()
    };
    assert_eq!(listed(&kept), [(group(), 1), (pair("a", "b"), 0)]);
    kept.clear(&member("a"), &group()).unwrap();
    assert_eq!(listed(&kept), [(pair("a", "b"), 0)]);
    kept.append(&to_group("b", &["a", "b"]), 30).unwrap();
    assert_eq!(listed(&kept), [(group(), 1), (pair("a", "b"), 0)]);
    kept.purge(&pair("a", "b"), 40);
    assert_eq!(listed(&kept), [(group(), 1)]);
    kept.append(&note("b", "a", 2), 50).unwrap();
    assert_eq!(listed(&kept), [(pair("a", "b"), 1), (group(), 1)]);
    assert!(kept.forget(&member("a")));
    assert!(listed(&kept).is_empty());
    assert_eq!(kept.view(&member("a"), &group()), None);
}
