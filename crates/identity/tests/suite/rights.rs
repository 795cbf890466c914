//! Which channels patterns permit, beside a matcher that is slow and obvious.

use identity::{ErrorKind, Grants, Right, Rights};
use proptest::prelude::*;

fn bind(patterns: &[&str], user: &str) -> Rights {
    Grants::default().bind(patterns.iter().copied()).rights_of(user).unwrap()
}

#[test]
fn names_beginnings_and_the_own_id_are_told_apart() {
    let rights = bind(&["news", "room:*", "inbox:{user}", "{user}:{user}:*"], "bob");
    for channel in ["news", "room:", "room:7", "inbox:bob", "bob:bob:", "bob:bob:x"] {
        assert!(rights.permits(Right::Bind, channel), "{channel}");
        assert!(!rights.permits(Right::Write, channel), "{channel}");
    }
    for channel in
        ["", "new", "newsx", "room", "Room:7", "inbox:{user}", "inbox:bobby", "bob:alice:", "room:*"]
    {
        assert_eq!(rights.permits(Right::Bind, channel), channel == "room:*", "{channel}");
    }
    let all = bind(&["*"], "bob");
    assert!(all.permits(Right::Bind, "") && all.permits(Right::Bind, "anything"));
    assert!(Rights::default().is_empty() && !all.is_empty());
}

#[test]
fn an_id_with_an_asterisk_or_a_pattern_in_it_means_itself() {
    for user in ["*", "a*", "{user}", "{user}*"] {
        let rights = bind(&["inbox:{user}"], user);
        assert!(rights.permits(Right::Bind, &format!("inbox:{user}")), "{user}");
        for other in ["inbox:bob", "inbox:a", "inbox:ab", "inbox:{user}x"] {
            assert!(!rights.permits(Right::Bind, other), "{user} in {other}");
        }
    }
}

#[test]
fn a_pattern_is_not_for_an_id_that_has_what_ends_it() {
    let patterns = ["{user}:*", "inbox:{user}", "notes:{user}/*", "room:{user}:{user}", "news"];
    let bound = |user: &str| {
        let rights = bind(&patterns, user);
        ["a:b:1", "inbox:a:b", "notes:a:b/1", "room:a:b:a:b", "news"]
            .map(|channel| rights.permits(Right::Bind, channel))
    };
    assert_eq!(bound("a"), [true, false, false, false, true]);
    assert_eq!(bound("a:b"), [false, true, true, false, true]);
    let slashed = bind(&patterns, "a/b");
    assert!(slashed.permits(Right::Bind, "a/b:1") && !slashed.permits(Right::Bind, "notes:a/b/1"));
}

#[test]
fn each_right_has_its_own_patterns() {
    let grants = Grants::default().bind(["b"]).write(["w"]).publish(["p"]).history(["h"]);
    let rights = grants.rights_of("bob").unwrap();
    for (right, own) in Right::ALL.iter().zip(["b", "w", "p", "h"]) {
        for channel in ["b", "w", "p", "h"] {
            assert_eq!(rights.permits(*right, channel), channel == own);
        }
    }
    let read: Grants = serde_json::from_str(&serde_json::to_string(&grants).unwrap()).unwrap();
    assert_eq!(read, grants);
}

#[test]
fn patterns_that_cannot_be_are_refused() {
    for wrong in ["", "**", "*a", "a*b", "a*b*", "{user}*", "room:{user}*", "{user}{user}", "{user}{user}:*"]
    {
        let error = Grants::default().write([wrong]).rights_of("bob").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{wrong}");
        let error = error.to_string();
        assert_eq!(error.contains("as in {user}:*"), wrong.contains("{user}"), "{error}");
    }
    let many = vec!["a"; Grants::PATTERNS_MAX + 1];
    assert!(Grants::default().bind(many[1..].iter().copied()).rights_of("bob").is_ok());
    assert!(Grants::default().bind(many).rights_of("bob").is_err());
    let long = "a".repeat(Grants::BYTES_MAX);
    assert!(Grants::default().bind([long.as_str()]).rights_of("bob").is_ok());
    assert!(Grants::default().bind([long.as_str(), "a"]).rights_of("bob").is_err());
    let names_often = "{user}:".repeat(100);
    assert!(Grants::default().bind([names_often.as_str()]).rights_of("b").is_ok());
    assert!(Grants::default().bind([names_often.as_str()]).rights_of(&"b".repeat(100)).is_err());
}

/// Letter by letter; the ids of these tests have no letter that patterns know.
fn obvious(pattern: &str, user: &str, channel: &str) -> bool {
    let whole = pattern.replace("{user}", user);
    match whole.strip_suffix('*') {
        Some(stem) => {
            channel.chars().zip(stem.chars()).filter(|(a, b)| a == b).count() == stem.chars().count()
        }
        None => whole == channel,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn patterns_permit_what_an_obvious_matcher_does(
        patterns in prop::collection::vec("((a|b|ä|\\{user\\}:){1,3}\\*?|\\*)", 0..12),
        user in "[abä]{1,2}",
        channel in "[abä:]{0,6}",
    ) {
        let rights = Grants::default().history(patterns.clone()).rights_of(&user).unwrap();
        let permitted = patterns.iter().any(|pattern| obvious(pattern, &user, &channel));
        prop_assert_eq!(rights.permits(Right::History, &channel), permitted);
    }

    #[test]
    fn a_pattern_with_an_id_gives_no_channel_to_two_users(
        pattern in "[ab:]{0,2}\\{user\\}([ab:]|[ab:]\\{user\\}){0,2}\\*?",
        users in ("[ab:]{1,3}", "[ab:]{1,3}"),
        channel in "[ab:]{0,8}",
    ) {
        prop_assume!(users.0 != users.1);
        let permits = |user: &str, channel: &str| {
            let rights = Grants::default().bind([pattern.as_str()]).rights_of(user).unwrap_or_default();
            rights.permits(Right::Bind, channel)
        };
        // Beside any channel those that this pattern is about.
        let own = |user: &str| pattern.replace("{user}", user).replace('*', "");
        for channel in [&channel, &own(&users.0), &own(&users.1)] {
            prop_assert!(!(permits(&users.0, channel) && permits(&users.1, channel)), "{}", channel);
        }
    }
}
