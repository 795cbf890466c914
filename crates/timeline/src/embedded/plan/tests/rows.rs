//! What conversations become to their members.

use super::*;
use crate::embedded::records::Row;
use crate::store::GroupChange;
use crate::{GroupMember, Role};

/// The row of a member as the tables have it.
fn row(world: &World, id: &str, conversation: &Conversation) -> Option<Row> {
    let key = keys::row(&member(id), &keys::history(conversation));
    world.opened.tables.state.get(key).unwrap().map(|record| records::decode_row(&record).unwrap())
}

fn create(members: &[&str]) -> GroupChange {
    let members = members.iter().map(|id| GroupMember::new(member(id), Role::Owner)).collect();
    GroupChange::Create { title: String::new(), open: false, members, without_history: false }
}

fn change_group(world: &mut World, change: &GroupChange) {
    let name = GroupName::new("g").unwrap();
    world.call(|plan| plan.change_group(&name, change, None)).unwrap();
}

#[test]
fn a_pair_has_a_row_for_each_and_the_sender_has_read_what_is_sent() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    let (first, _) =
        world.write(|plan| drop(plan.append(&prepared(&to_b(text("1"))), None).unwrap())).unwrap();
    // Three entries, three ends of boxes, and two rows.
    assert_eq!(first, 8);
    let (second, _) =
        world.write(|plan| drop(plan.append(&prepared(&to_b(text("2"))), None).unwrap())).unwrap();
    assert_eq!(second, 7, "the row of the receiver is as it was");
    let new = Row { since_ms: 7, ..Row::default() };
    assert_eq!(row(&world, "a", &pair()), Some(Row { read: seq(2), ..new }));
    assert_eq!(row(&world, "b", &pair()), Some(new));
    world.write(|plan| {
        assert_eq!(plan.read(&member("b"), &pair(), seq(1)).unwrap(), seq(1));
        assert_eq!(plan.read(&member("b"), &pair(), seq(2)).unwrap(), seq(2));
        assert_eq!(plan.read(&member("b"), &pair(), seq(1)).unwrap(), seq(2), "it never falls");
        assert_eq!(plan.read(&member("b"), &pair(), seq(3)).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(plan.read(&member("c"), &pair(), seq(1)).unwrap_err().kind(), ErrorKind::NotFound);
        plan.clear(&member("b"), &pair()).unwrap();
        let told: Vec<_> = plan.draft.cursors.values().cloned().collect();
        assert_eq!(told, [ReadCursor::new(member("b"), pair(), seq(2))], "the last one");
    });
    assert_eq!(row(&world, "b", &pair()), Some(Row { read: seq(2), cleared: seq(2), ..new }));
    assert!(world.write(|plan| plan.clear(&member("b"), &pair()).unwrap()).is_none());
    world.recent = Recent::new(1);
    let (third, _) =
        world.write(|plan| drop(plan.append(&prepared(&to_b(text("3"))), None).unwrap())).unwrap();
    assert_eq!(third, 7, "also when nothing is at hand");
    assert_eq!(row(&world, "b", &pair()), Some(Row { read: seq(2), cleared: seq(2), ..new }));
}

#[test]
fn who_comes_later_has_nothing_unread_from_before() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    for (recipients, now_ms) in
        [(&["b"][..], 7), (&["b"][..], 8), (&["b", "a"][..], 9), (&["c", "b", "a"][..], 10)]
    {
        world.now_ms = now_ms;
        world.call(|plan| plan.append(&prepared(&to_group(recipients, text("1"))), None)).unwrap();
    }
    let row = |id| row(&world, id, &group());
    assert_eq!(row("b"), Some(Row { since_ms: 7, ..Row::default() }));
    // Who only sends to a group has left it until then.
    assert_eq!(row("a"), Some(Row { read: seq(4), joined: seq(2), since_ms: 9, ..Row::default() }));
    assert_eq!(row("c"), Some(Row { joined: seq(3), since_ms: 10, ..Row::default() }));
}

