//! What is freed is removed in steps, whatever comes between them.

use std::path::Path;
use std::sync::Arc;

use super::super::directory::Directory;
use super::super::opened::Opened;
use super::super::plan::{BeforeBatch, DraftBatch, Plan, PreparedSend};
use super::super::recent::Recent;
use super::super::{Config, opening, salvage};
use super::*;
use crate::store::Append;
use crate::{Conversation, Destination, ErrorKind, MemberId, Message};

fn open(directory: &Path) -> Opened {
    let lock = Arc::new(Directory::lock(directory).unwrap());
    opening::open(&Config::new(directory), &lock).unwrap()
}

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

/// A note of a member to itself: one entry in its inbox, and one in the history.
fn note(id: &str, bytes: usize) -> Append {
    Append {
        conversation: Conversation::single(member(id), member(id)),
        from: Some(member(id)),
        to: Destination::Member(member(id)),
        recipients: vec![member(id)],
        message: Message::new(format!("{{\"t\":\"{}\"}}", "x".repeat(bytes))).unwrap(),
        token: None,
    }
}

/// Commits what is planned, and returns what it frees.
fn write(opened: &mut Opened, plan: impl FnOnce(&mut Plan<'_>)) -> Vec<(Vec<u8>, Freed)> {
    let recent = Recent::new(10);
    let mut draft = DraftBatch::new(opened.last_batch + 1, 7);
    plan(&mut Plan::new(BeforeBatch::new(&opened.tables, &recent), &mut draft));
    let planned = draft.finish(&opened.tables).unwrap();
    opened.commit(planned.batch).unwrap();
    planned.freed.into_iter().collect()
}

fn send(opened: &mut Opened, id: &str, count: usize) {
    let prepared = PreparedSend::new(note(id, 1));
    write(opened, |plan| (0..count).for_each(|_| drop(plan.append(&prepared, None).unwrap())));
}

fn ack(opened: &mut Opened, id: &str, sequence: u64) -> Vec<(Vec<u8>, Freed)> {
    write(opened, |plan| assert_eq!(plan.ack(&member(id), seq(sequence)).unwrap(), seq(sequence)))
}

/// Takes the next step, and returns how many entries it removed.
fn step(opened: &mut Opened, removals: &mut Removals) -> Option<u64> {
    let removal = removals.next(&opened.tables, opened.last_batch + 1).unwrap()?;
    opened.commit(removal.batch).unwrap();
    removals.removed(removal.entries);
    Some(removal.entries)
}

/// The sequences of the keys that an inbox has.
fn keys_of(opened: &Opened, id: &str) -> Vec<u64> {
    let prefix = keys::inbox(&member(id));
    let all = keys::entry(&prefix, Seq::ZERO)..=keys::entry(&prefix, Seq::MAX);
    let range = opened.tables.snapshot().range(&opened.tables.entries, all);
    range.map(|guard| keys::sequence_of(&guard.key().unwrap()).unwrap().get()).collect()
}

fn floor_of(opened: &Opened, id: &str) -> u64 {
    let prefix = keys::inbox(&member(id));
    opened.tables.extent(&opened.tables.snapshot(), &prefix).unwrap().floor.get()
}

#[test]
fn the_floor_rises_first_and_the_entries_go_in_steps() {
    let directory = tempfile::tempdir().unwrap();
    let mut opened = open(directory.path());
    send(&mut opened, "a", 20);
    let freed = ack(&mut opened, "a", 17);
    assert_eq!((floor_of(&opened, "a"), keys_of(&opened, "a").len()), (17, 20), "nothing is removed with it");
    let mut removals = Removals::stored();
    removals.note(freed);
    for (removed, left) in [(7, 13), (7, 6), (3, 3)] {
        assert_eq!(step(&mut opened, &mut removals), Some(removed));
        assert_eq!(keys_of(&opened, "a").len(), left);
        assert_eq!(removals.entries, left as u64 - 3);
    }
    assert_eq!(keys_of(&opened, "a"), [18, 19, 20]);
    assert_eq!((step(&mut opened, &mut removals), removals.entries), (None, 0));
    assert!(!removals.is_due());
    assert_eq!(opened.tables.left_to_remove(&keys::inbox(&member("a"))).unwrap(), None);
}

#[test]
fn an_ack_among_removals_adds_to_what_is_left() {
    let directory = tempfile::tempdir().unwrap();
    let mut opened = open(directory.path());
    send(&mut opened, "a", 30);
    let mut removals = Removals::stored();
    removals.note(ack(&mut opened, "a", 10));
    assert_eq!(step(&mut opened, &mut removals), Some(7));
    removals.note(ack(&mut opened, "a", 12));
    // Two in one batch, and one that changes nothing.
    removals.note(write(&mut opened, |plan| {
        assert_eq!(plan.ack(&member("a"), seq(20)).unwrap(), seq(20));
        assert_eq!(plan.ack(&member("a"), seq(25)).unwrap(), seq(25));
        assert_eq!(plan.ack(&member("a"), seq(3)).unwrap(), seq(25), "it never falls");
        assert_eq!(plan.ack(&member("a"), seq(31)).unwrap_err().kind(), ErrorKind::InvalidInput);
    }));
    let mut removed = 0;
    while let Some(entries) = step(&mut opened, &mut removals) {
        removed += entries;
    }
    assert_eq!((removed, removals.entries), (25 - 7, 0));
    assert_eq!(keys_of(&opened, "a"), (26..=30).collect::<Vec<_>>());
}

#[test]
fn what_a_crash_leaves_is_found_by_the_next_start() {
    // Cut short after each of the steps.
    for steps in 0..=4 {
        let directory = tempfile::tempdir().unwrap();
        {
            let mut opened = open(directory.path());
            send(&mut opened, "a", 20);
            send(&mut opened, "b", 5);
            let mut removals = Removals::stored();
            removals.note(ack(&mut opened, "a", 20));
            removals.note(ack(&mut opened, "b", 2));
            for _ in 0..steps {
                step(&mut opened, &mut removals);
            }
        }
        let mut opened = open(directory.path());
        assert_eq!((floor_of(&opened, "a"), floor_of(&opened, "b")), (20, 2));
        let mut removals = Removals::stored();
        let mut left = 0;
        while let Some(entries) = step(&mut opened, &mut removals) {
            left += entries;
        }
        assert_eq!(left, 22_u64.saturating_sub(7 * steps), "after {steps} steps");
        assert_eq!((keys_of(&opened, "a"), keys_of(&opened, "b")), (vec![], vec![3, 4, 5]));
        assert!(!removals.is_due());
        send(&mut opened, "a", 1);
        assert_eq!(keys_of(&opened, "a"), [21], "it goes on counting");
    }
}

#[test]
fn what_was_freed_does_not_come_back_by_a_salvage() {
    for steps in [0, 1, 9] {
        let parent = tempfile::tempdir().unwrap();
        let (from, to) = (parent.path().join("from"), parent.path().join("to"));
        {
            let mut opened = open(&from);
            send(&mut opened, "a", 20);
            send(&mut opened, "b", 4);
            let mut removals = Removals::stored();
            removals.note(ack(&mut opened, "a", 17));
            removals.note(ack(&mut opened, "b", 4));
            for _ in 0..steps {
                step(&mut opened, &mut removals);
            }
        }
        let report = salvage(&from, &to).unwrap();
        assert!(report.is_whole(), "after {steps} steps: {report:?}");
        // Two histories and two inboxes.
        assert_eq!((report.boxes, report.entries), (4, 24 + 3));
        let mut opened = open(&to);
        assert_eq!((keys_of(&opened, "a"), keys_of(&opened, "b")), (vec![18, 19, 20], vec![]));
        assert_eq!((floor_of(&opened, "a"), floor_of(&opened, "b")), (17, 4));
        assert_eq!(step(&mut opened, &mut Removals::stored()), None);
        send(&mut opened, "b", 1);
        assert_eq!(keys_of(&opened, "b"), [5]);
    }
}

#[test]
fn a_salvage_without_the_records_of_boxes_begins_behind_what_was_removed() {
    let parent = tempfile::tempdir().unwrap();
    let (from, to) = (parent.path().join("from"), parent.path().join("to"));
    {
        let mut opened = open(&from);
        send(&mut opened, "a", 20);
        let mut removals = Removals::stored();
        removals.note(ack(&mut opened, "a", 12));
        while step(&mut opened, &mut removals).is_some() {}
        let mut batch = opened.tables.batch(opened.last_batch + 1);
        batch.remove(&opened.tables.state, keys::extent(&keys::inbox(&member("a"))));
        opened.commit(batch).unwrap();
    }
    let report = salvage(&from, &to).unwrap();
    assert_eq!((report.shortened, report.tombstones), (0, 0), "{report:?}");
    let opened = open(&to);
    assert_eq!((keys_of(&opened, "a"), floor_of(&opened, "a")), ((13..=20).collect(), 12));
}

#[test]
fn more_boxes_than_are_kept_at_hand_are_removed_as_well() {
    let directory = tempfile::tempdir().unwrap();
    let mut opened = open(directory.path());
    let ids: Vec<_> = (0..=2 * BOXES_MAX).map(|number| format!("m{number}")).collect();
    let mut removals = Removals::stored();
    assert_eq!(step(&mut opened, &mut removals), None);
    for id in &ids {
        send(&mut opened, id, 3);
        removals.note(ack(&mut opened, id, 2));
        assert!(removals.boxes.len() <= BOXES_MAX);
    }
    assert_eq!(removals.entries, 2 * ids.len() as u64);
    while step(&mut opened, &mut removals).is_some() {
        assert!(removals.boxes.len() <= BOXES_MAX);
    }
    assert_eq!(removals.entries, 0);
    assert!(ids.iter().all(|id| keys_of(&opened, id) == [3]));
}

#[test]
fn what_an_earlier_start_left_is_counted_although_nobody_pauses() {
    let directory = tempfile::tempdir().unwrap();
    let mut opened = open(directory.path());
    send(&mut opened, "a", 20);
    send(&mut opened, "b", 5);
    drop(ack(&mut opened, "a", 10));
    let mut removals = Removals::stored();
    removals.note(ack(&mut opened, "b", 2));
    assert!(removals.is_pressing(), "nobody knows yet how much there is");
    assert_eq!(step(&mut opened, &mut removals), Some(7));
    assert_eq!(removals.entries, 12 - 7);
    assert!(!removals.is_pressing(), "the rest waits until nobody sends");
}

#[test]
fn a_batch_that_was_not_committed_is_made_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut opened = open(directory.path());
    send(&mut opened, "a", 5);
    let mut removals = Removals::stored();
    removals.note(ack(&mut opened, "a", 5));
    drop(removals.next(&opened.tables, opened.last_batch + 1).unwrap().unwrap());
    removals.put_off();
    removals.begin_anew();
    assert!(!removals.is_due(), "not at once, though the store was opened again");
    assert_eq!(step(&mut opened, &mut removals), Some(5));
    assert!(keys_of(&opened, "a").is_empty());
}

