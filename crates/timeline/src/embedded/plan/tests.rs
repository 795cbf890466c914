//! What the calls of one batch, and of several, make of the store.

mod ahead;
mod changing;
mod purging;
mod rows;

use std::path::Path;
use std::sync::Arc;

use fjall::Readable as _;

use super::super::directory::Directory;
use super::super::opened::Opened;
use super::super::recent::Recent;
use super::super::{Config, opening};
use super::*;
use crate::store::{Append, Appended, IdempotencyKey};
use crate::{
    Change, Changed, Conversation, Count, Destination, EntryKind, ErrorKind, GroupName, Keep, Message,
    MessageChange, MessageId, PageRequest, Position, Result, Retention,
};

/// An open store with what its committing thread has at hand.
struct World {
    opened: Opened,
    recent: Recent,
    retention: Retention,
    now_ms: u64,
}

impl World {
    fn open(directory: &Path) -> Self {
        let lock = Arc::new(Directory::lock(directory).unwrap());
        let opened = opening::open(&Config::new(directory), &lock).unwrap();
        Self { opened, recent: Recent::new(100), retention: Retention::new(), now_ms: 7 }
    }

    /// Plans a batch, and commits it; returns how many records it has beside the numbers, and whom
    /// it concerns.
    fn write(&mut self, calls: impl FnOnce(&mut Plan<'_>)) -> Option<(usize, Vec<(MemberId, Entry)>)> {
        let (tables, number) = (&self.opened.tables, self.opened.last_batch + 1);
        let before = BeforeBatch::new(tables, &self.recent).keeping(&self.retention);
        let mut draft = DraftBatch::new(number, self.now_ms);
        calls(&mut Plan::new(before, &mut draft));
        let Planned { batch, news, unwritten, .. } = draft.finish(tables)?;
        let records = batch.len() - keys::KEYSPACES.len();
        self.opened.commit(batch).unwrap();
        unwritten.note(&mut self.recent);
        Some((records, news))
    }

    /// Makes one call in a batch of its own.
    fn call<T>(&mut self, call: impl FnOnce(&mut Plan<'_>) -> Result<T>) -> Result<T> {
        let mut answer = None;
        self.write(|plan| answer = Some(call(plan)));
        answer.unwrap()
    }

    fn history(&self, conversation: &Conversation) -> Vec<Entry> {
        let page = PageRequest::after(Seq::ZERO, Count::new(1_000));
        self.opened.tables.history(conversation, page).unwrap().entries
    }

    fn inbox(&self, id: &str) -> Vec<Entry> {
        let page = PageRequest::after(Seq::ZERO, Count::new(1_000));
        self.opened.tables.inbox(&member(id), Position::from(Seq::ZERO), page).unwrap().entries
    }

    /// Returns how many keys of a keyspace begin with these bytes.
    fn keys(&self, keyspace: &fjall::Keyspace, prefix: &[u8]) -> usize {
        let keys = self.opened.tables.snapshot().prefix(keyspace, prefix);
        keys.map(|guard| guard.key().unwrap()).filter(|key| **key != *keys::BATCH).count()
    }
}

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

fn seq(number: u64) -> Seq {
    Seq::new(number).unwrap()
}

fn pair() -> Conversation {
    Conversation::single(member("a"), member("b"))
}

fn group() -> Conversation {
    Conversation::group(GroupName::new("g").unwrap())
}

fn text(text: &str) -> Message {
    Message::new(format!("{{\"t\":\"{text}\"}}")).unwrap()
}

/// A text so long that the entries of many recipients share it.
fn long(text: &str) -> Message {
    Message::new(format!("{{\"t\":\"{}\"}}", text.repeat(300))).unwrap()
}

fn prepared(append: &Append) -> PreparedSend {
    PreparedSend::new(append.clone())
}

/// A message from `a` to `b`.
fn to_b(message: Message) -> Append {
    Append {
        conversation: pair(),
        from: Some(member("a")),
        to: Destination::Member(member("b")),
        recipients: vec![member("a"), member("b")],
        message,
        token: None,
    }
}

fn with_id(append: Append, id: &str) -> Append {
    Append { token: Some(IdempotencyKey::new(MessageId::new(id).unwrap(), [1; 16])), ..append }
}

/// A message from `a` to these members of the group.
fn to_group(members: &[&str], message: Message) -> Append {
    Append {
        conversation: group(),
        from: Some(member("a")),
        to: Destination::Group(GroupName::new("g").unwrap()),
        recipients: members.iter().map(|id| member(id)).collect(),
        message,
        token: None,
    }
}

fn change(conversation: Conversation, place: u64, change: Change) -> MessageChange {
    MessageChange::new(conversation, seq(place), Some(member("a")), change)
}

fn edit(conversation: Conversation, place: u64, message: Message) -> MessageChange {
    change(conversation, place, Change::Edit(message))
}

/// The entries in short: their texts or their kinds.
fn told(entries: &[Entry]) -> Vec<String> {
    let told = |entry: &Entry| match entry.kind {
        EntryKind::Message => entry.message.as_str().trim_matches(['{', '}']).replace("\"t\":", ""),
        kind => format!("{kind:?} {:?} {}", entry.status, entry.target),
    };
    entries.iter().map(told).collect()
}

#[test]
fn a_send_answers_with_its_place_and_a_repetition_with_the_same() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    let send = with_id(to_b(text("1")), "id");
    world.call(|plan| plan.append(&prepared(&to_group(&["b"], text("0"))), None)).unwrap();
    let first = Appended::new(seq(2), seq(1), Vec::new());
    world.write(|plan| {
        assert_eq!(plan.append(&prepared(&send), None).unwrap(), first);
        assert_eq!(plan.append(&prepared(&send), None).unwrap(), first, "in one batch");
    });
    assert!(world.write(|plan| assert_eq!(plan.append(&prepared(&send), None).unwrap(), first)).is_none());
    let refusal = crate::Error::new(ErrorKind::Unavailable, "the disk is full");
    assert_eq!(world.call(|plan| plan.append(&prepared(&send), Some(&refusal))).unwrap(), first);
    assert_eq!(world.inbox("b").iter().map(|entry| entry.place.get()).collect::<Vec<_>>(), [1, 1]);
}

#[test]
fn times_never_fall_in_a_history_and_its_copies_have_them() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    let sent = [(900, "group"), (100, "pair"), (50, "pair"), (1_000, "pair"), (60, "group")];
    for (now_ms, conversation) in sent {
        world.now_ms = now_ms;
        let send = if conversation == "pair" { to_b(text("1")) } else { to_group(&["b"], text("1")) };
        world.call(|plan| plan.append(&prepared(&send), None)).unwrap();
    }
    world.now_ms = 3;
    let changed = world.call(|plan| plan.change_message(&change(pair(), 1, Change::Recall), None));
    assert_eq!(changed.unwrap(), Changed::new(seq(4), 1_000));
    let times = |entries: Vec<Entry>| entries.iter().map(|entry| entry.at_ms).collect::<Vec<_>>();
    assert_eq!(times(world.history(&pair())), [100, 100, 1_000, 1_000]);
    assert_eq!(times(world.history(&group())), [900, 900]);
    // No history takes another along that has a member in common.
    assert_eq!(times(world.inbox("a")), [100, 100, 1_000, 1_000]);
    assert_eq!(times(world.inbox("b")), [900, 100, 100, 1_000, 900, 1_000]);
    world.recent = Recent::new(1);
    world.call(|plan| plan.append(&prepared(&to_b(text("2"))), None)).unwrap();
    assert_eq!(world.history(&pair()).last().unwrap().at_ms, 1_000, "also when it is not at hand");
}

