//! Laws of edits, recalls and deletions.

use super::calls::*;
use super::world::*;
use crate::{
    Count, Destination, EntryKind, ErrorKind, GroupName, Message, MessageId, NewGroupMessage, NewMessage,
    PageRequest, Position, Timeline,
};

/// An edit changes the message in the history and in both inboxes.
///
/// Beside its text, status and time the message stays as it was. An entry tells of the edit, and
/// shows the text.
pub async fn an_edit_is_seen_in_the_history_and_both_inboxes(world: &dyn World) {
    let timeline = open(world).await;
    assert_eq!(say_id(&timeline, "a", "b", 1, "id").await, Ok(1));
    say(&timeline, "c", "b", 2).await;
    let before = history_entries(&timeline, &pair("a", "b")).await;
    assert_eq!(edit(&timeline, &pair("b", "a"), 1, Some("a"), 3).await, Ok(2));
    assert_eq!(history_told(&timeline, &pair("a", "b")).await, ["3*", "edit 1 3"]);
    assert_eq!(inbox_told(&timeline, "a").await, ["3*", "edit 1 3"]);
    assert_eq!(inbox_told(&timeline, "b").await, ["3*", "2", "edit 1 3"]);
    assert_eq!(inbox_told(&timeline, "c").await, ["2"]);
    let history = history_entries(&timeline, &pair("a", "b")).await;
    for entries in [&history, &inbox_entries(&timeline, "a").await, &inbox_entries(&timeline, "b").await] {
        let (edited, telling) = (&entries[0], &entries[entries.len() - 1]);
        assert_eq!((edited.tag, edited.at_ms), (before[0].tag, before[0].at_ms));
        assert_eq!(edited.message_id, Some(MessageId::new("id").unwrap()));
        assert_eq!((&edited.from, &edited.to), (&before[0].from, &before[0].to));
        assert_eq!((edited.place, telling.place), (seq(1), seq(2)));
        assert_eq!(telling.from, Some(member("a")));
        assert_eq!(telling.to, Some(Destination::Member(member("b"))));
        assert_eq!((&telling.message_id, telling.tag), (&None, history[1].tag));
        assert!(telling.tag.is_some() && telling.tag != edited.tag);
        assert!(telling.at_ms >= edited.at_ms);
    }
}

/// A recall leaves a tombstone in the history and in both inboxes.
pub async fn a_recall_leaves_a_tombstone_everywhere(world: &dyn World) {
    let timeline = open(world).await;
    for number in 1..=3 {
        say(&timeline, "a", "b", number).await;
    }
    let before = inbox_entries(&timeline, "b").await;
    assert_eq!(recall(&timeline, &pair("a", "b"), 2, Some("a")).await, Ok(4));
    let expected = ["1", "recalled", "3", "recall 2"];
    assert_eq!(history_told(&timeline, &pair("a", "b")).await, expected);
    assert_eq!(inbox_told(&timeline, "a").await, expected);
    assert_eq!(inbox_told(&timeline, "b").await, expected);
    let after = inbox_entries(&timeline, "b").await;
    assert_eq!(
        (after[1].tag, after[1].at_ms, &after[1].from),
        (before[1].tag, before[1].at_ms, &before[1].from)
    );
    assert_eq!([&after[0], &after[2]], [&before[0], &before[2]]);
}

/// A deletion leaves a tombstone that says so.
///
/// The entry that tells of one by the program itself has no sender.
pub async fn a_deletion_leaves_a_tombstone_everywhere(world: &dyn World) {
    let timeline = open(world).await;
    say(&timeline, "a", "b", 1).await;
    say(&timeline, "b", "a", 2).await;
    assert_eq!(delete(&timeline, &pair("a", "b"), 1, None).await, Ok(3));
    assert_eq!(delete(&timeline, &pair("a", "b"), 2, Some("b")).await, Ok(4));
    let expected = ["deleted", "deleted", "deletion 1", "deletion 2"];
    assert_eq!(history_told(&timeline, &pair("a", "b")).await, expected);
    for id in ["a", "b"] {
        assert_eq!(inbox_told(&timeline, id).await, expected);
        let entries = inbox_entries(&timeline, id).await;
        assert_eq!((&entries[2].from, &entries[3].from), (&None, &Some(member("b"))));
    }
}

