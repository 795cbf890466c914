//! Laws of the deletion of whole histories.

use tokio::task::JoinSet;

use super::calls::*;
use super::world::*;
use crate::{Count, Destination, ErrorKind, GroupName, NewGroup, NewGroupMessage, PageRequest};

/// After a purge no reader sees a text of the history, in inboxes neither.
///
/// An entry in the history and in the inboxes tells of it. Other conversations keep theirs.
pub async fn a_purge_leaves_no_text_of_a_history(world: &dyn World) {
    let timeline = open(world).await;
    let ab = pair("a", "b");
    for number in 1..=3 {
        say(&timeline, "a", "b", number).await;
        say(&timeline, "c", "b", 10 + number).await;
    }
    assert!(edit(&timeline, &ab, 1, Some("a"), 4).await.is_ok());
    assert!(recall(&timeline, &ab, 2, Some("a")).await.is_ok());
    let before = inbox_entries(&timeline, "b").await;
    assert_eq!(timeline.purge(&ab).await.unwrap(), seq(6));
    let of_b = ["expired", "11", "expired", "12", "expired", "13"];
    for _ in 0..2 {
        assert_eq!(history_told(&timeline, &ab).await, ["purge 5"]);
        // One that was taken back before may say either.
        let after = inbox_told(&timeline, "b").await;
        let after: Vec<_> = after.into_iter().map(|told| told.replace("recalled", "expired")).collect();
        assert_eq!((&after[..6], after[after.len() - 1].as_str()), (&of_b.map(str::to_owned)[..], "purge 5"));
        let texts = inbox_entries(&timeline, "a").await;
        assert!(
            texts.iter().all(|entry| entry.message.as_str() == "{}" && entry.edited.is_none()),
            "{texts:?}"
        );
        assert_eq!(timeline.purge(&ab).await.unwrap(), seq(6), "a purge of nothing but a purge");
    }
    for (one, other) in inbox_entries(&timeline, "b").await.iter().zip(&before) {
        assert_eq!((one.sequence, one.tag, one.at_ms), (other.sequence, other.tag, other.at_ms));
        assert_eq!((&one.from, &one.to, &one.message_id), (&other.from, &other.to, &other.message_id));
    }
    assert_eq!(history_told(&timeline, &pair("b", "c")).await, ["11", "12", "13"]);
}

/// Nothing of a purged history can be read by its place, or changed.
///
/// The page says up to where it is gone, and what comes is counted on.
pub async fn a_purged_history_counts_on(world: &dyn World) {
    let timeline = open(world).await;
    let (ab, count) = (pair("a", "b"), Count::default());
    for number in 1..=4 {
        say(&timeline, "a", "b", number).await;
    }
    assert_eq!(timeline.purge(&ab).await.unwrap(), seq(5));
    for place in 1..=5 {
        assert_eq!(recall(&timeline, &ab, place, None).await, Err(ErrorKind::NotFound));
        assert_eq!(edit(&timeline, &ab, place, Some("a"), 9).await, Err(ErrorKind::NotFound));
    }
    assert_eq!(say(&timeline, "b", "a", 6).await, 6);
    for page in [
        PageRequest::after(seq(0), count),
        PageRequest::after(seq(2), count),
        PageRequest::before(seq(0), count),
    ] {
        let page = timeline.history(&ab, page).await.unwrap();
        assert_eq!(page.entries.iter().map(told).collect::<Vec<_>>(), ["purge 4", "6"]);
        assert_eq!((page.floor, page.more), (seq(4), false));
    }
    let below = timeline.history(&ab, PageRequest::before(seq(5), count)).await.unwrap();
    assert_eq!((below.entries.len(), below.more, below.floor), (0, false, seq(4)));
    assert!(timeline.shutdown(GRACE).await);
    let timeline = open(world).await;
    assert_eq!(say(&timeline, "a", "b", 7).await, 7);
    assert_eq!(history_told(&timeline, &ab).await, ["purge 4", "6", "7"]);
    let expired = ["expired", "expired", "expired", "expired", "purge 4", "6", "7"];
    assert_eq!(inbox_told(&timeline, "a").await, expired);
    assert_eq!(timeline.purge(&ab).await.unwrap(), seq(8));
    assert_eq!(history_told(&timeline, &ab).await, ["purge 7"]);
    assert_eq!(inbox_told(&timeline, "b").await[4..], ["purge 4", "expired", "expired", "purge 7"]);
}