#[test]
fn boxes_that_may_hold_so_many_lose_their_oldest_with_the_send_that_is_too_many() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    let keep = |entries| Keep::everything().entries(entries);
    world.retention = Retention::new().inboxes(keep(20)).pairs(keep(2));
    for number in 1..=22 {
        world
            .call(|plan| plan.append(&prepared(&with_id(to_b(text("1")), &number.to_string())), None))
            .unwrap();
    }
    let inbox = world.inbox("b");
    assert_eq!((inbox.len(), inbox[0].sequence), (22, seq(1)), "a tenth more may stay");
    assert_eq!(world.history(&pair()).len(), 2);
    // Two in one batch: they count together.
    let tables = &world.opened.tables;
    let before = BeforeBatch::new(tables, &world.recent).keeping(&world.retention);
    let mut draft = DraftBatch::new(world.opened.last_batch + 1, 7);
    let mut plan = Plan::new(before, &mut draft);
    for number in 23..=24 {
        plan.append(&prepared(&with_id(to_b(text("1")), &number.to_string())), None).unwrap();
    }
    let Planned { batch, freed, erasures, erased_ms, .. } = draft.finish(tables).unwrap();
    assert_eq!(freed.iter().map(|(_, freed)| freed.entries).collect::<Vec<_>>(), [3, 3]);
    assert_eq!((erasures, erased_ms), (vec![(keys::history(&pair()), 2)], Some(7)));
    world.opened.commit(batch).unwrap();
    assert_eq!(world.inbox("b").iter().map(|entry| entry.sequence.get()).min(), Some(4));
    assert_eq!(world.history(&pair())[0].sequence, seq(23));
    let expired = world.inbox("b").iter().filter(|entry| entry.kind == EntryKind::Tombstone).count();
    assert_eq!(expired, 22 - 3, "a text lives as long as its history");
    // The ids of those that are gone are free at once.
    world.recent = Recent::new(1);
    let again = world.call(|plan| plan.append(&prepared(&with_id(to_b(text("1")), "22")), None)).unwrap();
    assert_eq!(again.place, seq(25));
    let kept = world.call(|plan| plan.append(&prepared(&with_id(to_b(text("1")), "24")), None)).unwrap();
    assert_eq!(kept.place, seq(24));
}

#[test]
fn what_is_kept_no_longer_goes_up_to_the_floor_and_no_further() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    world.write(|plan| (0..5).for_each(|_| drop(plan.append(&prepared(&to_b(text("1"))), None).unwrap())));
    let (inbox, history) = (keys::inbox(&member("b")), keys::history(&pair()));
    world.write(|plan| {
        plan.expire(inbox.clone(), seq(2)).unwrap();
        plan.expire(history.clone(), seq(4)).unwrap();
    });
    assert_eq!(told(&world.history(&pair())), ["\"1\""]);
    let expired = "Tombstone Expired 0";
    assert_eq!(told(&world.inbox("b")), [expired, expired, "\"1\""]);
    assert!(world.write(|plan| plan.expire(history.clone(), seq(3)).unwrap()).is_none(), "it never falls");
    world.write(|plan| plan.expire(history, seq(99)).unwrap());
    assert!(world.history(&pair()).is_empty());
    world.call(|plan| plan.append(&prepared(&to_b(text("2"))), None)).unwrap();
    assert_eq!(world.history(&pair())[0].sequence, seq(6), "it goes on counting");
}

#[test]
fn a_batch_takes_less_while_much_is_left_to_erase() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    world.write(|plan| {
        assert!(!plan.is_full(true));
        plan.append(&prepared(&to_group(&["a", "b", "c"], text("1"))), None).unwrap();
        assert_eq!((plan.is_full(true), plan.is_full(false)), (true, false));
    });
}
