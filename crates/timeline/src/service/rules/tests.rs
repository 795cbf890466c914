//! The rules, user by user.

use std::slice;

use super::*;
use crate::GroupMember;

fn member(id: &str) -> MemberId {
    MemberId::new(id).unwrap()
}

fn name() -> GroupName {
    GroupName::new("tea").unwrap()
}

fn caller(id: &str) -> Caller {
    Caller::Member(member(id))
}

/// A group of an owner, `olga`, and a member, `mary`.
fn group(open: bool) -> Group {
    let members = [("olga", Role::Owner), ("mary", Role::Member)];
    let members = members.into_iter().map(|(id, role)| GroupMember { member: member(id), role }).collect();
    Group { name: name(), title: String::new(), open, members, created_at_ms: 1 }
}

/// A rule about a group, as a function of the user who asks and of what there is.
type Rule = fn(Rules<'_>, &MemberId, Option<&Group>) -> Result<()>;

/// Each rule, and who may: an owner, a member, a stranger, a stranger where the group is open.
const EACH: [(&str, Rule, [bool; 4]); 13] = [
    (
        "read the history",
        |rules, _, group| rules.read_group_history(&name(), group),
        [true, true, false, false],
    ),
    (
        "take part in what is said",
        |rules, _, group| rules.take_part(&name(), group),
        [true, true, false, false],
    ),
    (
        "have a cursor of their own",
        |rules, _, group| rules.keep_own_cursor(&name(), group, false),
        [true, true, false, false],
    ),
    ("see the group", |rules, _, group| rules.read_group(&name(), group), [true, true, false, true]),
    (
        "join",
        |rules, user, group| rules.join_group(slice::from_ref(user), &name(), group),
        [true, true, false, true],
    ),
    (
        "have another join",
        |rules, _, group| rules.join_group(&[member("nina")], &name(), group),
        [true, false, false, false],
    ),
    (
        "join with another",
        |rules, user, group| rules.join_group(&[user.clone(), member("nina")], &name(), group),
        [true, false, false, false],
    ),
    (
        "leave",
        |rules, user, group| rules.leave_group(slice::from_ref(user), &name(), group),
        [true, true, false, false],
    ),
    (
        "have another leave",
        |rules, _, group| rules.leave_group(&[member("nina")], &name(), group),
        [true, false, false, false],
    ),
    ("rename", |rules, _, group| rules.rename_group(&name(), group), [true, false, false, false]),
    ("give roles", |rules, _, group| rules.set_group_role(&name(), group), [true, false, false, false]),
    ("send to all", |rules, _, group| rules.send_to_group(&name(), group, &[]), [true, true, false, false]),
    (
        "send to one of them",
        |rules, _, group| rules.send_to_group(&name(), group, &[member("mary")]),
        [true, true, false, false],
    ),
];

#[test]
fn what_a_user_may_follows_from_their_place_in_the_group() {
    for (what, rule, expected) in EACH {
        let users = [("olga", false), ("mary", false), ("sven", false), ("sven", true)];
        let may = users.map(|(user, open)| {
            let caller = caller(user);
            rule(Rules::of(&caller), &member(user), Some(&group(open))).is_ok()
        });
        assert_eq!(may, expected, "{what}");
    }
}

#[test]
fn a_stranger_is_told_the_same_of_a_group_that_there_is_not() {
    let caller = caller("sven");
    for (what, rule, _) in EACH {
        let told = [Some(&group(false)), None].map(|group| {
            let error = rule(Rules::of(&caller), &member("sven"), group).unwrap_err();
            (error.kind(), error.to_string())
        });
        assert_eq!(told[0].0, ErrorKind::Forbidden, "{what}");
        assert_eq!(told[0], told[1], "{what}");
    }
}

#[test]
fn whoever_was_sent_something_has_a_cursor_and_nothing_else() {
    let caller = caller("sven");
    let rules = Rules::of(&caller);
    for group in [Some(&group(false)), None] {
        rules.keep_own_cursor(&name(), group, true).unwrap();
        for refused in [rules.take_part(&name(), group), rules.read_group_history(&name(), group)] {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::Forbidden);
        }
    }
}

#[test]
fn no_rule_holds_for_anybody_and_for_services() {
    for caller in [Caller::Anybody, Caller::Service] {
        let rules = Rules::of(&caller);
        for (what, rule, _) in EACH {
            assert!(rule(rules, &member("sven"), None).is_ok(), "{what}");
        }
        rules.send_as(&member("mary")).unwrap();
        rules.read_inbox(&member("mary")).unwrap();
        rules.free_inbox(&member("mary")).unwrap();
        rules.note_received(&member("mary")).unwrap();
        rules.act_as(&member("mary")).unwrap();
        rules.list_conversations(&member("mary")).unwrap();
        rules.purge().unwrap();
        rules.delete_member().unwrap();
        rules.create_group_over_history(&name()).unwrap();
        assert_eq!(rules.filled_in(String::new()), "");
    }
}

#[test]
fn a_refusal_names_who_may_not_and_what() {
    let caller = caller("alice");
    let rules = Rules::of(&caller);
    let (bob, carol) = (member("bob"), member("carol"));
    for (refused, text) in [
        (rules.send_as(&bob), "alice may not send as bob; a user sends as themselves only"),
        (rules.read_inbox(&bob), "alice may not read the inbox of bob; a user reads their own inbox only"),
        (rules.free_inbox(&bob), "alice may not free the inbox of bob; a user frees their own inbox only"),
        (
            rules.note_received(&bob),
            "alice may not say what bob has received; a user says it of their own inbox only",
        ),
        (
            rules.act_as(&bob),
            "alice may not read or change a conversation as bob; a user does so as themselves only",
        ),
        (
            rules.list_conversations(&bob),
            "alice may not list the conversations of bob; a user lists their own conversations only",
        ),
        (
            rules.read_single_history(&bob, &carol),
            "alice may not read the history of bob and carol; a user reads their own conversations only",
        ),
        (
            rules.join_group(&[bob.clone(), carol], &name(), None),
            "alice may not have bob and 1 more join group tea; its owners have others join, and a user joins \
             an open group by themselves",
        ),
        (
            rules.leave_group(&[bob], &name(), None),
            "alice may not have bob leave group tea; its owners have others leave, and a member leaves by \
             themselves",
        ),
    ] {
        assert_eq!(refused.unwrap_err().to_string(), text);
    }
}

#[test]
fn a_message_goes_to_members_of_the_group_alone() {
    let caller = caller("mary");
    let to = [member("mary"), member("sven")];
    let error = Rules::of(&caller).send_to_group(&name(), Some(&group(true)), &to).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert!(error.to_string().starts_with("mary may not send to sven in group tea"), "{error}");
}
