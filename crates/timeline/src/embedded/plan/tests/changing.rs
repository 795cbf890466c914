//! What changes of messages write.

use super::*;
use crate::embedded::records::layout_2::encode_entry_2;
use crate::embedded::records::{EncodedText, EntryRecord};
use crate::{EntryStatus, Tag};

#[test]
fn a_message_is_sent_edited_and_recalled_in_one_batch() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    let (_, news) = world
        .write(|plan| {
            plan.append(&prepared(&to_b(text("1"))), None).unwrap();
            plan.append(&prepared(&to_b(text("2"))), None).unwrap();
            let edited = plan.change_message(&edit(pair(), 1, text("3")), None).unwrap();
            assert_eq!(edited, Changed::new(seq(3), 7));
            assert_eq!(plan.change_message(&edit(pair(), 1, text("3")), None).unwrap(), edited);
            let recalled = plan.change_message(&change(pair(), 2, Change::Recall), None).unwrap();
            assert_eq!(recalled.place, seq(4));
            assert_eq!(plan.change_message(&change(pair(), 2, Change::Recall), None).unwrap(), recalled);
        })
        .unwrap();
    let expected = ["\"3\"", "Tombstone Recalled 0", "Edit Original 1", "Recall Original 2"];
    assert_eq!(told(&world.history(&pair())), expected);
    for id in ["a", "b"] {
        assert_eq!(told(&world.inbox(id)), expected);
        let heard: Vec<_> = news.iter().filter(|(of, _)| *of == member(id)).map(|(_, entry)| entry).collect();
        assert_eq!(heard.iter().map(|entry| entry.sequence.get()).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert_eq!(heard[2].edited, Some(text("3")), "whoever is pushed an edit gets its text");
    }
    // The entries that are no messages.
    let index = keys::non_message(&keys::history(&pair()), Seq::ZERO);
    assert_eq!(world.keys(&world.opened.tables.state, &index[..index.len() - 8]), 3);
    assert!(world.opened.tables.state.get(keys::ERASED).unwrap().is_some());
}

#[test]
fn the_text_before_an_edit_counts_as_erased_and_a_deletion_after_a_recall_takes_none() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    let is_noted = |world: &World| world.opened.tables.state.get(keys::ERASED).unwrap().is_some();
    world.call(|plan| plan.append(&prepared(&to_b(text("1"))), None)).unwrap();
    assert!(!is_noted(&world));
    world.call(|plan| plan.change_message(&edit(pair(), 1, text("2")), None)).unwrap();
    assert!(is_noted(&world));
    world.call(|plan| plan.change_message(&change(pair(), 1, Change::Recall), None)).unwrap();
    let mut batch = world.opened.tables.batch(world.opened.last_batch + 1);
    batch.remove(&world.opened.tables.state, keys::ERASED);
    world.opened.commit(batch).unwrap();
    world.call(|plan| plan.change_message(&change(pair(), 1, Change::Delete), None)).unwrap();
    assert!(!is_noted(&world));
}