/// A purged conversation is gone from both lists until a message comes.
pub async fn a_purged_conversation_is_gone_from_the_lists(world: &dyn World) {
    let timeline = open(world).await;
    let ab = pair("a", "b");
    for number in 1..=3 {
        say(&timeline, "a", "b", number).await;
    }
    assert_eq!(unread(&timeline, "b", &ab).await, 3);
    timeline.purge(&ab).await.unwrap();
    for id in ["a", "b"] {
        assert!(listed(&timeline, id).await.is_empty());
        assert_eq!(unread(&timeline, id, &ab).await, 0);
        let seen = view(&timeline, id, &ab).await;
        assert_eq!((seen.floor, seen.latest), (seq(3), seq(4)));
    }
    assert_eq!(say(&timeline, "a", "b", 5).await, 5);
    for (id, expected) in [("a", 0), ("b", 1)] {
        assert_eq!(listed(&timeline, id).await, std::slice::from_ref(&ab));
        assert_eq!(unread(&timeline, id, &ab).await, expected);
        assert_eq!(told(&list(&timeline, id).await.remove(0).last.unwrap()), "5");
    }
}

/// The purge of a group is told to the members that the store knows.
///
/// It is told to the recipients of the last message, too. Whoever has a copy sees it expire, told
/// or not, and also a text that a store keeps once for many.
pub async fn a_purge_of_a_group_is_told_to_its_members(world: &dyn World) {
    let timeline = open(world).await;
    let names: Vec<_> = (0..30).map(|number| format!("m{number}")).collect();
    let members: Vec<_> = names.iter().map(String::as_str).collect();
    let new = NewGroup::new(GroupName::new("g").unwrap()).members([member("known"), member("m0")]);
    timeline.create_group(new).await.unwrap();
    let long = NewGroupMessage { message: long_message(1), ..group_send("g", &members, 0) };
    timeline.send_group(long).await.unwrap();
    say_to(&timeline, "m0", "g", &members, 2).await;
    say_to(&timeline, "m0", "g", &["m1", "m2"], 3).await;
    assert_eq!(timeline.purge(&group("g")).await.unwrap(), seq(4));
    assert_eq!(history_told(&timeline, &group("g")).await, ["purge 3"]);
    assert_eq!(inbox_told(&timeline, "known").await, ["purge 3"]);
    assert_eq!(inbox_told(&timeline, "m0").await, ["expired", "expired", "purge 3"]);
    assert_eq!(inbox_told(&timeline, "m1").await, ["expired", "expired", "expired", "purge 3"]);
    assert_eq!(inbox_told(&timeline, "m29").await, ["expired", "expired"]);
    assert!(timeline.group(&GroupName::new("g").unwrap()).await.unwrap().is_some(), "the group stays");
    assert!(timeline.shutdown(GRACE).await);
    let timeline = open(world).await;
    assert_eq!(inbox_told(&timeline, "m29").await, ["expired", "expired"]);
    assert_eq!(say_to(&timeline, "m0", "g", &["m29"], 5).await, 5);
    assert_eq!(inbox_told(&timeline, "m29").await, ["expired", "expired", "5"]);
}

/// A purge of what never had an entry writes nothing, and its place is 0.
pub async fn a_purge_of_nothing_writes_nothing(world: &dyn World) {
    let timeline = open(world).await;
    let known = NewGroup::new(GroupName::new("g").unwrap()).members([member("a")]);
    timeline.create_group(known).await.unwrap();
    for conversation in [pair("a", "b"), group("g"), group("unknown")] {
        assert_eq!(timeline.purge(&conversation).await.unwrap(), seq(0));
        assert!(history_told(&timeline, &conversation).await.is_empty());
    }
    assert!(inbox_told(&timeline, "a").await.is_empty());
    assert_eq!(listed(&timeline, "a").await, [group("g")]);
    assert_eq!(say(&timeline, "a", "b", 1).await, 1);
}

