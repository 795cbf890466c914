//! What purges write, and what those who go leave.

use super::*;
use crate::store::GroupChange;
use crate::{GroupMember, Role};

#[test]
fn a_purge_sees_what_its_batch_sent_and_frees_the_message_ids() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    let send = with_id(to_b(text("1")), "id");
    world.call(|plan| plan.append(&prepared(&to_b(text("0"))), None)).unwrap();
    world.write(|plan| {
        assert_eq!(plan.append(&prepared(&send), None).unwrap().place, seq(2));
        assert_eq!(plan.purge(&pair(), None).unwrap(), seq(3));
        assert_eq!(plan.purge(&pair(), None).unwrap(), seq(3), "nothing is left but the purge");
        let gone = plan.change_message(&edit(pair(), 2, text("2")), None).unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound);
        assert_eq!(plan.append(&prepared(&send), None).unwrap().place, seq(4), "a new message");
        assert_eq!(plan.append(&prepared(&send), None).unwrap().place, seq(4));
    });
    assert_eq!(told(&world.history(&pair())), ["Purge Original 2", "\"1\""]);
    let expired = "Tombstone Expired 0";
    for (id, other) in [("a", "b"), ("b", "a")] {
        let inbox = world.inbox(id);
        assert_eq!(told(&inbox), [expired, expired, "Purge Original 2", "\"1\""]);
        let to = Some(Destination::Member(member(other)));
        assert_eq!((&inbox[2].from, &inbox[2].to, inbox[2].place), (&None, &to, seq(3)));
    }
    world.recent = Recent::new(1);
    assert_eq!(
        world.call(|plan| plan.append(&prepared(&send), None)).unwrap().place,
        seq(4),
        "and its answer stays"
    );
}

#[test]
fn what_has_nothing_to_purge_is_left_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    assert!(world.write(|plan| assert_eq!(plan.purge(&pair(), None).unwrap(), Seq::ZERO)).is_none());
    world.call(|plan| plan.append(&prepared(&to_b(text("1"))), None)).unwrap();
    let refusal = crate::Error::new(ErrorKind::Unavailable, "it cannot be written to");
    assert!(world.write(|plan| assert!(plan.purge(&pair(), Some(&refusal)).is_err())).is_none());
    assert_eq!(world.call(|plan| plan.purge(&pair(), None)).unwrap(), seq(2));
    assert!(world.write(|plan| assert_eq!(plan.purge(&pair(), Some(&refusal)).unwrap(), seq(2))).is_none());
}

#[test]
fn a_second_purge_adds_to_what_is_left_to_erase() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    for _ in 0..2 {
        world.call(|plan| plan.append(&prepared(&to_b(text("1"))), None)).unwrap();
        world.call(|plan| plan.purge(&pair(), None)).unwrap();
    }
    let left = world.opened.tables.state.get(keys::erasure(&keys::history(&pair()))).unwrap().unwrap();
    let left = records::decode_extent(&left).unwrap();
    assert_eq!((left.floor, left.top), (Seq::ZERO, seq(3)));
    assert_eq!(told(&world.history(&pair())), ["Purge Original 3"]);
}

#[test]
fn a_purge_reaches_the_members_of_a_group_and_who_got_its_last_message() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    let name = GroupName::new("g").unwrap();
    let create = GroupChange::Create {
        title: String::new(),
        open: false,
        members: vec![GroupMember::new(member("owner"), Role::Owner)],
        without_history: false,
    };
    world.write(|plan| {
        plan.append(&prepared(&to_group(&["old"], text("1"))), None).unwrap();
        plan.append(&prepared(&to_group(&["a", "named"], text("2"))), None).unwrap();
        plan.change_message(&edit(group(), 2, text("3")), None).unwrap();
        plan.change_group(&name, &create, None).unwrap();
        assert_eq!(plan.purge(&group(), None).unwrap(), seq(4));
    });
    for id in ["owner", "a", "named"] {
        assert_eq!(told(&world.inbox(id)).last().unwrap(), "Purge Original 3", "{id}");
    }
    assert_eq!(told(&world.inbox("old")), ["Tombstone Expired 0"], "as far as it is known");
}

#[test]
fn who_is_forgotten_has_nothing_left_and_goes_on_counting() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    world.write(|plan| {
        plan.append(&prepared(&to_b(text("1"))), None).unwrap();
        plan.append(&prepared(&to_group(&["a", "b"], text("2"))), None).unwrap();
        plan.received(&member("b"), seq(2)).unwrap();
    });
    let rows = |world: &World| world.keys(&world.opened.tables.state, &keys::rows(&member("b")));
    assert_eq!(rows(&world), 2);
    world.write(|plan| {
        // One that only this batch knows goes, too.
        let note = Append { conversation: Conversation::single(member("b"), member("c")), ..to_b(text("3")) };
        let note = Append { from: Some(member("c")), recipients: vec![member("c"), member("b")], ..note };
        plan.append(&prepared(&note), None).unwrap();
        plan.forget(&member("b"), None).unwrap();
        let gone = plan.read(&member("b"), &pair(), seq(1)).unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound);
        assert_eq!(plan.received(&member("b"), Seq::ZERO).unwrap(), Seq::ZERO);
    });
    assert_eq!((rows(&world), world.inbox("b").len()), (0, 0));
    let state = &world.opened.tables.state;
    assert!(state.get(keys::received(&member("b"))).unwrap().is_none());
    let again = world.write(|plan| assert_eq!(plan.forget(&member("b"), None).unwrap(), None));
    assert!(again.is_none(), "it is repeatable");
    // Whoever writes to them again begins the conversation anew, also where the batches before are
    // at hand.
    world.call(|plan| plan.append(&prepared(&to_group(&["a", "b"], text("4"))), None)).unwrap();
    assert_eq!(world.inbox("b")[0].sequence, seq(4));
    assert_eq!(rows(&world), 1);
    assert_eq!(world.history(&pair()).len(), 1, "histories stay");
}

#[test]
fn many_rows_of_one_who_goes_are_removed_a_few_at_a_time() {
    let directory = tempfile::tempdir().unwrap();
    let mut world = World::open(directory.path());
    for number in 0..7 {
        let (from, b) = (member(&format!("m{number}")), member("b"));
        let conversation = Conversation::single(from.clone(), b.clone());
        let send =
            Append { conversation, from: Some(from.clone()), recipients: vec![from, b], ..to_b(text("1")) };
        world.call(|plan| plan.append(&prepared(&send), None)).unwrap();
    }
    let rows = |world: &World| world.keys(&world.opened.tables.state, &keys::rows(&member("b")));
    assert_eq!(rows(&world), 7);
    let (mut after, mut left) = (None::<Vec<u8>>, Vec::new());
    loop {
        after = world.call(|plan| plan.forget(&member("b"), after.as_deref())).unwrap();
        left.push(rows(&world));
        if after.is_none() {
            break;
        }
    }
    assert_eq!(left, [4, 1, 0]);
}