#[test]
fn a_change_that_is_refused_writes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    world.call(|plan| plan.append(&prepared(&to_b(text("1"))), None)).unwrap();
    let refusal = crate::Error::new(ErrorKind::Unavailable, "the disk is full");
    let mut by_b = change(pair(), 1, Change::Delete);
    by_b.by = Some(member("b"));
    let written = world.write(|plan| {
        let error = plan.change_message(&edit(pair(), 1, text("2")), Some(&refusal)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(plan.change_message(&by_b, None).unwrap_err().kind(), ErrorKind::Forbidden);
        let error = plan.change_message(&edit(pair(), 2, text("2")), None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let error = plan.change_message(&edit(group(), 1, text("2")), None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        // What was done before is answered all the same.
        let same = plan.change_message(&edit(pair(), 1, text("1")), Some(&refusal)).unwrap();
        assert_eq!(same, Changed::new(seq(1), 7), "never changed, it is its own answer");
    });
    assert!(written.is_none());
    assert_eq!(told(&world.inbox("b")), ["\"1\""]);
    assert!(world.opened.tables.state.get(keys::ERASED).unwrap().is_none());
}

#[test]
fn the_shared_text_of_a_group_goes_with_the_message() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    let names: Vec<_> = (0..20).map(|number| format!("m{number}")).collect();
    let mut members: Vec<_> = names.iter().map(String::as_str).collect();
    members.push("a");
    let bodies = |world: &World| world.keys(&world.opened.tables.bodies, b"");
    for message in [long("1"), long("2")] {
        world.call(|plan| plan.append(&prepared(&to_group(&members, message)), None)).unwrap();
    }
    assert_eq!(bodies(&world), 2);
    world.call(|plan| plan.change_message(&edit(group(), 1, long("3")), None)).unwrap();
    assert_eq!(bodies(&world), 2, "the new one, and not the old one");
    assert_eq!(world.inbox("m7")[0].message, long("3"));
    world.call(|plan| plan.change_message(&edit(group(), 1, text("4")), None)).unwrap();
    world.call(|plan| plan.change_message(&change(group(), 2, Change::Recall), None)).unwrap();
    assert_eq!(bodies(&world), 0);
    // In one batch the text never comes into being.
    world.write(|plan| {
        plan.append(&prepared(&to_group(&members, long("5"))), None).unwrap();
        plan.change_message(&edit(group(), 6, long("6")), None).unwrap();
        plan.change_message(&change(group(), 6, Change::Delete), None).unwrap();
    });
    assert_eq!(bodies(&world), 0);
    let expected = [
        "\"4\"",
        "Tombstone Recalled 0",
        "Edit Original 1",
        "Edit Original 1",
        "Recall Original 2",
        "Tombstone Deleted 0",
        "Edit Original 6",
        "Deletion Original 6",
    ];
    assert_eq!(told(&world.history(&group())), expected);
    assert_eq!(told(&world.inbox("m19")), expected);
}

#[test]
fn copies_that_were_freed_do_not_come_back() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    world.write(|plan| (0..3).for_each(|_| drop(plan.append(&prepared(&to_b(text("1"))), None).unwrap())));
    world.write(|plan| {
        // What is freed by the same batch is freed for the change, too.
        plan.ack(&member("b"), seq(2)).unwrap();
        plan.change_message(&edit(pair(), 2, text("2")), None).unwrap();
    });
    let prefix = keys::inbox(&member("b"));
    let copy = world.opened.tables.entries.get(keys::entry(&prefix, seq(2))).unwrap().unwrap();
    assert!(!copy.windows(3).any(|bytes| bytes == b"\"2\""), "it is left for its removal");
    assert_eq!(told(&world.inbox("b")), ["\"1\"", "Edit Original 2"]);
    assert_eq!(told(&world.inbox("a")), ["\"1\"", "\"2\"", "\"1\"", "Edit Original 2"]);
}

#[test]
fn an_inbox_that_lost_the_copy_keeps_what_it_has_in_its_place() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    world.call(|plan| plan.append(&prepared(&to_b(text("1"))), None)).unwrap();
    let (tables, number) = (&world.opened.tables, world.opened.last_batch + 1);
    let (mut batch, key) = (tables.batch(number), keys::entry(&keys::inbox(&member("b")), seq(1)));
    let mut other = tables.entries.get(&key).unwrap().unwrap().to_vec();
    // Another tag, as a salvage that cut the inbox and a later send would leave.
    other[12] ^= 1;
    batch.insert(&tables.entries, key, other);
    world.opened.commit(batch).unwrap();
    world.call(|plan| plan.change_message(&change(pair(), 1, Change::Recall), None)).unwrap();
    assert_eq!(told(&world.inbox("b")), ["\"1\"", "Recall Original 1"]);
    assert_eq!(told(&world.inbox("a"))[0], "Tombstone Recalled 0");
}

