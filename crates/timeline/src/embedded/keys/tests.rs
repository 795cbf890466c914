use super::*;

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

#[test]
fn no_two_boxes_have_keys_that_begin_alike() {
    let pair = |one, other| history(&Conversation::single(member(one), member(other)));
    let group = |name| history(&Conversation::group(GroupName::new(name).unwrap()));
    let keys = [
        pair("group", "x"),
        group("x"),
        pair("a", "b:c"),
        pair("a:b", "c"),
        pair("a", "bc"),
        pair("ab", "c"),
        pair("a", "a"),
        group("seq:a:b"),
        inbox(&member("seq:a:b")),
        inbox(&member("x")),
        inbox(&member("xy")),
    ];
    for (index, key) in keys.iter().enumerate() {
        for (other_index, other) in keys.iter().enumerate() {
            assert!(index == other_index || !other.starts_with(key), "{key:?} begins {other:?}");
        }
    }
    assert_eq!(pair("a", "b"), pair("b", "a"));
}

#[test]
fn no_two_keys_of_groups_begin_alike() {
    let name = |name: &str| GroupName::new(name).unwrap();
    let keys = [
        group(&name("x")),
        group(&name("xy")),
        group_summary(&name("x")),
        membership(&member("a"), &name("x")),
        membership(&member("a"), &name("xy")),
        membership(&member("ax"), &name("y")),
        membership(&member("a:x"), &name("y")),
        extent(&inbox(&member("x"))),
        removal(&inbox(&member("x"))),
        removal(&inbox(&member("xy"))),
        erasure(&inbox(&member("x"))),
        rows(&member("x")),
        rows(&member("xy")),
        non_message(&history(&Conversation::single(member("x"), member("y"))), Seq::ZERO),
        received(&member("x")),
    ];
    for (index, key) in keys.iter().enumerate() {
        for (other_index, other) in keys.iter().enumerate() {
            assert!(index == other_index || !other.starts_with(key), "{key:?} begins {other:?}");
        }
    }
    for key in [group(&name("x")), group_summary(&name("x")), membership(&member("a"), &name("x"))] {
        assert_eq!(group_of(&key).unwrap(), name("x"));
    }
    for other in [&b"n"[..], b"", b"o", b"m", b"ma\0", b"ra", &extent(&inbox(&member("x")))[..]] {
        assert_eq!(group_of(other).unwrap_err().kind(), ErrorKind::Corrupt, "{other:?}");
    }
}

#[test]
fn groups_of_a_member_sort_by_name_between_their_bounds() {
    let (first, end) = (memberships(&member("a")), memberships_end(&member("a")));
    let names = ["!", "a", "ab", "b", "\u{10ffff}"];
    let keys: Vec<_> =
        names.iter().map(|name| membership(&member("a"), &GroupName::new(*name).unwrap())).collect();
    assert!(keys.is_sorted() && first < keys[0] && keys[4] < end);
    let other = membership(&member("a!"), &GroupName::new("a").unwrap());
    assert!(other > end, "another member's");
}

#[test]
fn only_what_is_left_to_remove_lies_between_its_bounds() {
    let (x, bounds) = (inbox(&member("x")), removals());
    let lies = |key: &[u8]| bounds.start.as_slice() < key && key < bounds.end.as_slice();
    let key = removal(&x);
    assert!(lies(&key) && box_of_removal(&key) == x);
    let name = GroupName::new("x").unwrap();
    for other in [
        extent(&x),
        received(&member("x")),
        group(&name),
        group_summary(&name),
        membership(&member("x"), &name),
    ] {
        assert!(!lies(&other), "{other:?}");
    }
    assert!([FORMAT, IDENTITY, UPGRADE, ERASED, BATCH].iter().all(|other| !lies(other)));
}

#[test]
fn entries_sort_by_sequence() {
    let prefix = inbox(&member("a"));
    let key = |number| entry(&prefix, Seq::new(number).unwrap());
    assert!(key(255) < key(256));
    assert!(key(1) < key(u64::from(u32::MAX) + 1));
}

#[test]
fn the_conversation_is_read_off_the_keys_of_its_history() {
    let conversations = [
        Conversation::single(member("b"), member("a")),
        Conversation::single(member("a"), member("a")),
        Conversation::group(GroupName::new("g").unwrap()),
        Conversation::group(GroupName::new("\u{e4}").unwrap()),
    ];
    for of in conversations {
        let prefix = history(&of);
        assert!(is_history(&prefix) && conversation(&prefix).unwrap() == of, "{prefix:?}");
        let key = row(&member("z"), &prefix);
        assert_eq!((history_in_row(&key), history_of_row(&key).unwrap()), (&prefix[..], of));
        assert_eq!(history_of_erasure(&erasure(&prefix)), prefix);
    }
    let inbox = inbox(&member("a"));
    assert!(!is_history(&inbox));
    for other in [
        &b""[..],
        b"s",
        b"sa",
        b"sa\0",
        b"sa\0b",
        b"sb\0a\0",
        b"sa\0b\0c",
        b"g",
        b"g\0",
        b"ga\0b",
        &inbox[..],
    ] {
        assert_eq!(conversation(other).unwrap_err().kind(), ErrorKind::Corrupt, "{other:?}");
    }
    for other in [&b""[..], b"k", b"ka", b"ka\0", b"ma\0sa\0b\0"] {
        assert_eq!(history_of_row(other).unwrap_err().kind(), ErrorKind::Corrupt, "{other:?}");
    }
}

#[test]
fn the_member_is_read_off_the_keys_of_their_inbox() {
    assert_eq!(member_of_inbox(&inbox(&member("älice"))).unwrap(), member("älice"));
    let pair = history(&Conversation::single(member("a"), member("b")));
    for other in [&pair[..], b"", b"i", b"i\0", b"ia"] {
        assert_eq!(member_of_inbox(other).unwrap_err().kind(), ErrorKind::Corrupt, "{other:?}");
    }
}

#[test]
fn rows_of_a_member_lie_between_their_bounds() {
    let (first, end) = (rows(&member("a")), rows_end(&member("a")));
    let pair = history(&Conversation::single(member("a"), member("\u{10ffff}")));
    let group = history(&Conversation::group(GroupName::new("!").unwrap()));
    for prefix in [&pair, &group] {
        let key = row(&member("a"), prefix);
        assert!(first < key && key < end && key.starts_with(&first));
        assert!(row(&member("a!"), prefix) > end && row(&member("aa"), prefix) > end, "another member's");
    }
}

#[test]
fn only_what_is_left_to_erase_lies_between_its_bounds() {
    let (pair, bounds) = (history(&Conversation::single(member("a"), member("b"))), erasures());
    let lies = |key: &[u8]| bounds.start.as_slice() < key && key < bounds.end.as_slice();
    assert!(lies(&erasure(&pair)));
    for other in [extent(&pair), removal(&pair), non_message(&pair, Seq::MAX), row(&member("a"), &pair)] {
        assert!(!lies(&other), "{other:?}");
    }
    assert!([FORMAT, IDENTITY, UPGRADE, ERASED, BATCH].iter().all(|other| !lies(other)));
}

#[test]
fn what_is_kept_for_a_place_sorts_by_place() {
    let group = history(&Conversation::group(GroupName::new("g").unwrap()));
    for key in [non_message, copies] {
        let at = |place| key(&group, Seq::new(place).unwrap());
        assert!(at(255) < at(256) && at(1) < at(u64::from(u32::MAX) + 1));
        assert_eq!(sequence_of(&at(7)).unwrap().get(), 7);
    }
}