/// A note to oneself is changed in its one copy.
pub async fn a_note_to_oneself_is_changed_once(world: &dyn World) {
    let timeline = open(world).await;
    say(&timeline, "a", "a", 1).await;
    say(&timeline, "a", "a", 2).await;
    assert_eq!(edit(&timeline, &pair("a", "a"), 1, Some("a"), 3).await, Ok(3));
    assert_eq!(recall(&timeline, &pair("a", "a"), 2, Some("a")).await, Ok(4));
    assert_eq!(edit(&timeline, &pair("a", "a"), 1, None, 5).await, Ok(5), "by the program");
    let expected = ["5*", "recalled", "edit 1 5", "recall 2", "edit 1 5"];
    assert_eq!(history_told(&timeline, &pair("a", "a")).await, expected);
    assert_eq!(inbox_told(&timeline, "a").await, expected);
}

/// A change of a group's message reaches every recipient, however many they are.
///
/// It reaches those who left meanwhile, too, and nobody else. A long text, which a store may keep
/// once for all, is changed like a short one.
pub async fn a_change_of_a_message_to_many_is_seen_by_all(world: &dyn World) {
    let timeline = open(world).await;
    let names: Vec<_> = (0..40).map(|number| format!("m{number}")).collect();
    let members: Vec<_> = names.iter().map(String::as_str).collect();
    for recipients in [&members[..], &members[..3]] {
        for text in [message(1), long_message(2), long_message(3), long_message(4), message(5)] {
            let send = group_send("g", recipients, 0).from(member("m0"));
            timeline.send_group(NewGroupMessage { message: text, ..send }).await.unwrap();
        }
    }
    let g = group("g");
    let long = async |place, number| {
        let by = Some(member("m0"));
        timeline.edit(&g, seq(place), by, long_message(number)).await.unwrap().place.get()
    };
    assert_eq!(edit(&timeline, &g, 2, Some("m0"), 6).await, Ok(11));
    assert_eq!(recall(&timeline, &g, 3, Some("m0")).await, Ok(12));
    assert_eq!(long(4, 7).await, 13);
    assert_eq!(long(5, 8).await, 14);
    assert_eq!(long(7, 9).await, 15);
    let first = ["1", "6*", "recalled", "7+*", "8+*"];
    let second = ["1", "9+*", "3+", "4+", "5"];
    let telling = ["edit 2 6", "recall 3", "edit 4 7+", "edit 5 8+"];
    let of_all = [&first[..], &second, &telling, &["edit 7 9+"]].concat();
    assert_eq!(history_told(&timeline, &g).await, of_all);
    assert_eq!(inbox_told(&timeline, "m2").await, of_all);
    for name in ["m3", "m20", "m39"] {
        assert_eq!(inbox_told(&timeline, name).await, [&first[..], &telling].concat(), "{name}");
        let edited = &inbox_entries(&timeline, name).await[3];
        assert_eq!(edited.message, long_message(7), "whole, not only its number");
        assert_eq!(edited.to, Some(Destination::Group(GroupName::new("g").unwrap())));
    }
    assert!(timeline.shutdown(GRACE).await);
    let timeline = open(world).await;
    assert_eq!(history_told(&timeline, &g).await, of_all);
    assert_eq!(inbox_told(&timeline, "m39").await, [&first[..], &telling].concat());
}