/// What nobody sent names in each inbox of a pair the other member.
///
/// Otherwise a reader could not say which conversation it is about.
pub async fn what_nobody_sent_names_the_other_member_of_a_pair(world: &dyn World) {
    let timeline = open(world).await;
    say(&timeline, "a", "b", 1).await;
    say_to(&timeline, "a", "g", &["a", "b"], 2).await;
    assert_eq!(delete(&timeline, &pair("a", "b"), 1, None).await, Ok(2));
    assert_eq!(delete(&timeline, &group("g"), 1, None).await, Ok(2));
    timeline.purge(&pair("a", "b")).await.unwrap();
    timeline.purge(&group("g")).await.unwrap();
    let of_group = Destination::Group(GroupName::new("g").unwrap());
    for (id, peer) in [("a", "b"), ("b", "a")] {
        let entries = inbox_entries(&timeline, id).await;
        let (peer, of_group) = (Some(Destination::Member(member(peer))), Some(of_group.clone()));
        assert!(entries[2..].iter().all(|entry| entry.from.is_none()), "{entries:?}");
        let named: Vec<_> = entries[2..].iter().map(|entry| entry.to.clone()).collect();
        assert_eq!(named, [peer.clone(), of_group.clone(), peer, of_group]);
    }
    say(&timeline, "c", "c", 3).await;
    assert_eq!(delete(&timeline, &pair("c", "c"), 1, None).await, Ok(2));
    assert_eq!(inbox_entries(&timeline, "c").await[1].to, Some(Destination::Member(member("c"))));
}

/// The message ids of purged messages are free again, and not before.
pub async fn the_ids_of_purged_messages_are_free_again(world: &dyn World) {
    let timeline = open(world).await;
    let ab = pair("a", "b");
    assert_eq!(say_id(&timeline, "a", "b", 1, "one").await, Ok(1));
    assert_eq!(say_id(&timeline, "a", "b", 2, "two").await, Ok(2));
    assert_eq!(say_id(&timeline, "a", "c", 1, "one").await, Ok(1));
    assert_eq!(say_id(&timeline, "a", "b", 9, "one").await, Err(ErrorKind::Conflict));
    timeline.purge(&ab).await.unwrap();
    assert_eq!(say_id(&timeline, "a", "b", 9, "one").await, Ok(4), "free, also for another text");
    assert_eq!(say_id(&timeline, "a", "b", 9, "one").await, Ok(4), "and used again");
    assert_eq!(say_id(&timeline, "a", "b", 1, "one").await, Err(ErrorKind::Conflict));
    assert_eq!(say_id(&timeline, "a", "c", 9, "one").await, Err(ErrorKind::Conflict), "not purged");
    assert!(timeline.shutdown(GRACE).await);
    let timeline = open(world).await;
    assert_eq!(say_id(&timeline, "a", "b", 2, "two").await, Ok(5));
    assert_eq!(say_id(&timeline, "a", "b", 9, "one").await, Ok(4));
    assert_eq!(history_told(&timeline, &ab).await, ["purge 2", "9", "2"]);
}

/// Among sends a purge leaves no gap, and nothing below it.
pub async fn purges_among_sends_leave_no_gap(world: &dyn World) {
    let timeline = open(world).await;
    let ab = pair("a", "b");
    let mut tasks = JoinSet::new();
    for task in 0..4 {
        let timeline = timeline.clone();
        tasks.spawn(async move {
            for number in 0..20 {
                say(&timeline, "a", "b", task * 20 + number).await;
            }
        });
    }
    for _ in 0..5 {
        say(&timeline, "b", "a", 100).await;
        let purged = timeline.purge(&ab).await.unwrap();
        let history = history_entries(&timeline, &ab).await;
        assert!(history.iter().all(|entry| entry.place >= purged), "{purged}: {history:?}");
        let inbox = inbox_entries(&timeline, "b").await;
        let readable = inbox.iter().filter(|entry| entry.place < purged && entry.message.as_str() != "{}");
        assert_eq!(readable.count(), 0);
    }
    while let Some(result) = tasks.join_next().await {
        result.unwrap();
    }
    let history = history_told(&timeline, &ab).await;
    let inbox = inbox_told(&timeline, "b").await;
    assert_eq!(inbox.len(), 4 * 20 + 5 + 5);
    assert_eq!(inbox[inbox.len() - history.len()..], history);
}
