//! How far conversations were read, and the list of them, over HTTP and over gRPC alike.

use serde_json::{Value, json};

use crate::doors::about::{To, clear, conversations, edit, list_unread, read, read_of, recall, unread};
use crate::doors::{ANYBODY, Call, Door, Doors, SERVICE, create, leave, reason, send, send_group};

const OK: &str = "OK";
const FORBIDDEN: &str = "TIMELINE_FORBIDDEN";
const INVALID: &str = "TIMELINE_INVALID_PARAM";
const NOT_FOUND: &str = "TIMELINE_NOT_FOUND";

const BOB: To<'_> = To::With("bob");
const ALICE: To<'_> = To::With("alice");
const TEA: To<'_> = To::Group("tea");

/// Two messages from alice to bob, then a group `tea` of alice and bob with a message of alice.
async fn scene() -> Doors {
    let doors = Doors::open().await;
    for _ in 0..2 {
        doors.given(send("alice", "bob")).await;
    }
    doors.given(create("tea", "alice", &["bob"])).await;
    doors.given(send_group("alice", "tea", &["alice", "bob"])).await;
    doors
}

#[tokio::test]
async fn what_is_read_is_counted_no_more_and_never_falls() {
    for door in Door::BOTH {
        let doors = scene().await;
        let call = async |caller: &str, call: Call| doors.call(door, caller, call).await.unwrap();
        let left = |unread: i32, read: &str, latest: &str| json!({"unread": unread, "capped": false, "read": read, "latest": latest});
        assert_eq!(call("bob", unread("", ALICE)).await, left(2, "0", "2"));
        assert_eq!(call("alice", unread("", BOB)).await, left(0, "2", "2"));
        assert_eq!(call("bob", read("", ALICE, 1)).await, json!({"read": "1"}));
        assert_eq!(call("bob", unread("", ALICE)).await, left(1, "1", "2"));
        assert_eq!(call("bob", read("bob", ALICE, 2)).await, json!({"read": "2"}));
        assert_eq!(call("bob", read("bob", ALICE, 1)).await, json!({"read": "2"}));
        assert_eq!(call("bob", unread("bob", ALICE)).await, left(0, "2", "2"));
        assert_eq!(call("bob", unread("", TEA)).await, left(1, "0", "1"));
        assert_eq!(call("bob", read("", TEA, 1)).await, json!({"read": "1"}));
        // Of a conversation that they were never in they have read nothing, and miss nothing.
        assert_eq!(call("bob", unread("", To::With("zoe"))).await, left(0, "0", "0"));
    }
}

#[tokio::test]
async fn a_message_that_was_taken_back_is_not_unread() {
    for door in Door::BOTH {
        let doors = scene().await;
        doors.call(door, "alice", recall("", BOB, 1)).await.unwrap();
        let left = doors.call(door, "bob", unread("", ALICE)).await.unwrap();
        assert_eq!(left, json!({"unread": 1, "capped": false, "read": "0", "latest": "3"}));
    }
}

#[tokio::test]
async fn how_far_others_have_read_is_told_to_who_is_in_the_conversation() {
    for door in Door::BOTH {
        let doors = scene().await;
        let call = async |caller: &str, call: Call| doors.call(door, caller, call).await.unwrap();
        call("bob", read("", ALICE, 1)).await;
        let told = |members: &[(&str, &str)]| {
            let cursors = members.iter().map(|(member, read)| json!({"member": member, "read": read}));
            json!({"cursors": cursors.collect::<Vec<_>>()})
        };
        // Without members it is both of two, and of a group oneself.
        let both = told(&[("alice", "2"), ("bob", "1")]);
        assert_eq!(call("alice", read_of("", BOB, &[])).await, both);
        let both = told(&[("bob", "1"), ("alice", "2")]);
        assert_eq!(call(SERVICE, read_of("bob", ALICE, &[])).await, both);
        assert_eq!(call("alice", read_of("", TEA, &[])).await, told(&[("alice", "1")]));
        let chosen = told(&[("bob", "0"), ("zoe", "0"), ("alice", "1")]);
        assert_eq!(call("alice", read_of("", TEA, &["bob", "zoe", "alice"])).await, chosen);
        assert_eq!(call(SERVICE, read_of("", TEA, &["bob"])).await, told(&[("bob", "0")]));
        call("alice", send("", "alice")).await;
        let own = To::With("alice");
        assert_eq!(call("alice", read_of("", own, &[])).await, told(&[("alice", "1")]));

        let many = vec!["bob"; 101];
        let refusal = doors.call(door, "alice", read_of("", TEA, &many)).await.unwrap_err();
        let text = "members: the list has 101 members; at most 100 are allowed";
        assert_eq!((refusal.reason.as_str(), refusal.text.as_str()), (INVALID, text));
        assert_eq!(
            call("alice", read_of("", TEA, &many[..100])).await["cursors"].as_array().unwrap().len(),
            100
        );
    }
}