/// A copy that was acknowledged is no obstacle: the reader is told all the same.
pub async fn an_acknowledged_copy_is_no_obstacle_to_a_change(world: &dyn World) {
    let timeline = open(world).await;
    for number in 1..=3 {
        say(&timeline, "a", "b", number).await;
    }
    timeline.ack(&member("b"), seq(2)).await.unwrap();
    assert_eq!(edit(&timeline, &pair("a", "b"), 1, Some("a"), 4).await, Ok(4));
    assert_eq!(recall(&timeline, &pair("a", "b"), 2, Some("a")).await, Ok(5));
    timeline.ack(&member("b"), seq(3)).await.unwrap();
    assert_eq!(delete(&timeline, &pair("a", "b"), 3, Some("a")).await, Ok(6));
    assert_eq!(inbox_told(&timeline, "b").await, ["edit 1 4", "recall 2", "deletion 3"]);
    let all = ["4*", "recalled", "deleted", "edit 1 4", "recall 2", "deletion 3"];
    assert_eq!(inbox_told(&timeline, "a").await, all);
    assert_eq!(history_told(&timeline, &pair("a", "b")).await, all);
}

/// A page that is read later shows the change, and each position stays valid.
///
/// A reader that has the message already is told by the entry at the end.
pub async fn positions_stay_valid_through_changes(world: &dyn World) {
    let timeline = open(world).await;
    for number in 1..=4 {
        say(&timeline, "a", "b", number).await;
    }
    let b = member("b");
    let first = timeline.sync(&b, seq(0), Count::new(2)).await.unwrap();
    assert_eq!(recall(&timeline, &pair("a", "b"), 2, Some("a")).await, Ok(5));
    assert_eq!(edit(&timeline, &pair("a", "b"), 3, Some("a"), 9).await, Ok(6));
    let position = Position::new(seq(2), first.entries[1].tag);
    let rest = timeline.sync(&b, position, Count::default()).await.unwrap();
    assert!(!rest.reset && rest.generation == first.generation);
    assert_eq!(rest.entries.iter().map(told).collect::<Vec<_>>(), ["9*", "4", "recall 2", "edit 3 9"]);
    for entry in inbox_entries(&timeline, "b").await {
        let page =
            timeline.sync(&b, Position::new(entry.sequence, entry.tag), Count::default()).await.unwrap();
        assert!(!page.reset, "{entry:?}");
        assert_eq!(page.entries.len() as u64, 6 - entry.sequence.get());
    }
    let page = PageRequest::before(seq(3), Count::new(1));
    let history = timeline.history(&pair("a", "b"), page).await.unwrap();
    assert_eq!(history.entries.iter().map(told).collect::<Vec<_>>(), ["recalled"]);
}

/// A change that is repeated has one effect, and the same answer.
///
/// So has an edit to the text that the message has.
pub async fn a_repeated_change_has_one_effect(world: &dyn World) {
    let timeline = open(world).await;
    let ab = pair("a", "b");
    for number in 1..=4 {
        say(&timeline, "a", "b", number).await;
    }
    assert_eq!(edit(&timeline, &ab, 4, Some("a"), 4).await, Ok(4), "it was never changed");
    repeat_changes(&timeline).await;
    repeat_changes(&timeline).await;
    assert!(timeline.shutdown(GRACE).await);
    repeat_changes(&open(world).await).await;
}

async fn repeat_changes(timeline: &Timeline) {
    let ab = pair("a", "b");
    assert_eq!(edit(timeline, &ab, 1, Some("a"), 9).await, Ok(5));
    assert_eq!(recall(timeline, &ab, 2, Some("a")).await, Ok(6));
    assert_eq!(delete(timeline, &ab, 3, Some("a")).await, Ok(7));
    let expected = ["9*", "recalled", "deleted", "4", "edit 1 9", "recall 2", "deletion 3"];
    assert_eq!(history_told(timeline, &ab).await, expected);
    assert_eq!(inbox_told(timeline, "b").await, expected);
}