#[test]
fn a_deletion_by_the_program_names_the_other_member_in_the_inboxes_of_a_pair() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    world.call(|plan| plan.append(&prepared(&to_b(text("1"))), None)).unwrap();
    let mut by_nobody = edit(pair(), 1, text("2"));
    by_nobody.by = None;
    world.call(|plan| plan.change_message(&by_nobody, None)).unwrap();
    for (id, other) in [("a", "b"), ("b", "a")] {
        let told = &world.inbox(id)[1];
        let to = Some(Destination::Member(member(other)));
        assert_eq!((&told.from, &told.to, &told.edited), (&None, &to, &Some(text("2"))));
    }
}

#[test]
fn a_message_of_an_earlier_layout_cannot_be_changed_and_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    world.call(|plan| plan.append(&prepared(&to_b(text("1"))), None)).unwrap();
    let (tables, number) = (&world.opened.tables, world.opened.last_batch + 1);
    let mut batch = tables.batch(number);
    let (from, to) = (member("a"), Destination::Member(member("b")));
    let record = encode_entry_2(&EntryRecord {
        kind: EntryKind::Message,
        status: EntryStatus::Original,
        at_ms: 7,
        tag: Tag::new(1),
        place: seq(1),
        changed: None,
        target: None,
        copies: None,
        from: Some(&from),
        to: Some(&to),
        message_id: None,
        text: EncodedText::Here("{}"),
    });
    batch.insert(&tables.entries, keys::entry(&keys::history(&pair()), seq(1)), record);
    world.opened.commit(batch).unwrap();
    let recall = change(pair(), 1, Change::Recall);
    let error = world.call(|plan| plan.change_message(&recall, None)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.to_string().contains("earlier version"), "{error}");
}

#[test]
fn an_edit_by_the_program_of_a_note_to_oneself_shows_its_text() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    let to_self = Conversation::single(member("a"), member("a"));
    let note = Append { conversation: to_self.clone(), recipients: vec![member("a")], ..to_b(text("1")) };
    let note = Append { to: Destination::Member(member("a")), ..note };
    world.call(|plan| plan.append(&prepared(&note), None)).unwrap();
    let by_nobody = MessageChange::new(to_self.clone(), seq(1), None, Change::Edit(text("2")));
    world.call(|plan| plan.change_message(&by_nobody, None)).unwrap();
    for entries in [world.inbox("a"), world.history(&to_self)] {
        assert_eq!(told(&entries), ["\"2\"", "Edit Original 1"], "one copy of each");
        assert_eq!(entries[1].edited, Some(text("2")));
    }
}

#[test]
fn an_edit_that_is_one_more_than_the_history_keeps_shows_no_text() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    world.retention = Retention::new().pairs(Keep::everything().entries(2));
    world.write(|plan| (0..2).for_each(|_| drop(plan.append(&prepared(&to_b(text("1"))), None).unwrap())));
    let heard = |world: &mut World, place| {
        let (_, news) = world
            .write(|plan| {
                plan.change_message(&edit(pair(), place, text("2")), None).unwrap();
            })
            .unwrap();
        news.into_iter().map(|(_, entry)| (entry.kind, entry.edited)).collect::<Vec<_>>()
    };
    // With the entry that tells of it the first message is one too many.
    assert_eq!(heard(&mut world, 1), vec![(EntryKind::Edit, None); 2]);
    assert!(world.inbox("b").iter().all(|entry| entry.edited.is_none()), "as whoever reads it");
    // The message of place 2 goes with the next entry, and that of 4 is the last but one.
    world.call(|plan| plan.append(&prepared(&to_b(text("3"))), None)).unwrap();
    assert_eq!(heard(&mut world, 4), vec![(EntryKind::Edit, Some(text("2"))); 2]);
}
