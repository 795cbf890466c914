//! What names and beginnings permit.

use channel_rights::{Right, Rights};

#[test]
fn a_name_permits_itself_and_a_beginning_all_that_begin_so() {
    let rights = Rights::default().channel(Right::Bind, "news").prefix(Right::Bind, "room:");
    for (channel, permitted) in [
        ("news", true),
        ("room:", true),
        ("room:7", true),
        ("", false),
        ("new", false),
        ("newsx", false),
        ("room", false),
        ("Room:7", false),
        ("roomx7", false),
    ] {
        assert_eq!(rights.permits(Right::Bind, channel), permitted, "{channel}");
        assert!(!rights.permits(Right::Write, channel), "{channel}");
    }
}

#[test]
fn each_right_has_its_own_patterns() {
    for right in Right::ALL {
        let rights = Rights::default().channel(*right, "a");
        for other in Right::ALL {
            assert_eq!(rights.permits(*other, "a"), other == right);
        }
    }
}

#[test]
fn an_asterisk_means_itself_and_nothing_begins_everything() {
    let star = Rights::default().channel(Right::Write, "*");
    assert!(star.permits(Right::Write, "*") && !star.permits(Right::Write, "a"));
    let all = Rights::default().prefix(Right::Write, "");
    assert!(all.permits(Right::Write, "") && all.permits(Right::Write, "*"));
    let unnamed = Rights::default().channel(Right::Write, "");
    assert!(unnamed.permits(Right::Write, "") && !unnamed.permits(Right::Write, "a"));
    assert!(Rights::default().is_empty() && !star.is_empty() && !unnamed.is_empty());
}

#[test]
fn what_they_take_is_known_and_given_back() {
    assert_eq!(Rights::default().bytes(), 0);
    let mut rights = Rights::default();
    for number in 0..100 {
        rights = rights.prefix(Right::History, &format!("room:{number}:"));
    }
    let (before, same) = (rights.bytes(), rights.clone());
    rights.shrink_to_fit();
    assert!(rights.bytes() <= before && rights.bytes() > 700 && rights == same);
    assert!(format!("{rights:?}").contains("room:99:*"));
}