/// An edit of an edited message counts; both tellings show the latest text.
///
/// Once the message is gone they show none.
pub async fn an_edit_of_an_edit_shows_the_latest_text(world: &dyn World) {
    let timeline = open(world).await;
    let ab = pair("a", "b");
    say(&timeline, "a", "b", 1).await;
    assert_eq!(edit(&timeline, &ab, 1, Some("a"), 2).await, Ok(2));
    assert_eq!(edit(&timeline, &ab, 1, Some("a"), 3).await, Ok(3));
    assert_eq!(inbox_told(&timeline, "b").await, ["3*", "edit 1 3", "edit 1 3"]);
    assert_eq!(edit(&timeline, &ab, 1, Some("a"), 1).await, Ok(4), "back to its first text");
    assert_eq!(history_told(&timeline, &ab).await, ["1*", "edit 1 1", "edit 1 1", "edit 1 1"]);
    assert_eq!(recall(&timeline, &ab, 1, Some("a")).await, Ok(5));
    let expected = ["recalled", "edit 1 -", "edit 1 -", "edit 1 -", "recall 1"];
    assert_eq!(history_told(&timeline, &ab).await, expected);
    assert_eq!(inbox_told(&timeline, "a").await, expected);
    assert_eq!(inbox_told(&timeline, "b").await, expected);
}

/// A message that was taken back may still be deleted, and nothing else.
pub async fn a_recalled_message_may_be_deleted_but_not_edited(world: &dyn World) {
    let timeline = open(world).await;
    let ab = pair("a", "b");
    say(&timeline, "a", "b", 1).await;
    assert_eq!(recall(&timeline, &ab, 1, Some("a")).await, Ok(2));
    assert_eq!(edit(&timeline, &ab, 1, Some("a"), 2).await, Err(ErrorKind::Conflict));
    assert_eq!(delete(&timeline, &ab, 1, None).await, Ok(3));
    assert_eq!(recall(&timeline, &ab, 1, Some("a")).await, Ok(3), "it is deleted already");
    assert_eq!(edit(&timeline, &ab, 1, None, 2).await, Err(ErrorKind::Conflict));
    let expected = ["deleted", "recall 1", "deletion 1"];
    assert_eq!(history_told(&timeline, &ab).await, expected);
    assert_eq!(inbox_told(&timeline, "b").await, expected);
}

/// Only who sent a message changes it, or the program itself.
///
/// One whose sender was not named is the program's. What is refused leaves no trace.
pub async fn only_the_sender_and_the_program_change_a_message(world: &dyn World) {
    let timeline = open(world).await;
    let ab = pair("a", "b");
    say(&timeline, "a", "b", 1).await;
    timeline.send_group(group_send("g", &["a", "b"], 2)).await.unwrap();
    for by in [Some("b"), Some("x")] {
        assert_eq!(edit(&timeline, &ab, 1, by, 3).await, Err(ErrorKind::Forbidden));
        assert_eq!(recall(&timeline, &ab, 1, by).await, Err(ErrorKind::Forbidden));
        assert_eq!(delete(&timeline, &ab, 1, by).await, Err(ErrorKind::Forbidden));
        assert_eq!(recall(&timeline, &group("g"), 1, by).await, Err(ErrorKind::Forbidden));
    }
    assert_eq!(inbox_told(&timeline, "b").await, ["1", "2"]);
    assert_eq!(edit(&timeline, &ab, 1, None, 3).await, Ok(2));
    for id in ["a", "b"] {
        assert_eq!(inbox_told(&timeline, id).await, ["3*", "2", "edit 1 3"]);
    }
    assert_eq!(recall(&timeline, &group("g"), 1, None).await, Ok(2));
    // That it is gone makes nobody else its sender.
    assert_eq!(delete(&timeline, &ab, 1, Some("a")).await, Ok(3));
    assert_eq!(edit(&timeline, &ab, 1, Some("b"), 3).await, Err(ErrorKind::Forbidden));
    assert_eq!(
        inbox_told(&timeline, "b").await,
        ["deleted", "recalled", "edit 1 -", "recall 1", "deletion 1"]
    );
}