/// Calls in the [`scene`], in this order, and what they are answered.
fn table() -> Vec<(&'static str, Call, &'static str)> {
    vec![
        ("bob", read("alice", BOB, 1), FORBIDDEN),
        ("carol", read("", ALICE, 0), NOT_FOUND),
        ("carol", read("", TEA, 0), FORBIDDEN),
        ("bob", read("", ALICE, 3), INVALID),
        ("bob", read("", ALICE, -1), INVALID),
        ("bob", read("", To::Nobody, 1), INVALID),
        (SERVICE, read("", TEA, 1), INVALID),
        (SERVICE, read("bob", TEA, 1), OK),
        (ANYBODY, read("bob", ALICE, 1), OK),
        ("carol", read_of("alice", BOB, &[]), FORBIDDEN),
        ("carol", read_of("", TEA, &["bob"]), FORBIDDEN),
        ("carol", read_of("", To::Group("none"), &["bob"]), FORBIDDEN),
        ("alice", read_of("", BOB, &[""]), INVALID),
        (SERVICE, read_of("", TEA, &[]), INVALID),
        (ANYBODY, read_of("", TEA, &["bob"]), OK),
        ("carol", unread("bob", ALICE), FORBIDDEN),
        ("carol", unread("", TEA), FORBIDDEN),
        ("bob", unread("", To::Both("alice", "tea")), INVALID),
        (SERVICE, unread("", ALICE), INVALID),
        (ANYBODY, unread("bob", TEA), OK),
        ("carol", list_unread("bob", "", 0), FORBIDDEN),
        ("bob", list_unread("", "", -1), INVALID),
        ("bob", list_unread("", "x", 0), INVALID),
        (SERVICE, list_unread("", "", 0), INVALID),
        (SERVICE, list_unread("bob", "", 0), OK),
        ("carol", conversations("bob", "", 0), FORBIDDEN),
        ("bob", conversations("", "", -1), INVALID),
        ("bob", conversations("", "bm8", 0), INVALID),
        (SERVICE, conversations("", "", 0), INVALID),
        (SERVICE, conversations("bob", "", 0), OK),
        (ANYBODY, conversations("nobody", "", 0), OK),
        ("carol", clear("bob", ALICE), FORBIDDEN),
        ("carol", clear("", ALICE), NOT_FOUND),
        ("carol", clear("", TEA), NOT_FOUND),
        ("carol", clear("", To::Group("none")), NOT_FOUND),
        (SERVICE, clear("", TEA), INVALID),
        (SERVICE, clear("bob", TEA), OK),
        ("bob", clear("", ALICE), OK),
    ]
}

#[tokio::test]
async fn each_call_about_conversations_is_answered_by_the_same_rules_through_both_doors() {
    let mut told = Vec::new();
    for door in Door::BOTH {
        let doors = scene().await;
        let mut refusals = Vec::new();
        for (caller, call, expected) in table() {
            let answer = doors.call(door, caller, call.clone()).await;
            assert_eq!(reason(&answer), expected, "{door:?}: {caller} calls {call:?}: {answer:?}");
            refusals.push(answer.err());
        }
        told.push(refusals);
    }
    assert_eq!(told[0], told[1]);
}

/// With whom, or the group, of each conversation of a list.
fn names(list: &Value) -> Vec<String> {
    let conversations = list["conversations"].as_array().unwrap().iter();
    let name = |of: &Value| format!("{}{}", of["with"].as_str().unwrap(), of["group"].as_str().unwrap());
    conversations.map(name).collect()
}