#[test]
fn the_same_members_need_no_look_and_other_members_do() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    let send = |world: &mut World, recipients: &[&str]| {
        let append = to_group(recipients, text("1"));
        world.write(|plan| drop(plan.append(&prepared(&append), None).unwrap())).unwrap().0
    };
    // An entry, the end of a box and a row for each, the history with its list of copies, and the
    // row of the sender.
    assert_eq!(send(&mut world, &["b", "c"]), 3 * 2 + 4);
    assert_eq!(send(&mut world, &["b", "c"]), 2 * 2 + 4);
    // A row that is gone behind its back shows that none is looked up.
    let key = keys::row(&member("c"), &keys::history(&group()));
    let mut batch = world.opened.tables.batch(world.opened.last_batch + 1);
    batch.remove(&world.opened.tables.state, key);
    world.opened.commit(batch).unwrap();
    let by_audience = Recent::audience(&world.recent, &keys::history(&group()));
    assert_eq!(by_audience, Some(world.recent.digest(&[member("b"), member("c")])));
    assert_eq!(send(&mut world, &["b", "c"]), 2 * 2 + 4);
    world.recent = Recent::new(10);
    assert_eq!(send(&mut world, &["b", "c"]), 2 * 2 + 4 + 1, "it is written again");
    assert_eq!(send(&mut world, &["b", "c", "d"]), 2 * 3 + 4 + 1);
}

#[test]
fn those_who_send_to_the_others_of_a_group_need_no_look() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    let send = |world: &mut World, from: &str, recipients: &[&str]| {
        let append = Append { from: Some(member(from)), ..to_group(recipients, text("1")) };
        world.call(|plan| plan.append(&prepared(&append), None)).unwrap();
        world.recent.audience(&keys::history(&group()))
    };
    let all = |world: &World| Some(world.recent.digest(&["a", "b", "c"].map(member)));
    // One who is not in the group does not count as one of those who are.
    let digest = send(&mut world, "a", &["b", "c"]);
    assert_ne!(digest, all(&world));
    assert_eq!(send(&mut world, "b", &["a", "c"]), all(&world));
    // A row that is gone behind its back shows that none is looked up.
    let key = keys::row(&member("c"), &keys::history(&group()));
    let mut batch = world.opened.tables.batch(world.opened.last_batch + 1);
    batch.remove(&world.opened.tables.state, key);
    world.opened.commit(batch).unwrap();
    for (from, recipients) in [("a", ["c", "b"]), ("b", ["a", "c"]), ("a", ["b", "c"])] {
        assert_eq!(send(&mut world, from, &recipients), all(&world));
        assert_eq!(row(&world, "c", &group()), None);
    }
    // One who has left and sends does not count, either.
    change_group(&mut world, &create(&["a", "b", "c"]));
    change_group(&mut world, &GroupChange::Leave { members: vec![member("a")] });
    assert_ne!(send(&mut world, "a", &["b", "c"]), all(&world));
    assert!(row(&world, "a", &group()).unwrap().has_left);
}

#[test]
fn who_leaves_a_group_comes_back_by_joining_or_by_being_named() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    world.call(|plan| plan.append(&prepared(&to_group(&["b", "c"], text("1"))), None)).unwrap();
    world.now_ms = 8;
    change_group(&mut world, &create(&["b", "c", "d"]));
    assert_eq!(row(&world, "b", &group()), Some(Row { since_ms: 7, ..Row::default() }), "as it was");
    let joined = Row { joined: seq(1), since_ms: 8, ..Row::default() };
    assert_eq!(row(&world, "d", &group()), Some(joined));
    change_group(&mut world, &GroupChange::Leave { members: vec![member("c"), member("d")] });
    assert_eq!(row(&world, "d", &group()), Some(Row { has_left: true, ..joined }));
    // The list is the one that was sent to last, and yet not all of it are in the group.
    world.call(|plan| plan.append(&prepared(&to_group(&["b", "c"], text("2"))), None)).unwrap();
    assert_eq!(row(&world, "c", &group()), Some(joined), "named again, they begin again");
    world.now_ms = 9;
    change_group(&mut world, &GroupChange::Join { members: vec![member("d")], members_max: 10 });
    let again = Row { joined: seq(2), since_ms: 9, ..Row::default() };
    assert_eq!(row(&world, "d", &group()), Some(again));
}

#[test]
fn a_change_of_a_group_that_is_refused_leaves_no_row() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    let (name, refusal) =
        (GroupName::new("g").unwrap(), crate::Error::new(ErrorKind::Unavailable, "the disk is full"));
    let written = world.write(|plan| {
        assert!(plan.change_group(&name, &create(&["b"]), Some(&refusal)).is_err());
    });
    assert!(written.is_none());
    assert_eq!(row(&world, "b", &group()), None);
    // Created and left in one batch.
    world.write(|plan| {
        plan.change_group(&name, &create(&["b"]), None).unwrap();
        plan.change_group(&name, &GroupChange::Leave { members: vec![member("b")] }, None).unwrap();
    });
    assert_eq!(row(&world, "b", &group()), Some(Row { has_left: true, since_ms: 7, ..Row::default() }));
}