/// What is no message, or not there, cannot be changed.
pub async fn what_is_no_message_cannot_be_changed(world: &dyn World) {
    let timeline = open(world).await;
    let (ab, missing) = (pair("a", "b"), Err(ErrorKind::NotFound));
    assert_eq!(recall(&timeline, &ab, 1, Some("a")).await, missing);
    say(&timeline, "a", "b", 1).await;
    say(&timeline, "a", "b", 2).await;
    assert_eq!(edit(&timeline, &ab, 1, Some("a"), 3).await, Ok(3));
    assert_eq!(recall(&timeline, &ab, 2, Some("a")).await, Ok(4));
    for place in [0, 3, 4, 5, i64::MAX.unsigned_abs()] {
        for by in [Some("a"), Some("x"), None] {
            assert_eq!(edit(&timeline, &ab, place, by, 9).await, missing, "{place}");
            assert_eq!(recall(&timeline, &ab, place, by).await, missing, "{place}");
            assert_eq!(delete(&timeline, &ab, place, by).await, missing, "{place}");
        }
    }
    assert_eq!(delete(&timeline, &group("a"), 1, None).await, missing);
    assert_eq!(inbox_told(&timeline, "b").await, ["3*", "recalled", "edit 1 3", "recall 2"]);
}

/// An edit to a text that is too large is refused, and leaves no trace.
pub async fn an_edit_out_of_bounds_leaves_no_trace(world: &dyn World) {
    let timeline = open(world).await;
    say(&timeline, "a", "b", 1).await;
    let large = Message::new(format!("{{\"t\":\"{}\"}}", "x".repeat(64 * 1024))).unwrap();
    let refused = timeline.edit(&pair("a", "b"), seq(1), Some(member("a")), large).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert_eq!(inbox_told(&timeline, "b").await, ["1"]);
}

/// The id of a message that was changed is still its own.
///
/// The send that is repeated has the first answer, and brings nothing back.
pub async fn a_repeated_send_brings_no_changed_message_back(world: &dyn World) {
    let timeline = open(world).await;
    let ab = pair("a", "b");
    assert_eq!(say_id(&timeline, "a", "b", 1, "one").await, Ok(1));
    assert_eq!(say_id(&timeline, "a", "b", 2, "two").await, Ok(2));
    assert_eq!(edit(&timeline, &ab, 1, Some("a"), 3).await, Ok(3));
    assert_eq!(recall(&timeline, &ab, 2, Some("a")).await, Ok(4));
    assert_eq!(say_id(&timeline, "a", "b", 1, "one").await, Ok(1));
    assert_eq!(say_id(&timeline, "a", "b", 2, "two").await, Ok(2));
    assert_eq!(say_id(&timeline, "a", "b", 3, "one").await, Err(ErrorKind::Conflict));
    assert_eq!(inbox_told(&timeline, "b").await, ["3*", "recalled", "edit 1 3", "recall 2"]);
}

/// A send answers with the place of the message in its history.
pub async fn a_send_answers_with_its_place(world: &dyn World) {
    let timeline = open(world).await;
    say(&timeline, "x", "b", 1).await;
    let new = |number| NewMessage::new(member("a"), member("b"), message(number));
    let sent = timeline.send(new(2)).await.unwrap();
    assert_eq!((sent.sequence, sent.place), (seq(2), seq(1)));
    let batch = timeline.send_batch(vec![new(3), new(4)]).await.unwrap();
    let places: Vec<_> = batch.into_iter().map(|sent| sent.unwrap().place.get()).collect();
    assert_eq!(places, [2, 3]);
    assert_eq!(say_to(&timeline, "a", "g", &["b", "a"], 5).await, 1);
    assert_eq!(say_to(&timeline, "a", "g", &["b"], 6).await, 2);
    let entries = inbox_entries(&timeline, "b").await;
    assert_eq!(entries.iter().map(|entry| entry.place.get()).collect::<Vec<_>>(), [1, 1, 2, 3, 1, 2]);
    assert!(entries.iter().all(|entry| entry.kind == EntryKind::Message));
}