#[tokio::test]
async fn the_list_has_each_conversation_with_its_last_message_and_what_is_unread() {
    for door in Door::BOTH {
        let doors = scene().await;
        doors.call(door, "bob", read("", ALICE, 1)).await.unwrap();
        let list = doors.call(door, "bob", conversations("", "", 0)).await.unwrap();
        assert_eq!((&list["more"], &list["next"]), (&json!(false), &json!("")));
        let pair = list["conversations"].as_array().unwrap().iter().find(|of| of["with"] == "alice").unwrap();
        let expected = json!({"with": "alice", "group": "", "title": "", "unread": 1, "capped": false,
            "read": "1", "peerRead": "2", "latest": "2", "floor": "0"});
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(&pair[field], value, "{door:?}: {field}");
        }
        let last = &pair["last"];
        assert_eq!(
            (&last["sequence"], &last["kind"], &last["from"]),
            (&json!("2"), &json!("MESSAGE"), &json!("alice"))
        );
        assert_eq!(pair["atMs"], last["atMs"]);
        let tea = list["conversations"].as_array().unwrap().iter().find(|of| of["group"] == "tea").unwrap();
        assert_eq!((&tea["unread"], &tea["peerRead"], &tea["with"]), (&json!(1), &json!("0"), &json!("")));
        // A list of the other one names this one.
        let list = doors.call(door, "alice", conversations("", "", 0)).await.unwrap();
        assert!(names(&list).contains(&"bob".to_owned()), "{list}");
    }
}

/// Conversations of mary with ten others and in two groups.
async fn many() -> Doors {
    let doors = Doors::open().await;
    for other in 0..10 {
        doors.given(send(&format!("other{other}"), "mary")).await;
    }
    for group in ["tea", "news"] {
        doors.given(create(group, "olga", &["mary"])).await;
        doors.given(send_group("olga", group, &["olga", "mary"])).await;
    }
    doors
}

/// Follows a list of pages to its end.
async fn whole(doors: &Doors, door: Door, page: impl Fn(&str) -> Call) -> Vec<String> {
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let list = doors.call(door, "mary", page(&after)).await.unwrap();
        let found = names(&list);
        assert!(!found.is_empty() && found.len() <= 5, "{list}");
        seen.extend(found);
        after = list["next"].as_str().unwrap().to_owned();
        assert_eq!(list["more"], !after.is_empty());
        if after.is_empty() {
            return seen;
        }
    }
}

#[tokio::test]
async fn lists_come_in_pages_that_go_on_by_an_opaque_text() {
    for door in Door::BOTH {
        let doors = many().await;
        let recent = whole(&doors, door, |after| conversations("", after, 5)).await;
        let all = doors.call(door, "mary", conversations("", "", 0)).await.unwrap();
        assert_eq!(recent, names(&all), "{door:?}");
        let times: Vec<i64> = all["conversations"]
            .as_array()
            .unwrap()
            .iter()
            .map(|of| of["atMs"].as_str().unwrap().parse().unwrap())
            .collect();
        assert!(times.is_sorted_by(|one, next| one >= next), "{times:?}");

        doors.call(door, "mary", read("", To::With("other3"), 1)).await.unwrap();
        let mut unread = whole(&doors, door, |after| list_unread("", after, 5)).await;
        unread.sort_unstable();
        let mut expected = recent;
        expected.retain(|name| name != "other3");
        expected.sort_unstable();
        assert_eq!(unread, expected, "{door:?}");
    }
}

#[tokio::test]
async fn a_text_of_another_list_opens_none_of_it() {
    for door in Door::BOTH {
        let doors = many().await;
        let list = doors.call(door, "mary", conversations("", "", 5)).await.unwrap();
        let next = list["next"].as_str().unwrap();
        for call in [conversations("", next, 0), list_unread("", next, 0)] {
            let eves = doors.call(door, "eve", call).await.unwrap();
            assert_eq!(names(&eves), Vec::<String>::new());
        }
        for call in [conversations("mary", next, 0), list_unread("mary", next, 0)] {
            assert_eq!(reason(&doors.call(door, "eve", call).await), FORBIDDEN);
        }
        let refusal = doors.call(door, "mary", conversations("", &next[1..], 0)).await.unwrap_err();
        let text = "after: the text does not say where a page begins; send the text next of the page before, \
                    or nothing for the first page";
        assert_eq!((refusal.reason.as_str(), refusal.text.as_str()), (INVALID, text));
    }
}