#[test]
fn removed_entries_give_their_room_back_and_histories_keep_theirs() {
    let directory = tempfile::tempdir().unwrap();
    let mut opened = open(directory.path());
    let append = note("a", 2_000);
    let prepared = PreparedSend::new(append.clone());
    write(&mut opened, |plan| (0..300).for_each(|_| drop(plan.append(&prepared, None).unwrap())));
    let merge = |opened: &Opened| {
        opened.tables.entries.rotate_memtable_and_wait().unwrap();
        opened.tables.entries.major_compact().unwrap();
        opened.tables.entries.disk_space()
    };
    let before = merge(&opened);
    let mut removals = Removals::stored();
    removals.note(ack(&mut opened, "a", 300));
    while step(&mut opened, &mut removals).is_some() {}
    // The engine keeps what the last batch replaced, as a reader could still see it.
    send(&mut opened, "b", 1);
    let after = merge(&opened);
    // Of two copies of each text one is left, that of the history.
    assert!(after < before * 6 / 10 && after > before * 4 / 10, "{before} bytes became {after}");
    assert!(keys_of(&opened, "a").is_empty());
    let page = crate::PageRequest::after(Seq::ZERO, crate::Count::new(1_000));
    assert_eq!(opened.tables.history(&append.conversation, page).unwrap().entries.len(), 300);
}