#[tokio::test]
async fn what_is_cleared_is_gone_for_one_member_until_something_comes() {
    for door in Door::BOTH {
        let doors = scene().await;
        let call = async |caller: &str, call: Call| doors.call(door, caller, call).await.unwrap();
        assert_eq!(call("bob", clear("", ALICE)).await, json!({}));
        assert_eq!(names(&call("bob", conversations("", "", 0)).await), ["tea"]);
        assert_eq!(call("bob", unread("", ALICE)).await["unread"], 0);
        assert!(names(&call("alice", conversations("", "", 0)).await).contains(&"bob".to_owned()));
        call("alice", send("", "bob")).await;
        let list = call("bob", conversations("", "", 0)).await;
        let pair = list["conversations"].as_array().unwrap().iter().find(|of| of["with"] == "alice").unwrap();
        assert_eq!((&pair["unread"], &pair["floor"], &pair["latest"]), (&json!(1), &json!("2"), &json!("3")));
    }
}

#[tokio::test]
async fn a_group_that_was_left_is_not_listed_and_can_be_cleared() {
    for door in Door::BOTH {
        let doors = scene().await;
        doors.call(door, "bob", leave("tea", &[])).await.unwrap();
        assert_eq!(names(&doors.call(door, "bob", conversations("", "", 0)).await.unwrap()), ["alice"]);
        assert_eq!(reason(&doors.call(door, "bob", unread("", TEA)).await), FORBIDDEN);
        assert_eq!(doors.call(door, "bob", clear("", TEA)).await.unwrap(), json!({}));
    }
}

#[tokio::test]
async fn a_list_shows_nothing_that_is_written_in_a_group_of_others() {
    for door in Door::BOTH {
        let doors = scene().await;
        // A service tells carol something in a group that she is not in. Then its members go on.
        doors.call(door, SERVICE, send_group("alice", "tea", &["bob", "carol"])).await.unwrap();
        doors.call(door, "alice", send_group("", "tea", &[])).await.unwrap();
        let of = async |caller: &str| {
            let list = doors.call(door, caller, conversations("", "", 0)).await.unwrap();
            list["conversations"].as_array().unwrap().iter().find(|of| of["group"] == "tea").unwrap().clone()
        };
        let (member, other) = (of("bob").await, of("carol").await);
        assert_eq!((&member["last"]["sequence"], &member["latest"]), (&json!("3"), &json!("3")), "{member}");
        assert!(other["last"].is_null() && other["title"] == "", "{door:?}: {other}");
    }
}

#[tokio::test]
async fn whoever_was_sent_something_in_a_group_of_others_has_their_own_cursor_there() {
    for door in Door::BOTH {
        let doors = scene().await;
        // The store knows nothing of the group `news`; and carol is no member of `tea`.
        for (group, members) in [("news", ["alice", "carol"]), ("tea", ["bob", "carol"])] {
            doors.given(send_group("alice", group, &members)).await;
            let of = To::Group(group);
            let carol = async |call: Call| doors.call(door, "carol", call).await;
            let latest = if group == "tea" { 2 } else { 1 };
            // A message before the first one that somebody is sent is nothing that they miss.
            assert_eq!(carol(unread("", of)).await.unwrap()["unread"], 1, "{door:?} {group}");
            let own = |place: i64| json!({"cursors": [{"member": "carol", "read": place.to_string()}]});
            assert_eq!(carol(read("", of, latest)).await.unwrap(), json!({"read": latest.to_string()}));
            assert_eq!(carol(unread("carol", of)).await.unwrap()["unread"], 0);
            for members in [Vec::new(), vec!["carol"], vec!["carol", "carol"]] {
                let cursors = carol(read_of("", of, &members)).await.unwrap();
                assert_eq!(cursors["cursors"][0], own(latest)["cursors"][0]);
            }
            // Nothing else follows from that.
            for call in [
                read_of("", of, &["alice"]),
                read_of("", of, &["carol", "alice"]),
                read_of("alice", of, &["alice"]),
                read("alice", of, latest),
                unread("alice", of),
                edit("", of, latest, "{}"),
                recall("", of, latest),
            ] {
                let answer = carol(call.clone()).await;
                assert_eq!(reason(&answer), FORBIDDEN, "{door:?} {group}: {call:?}");
            }
            let stranger = doors.call(door, "zoe", unread("", of)).await;
            assert_eq!(reason(&stranger), FORBIDDEN);
        }
    }
}
