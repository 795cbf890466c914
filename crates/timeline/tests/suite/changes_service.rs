//! Messages that are edited, taken back and deleted, over HTTP and over gRPC alike.

use serde_json::{Value, json};
use timeline::proto::v1;

use crate::doors::about::{To, delete, edit, recall};
use crate::doors::{
    ANYBODY, Call, Door, Doors, Refusal, SERVICE, create, group_history, leave, reason, send_group,
    single_history, sync,
};

const OK: &str = "OK";
const FORBIDDEN: &str = "TIMELINE_FORBIDDEN";
const INVALID: &str = "TIMELINE_INVALID_PARAM";
const NOT_FOUND: &str = "TIMELINE_NOT_FOUND";
const CONFLICT: &str = "TIMELINE_CONFLICT";

const BOB: To<'_> = To::With("bob");
const ALICE: To<'_> = To::With("alice");
const TEA: To<'_> = To::Group("tea");

fn send_text(from: &str, to: &str, message: &str) -> Call {
    let (from, to, message) = (from.to_owned(), to.to_owned(), message.to_owned());
    Call::Send(v1::SendMessageRequest { from, to, message, ..Default::default() })
}

/// The messages `{"n":1}` and `{"n":2}` from alice to bob, and a message of bob to the group `tea`
/// that alice owns and carol is not in.
async fn scene() -> Doors {
    let doors = Doors::open().await;
    for message in ["{\"n\":1}", "{\"n\":2}"] {
        doors.given(send_text("alice", "bob", message)).await;
    }
    doors.given(create("tea", "alice", &["bob"])).await;
    doors.given(send_group("bob", "tea", &[])).await;
    doors
}

/// The fields of an entry that say what became of it.
fn told(entry: &Value) -> Value {
    let known = ["kind", "status", "place", "target", "message", "edited", "from"];
    let fields = known.iter().filter_map(|&name| Some((name.to_owned(), entry.get(name)?.clone())));
    Value::Object(fields.collect())
}

/// Both entries that an edit of alice's first message leaves in a box.
fn edited() -> [Value; 2] {
    [
        json!({"kind": "MESSAGE", "status": "EDITED", "place": "1", "target": "0", "from": "alice",
            "message": "{\"n\":7}"}),
        json!({"kind": "EDIT", "status": "ORIGINAL", "place": "3", "target": "1", "from": "alice",
            "message": "{}", "edited": "{\"n\":7}"}),
    ]
}

#[tokio::test]
async fn an_edit_is_seen_in_the_history_and_in_both_inboxes() {
    for door in Door::BOTH {
        let doors = scene().await;
        let changed = doors.call(door, "alice", edit("", BOB, 1, "{\"n\":7}")).await.unwrap();
        assert_eq!(changed["place"], "3");
        assert!(changed["atMs"].as_str().unwrap().parse::<u64>().unwrap() > 0);
        let history = doors.call(door, "bob", single_history("bob", "alice")).await.unwrap();
        let inboxes = [sync("alice"), sync("bob")];
        let mut seen = vec![history];
        for inbox in inboxes {
            seen.push(doors.given(inbox).await);
        }
        for page in seen {
            let entries = page["entrySet"].as_array().unwrap();
            let about_the_two = entries.iter().filter(|entry| entry.get("group").is_none());
            let about_the_two: Vec<Value> = about_the_two.map(told).collect();
            let [message, edit] = edited();
            assert_eq!([about_the_two[0].clone(), about_the_two[2].clone()], [message, edit], "{door:?}");
            assert_eq!(entries[0]["changedAtMs"], changed["atMs"]);
            assert_eq!(about_the_two[1]["status"], "ORIGINAL");
            assert!(entries[1].get("changedAtMs").is_none());
        }
    }
}

#[tokio::test]
async fn a_recall_and_a_deletion_leave_no_text_and_say_which_it_was() {
    for door in Door::BOTH {
        let doors = scene().await;
        doors.call(door, "alice", recall("alice", BOB, 1)).await.unwrap();
        doors.call(door, "alice", delete("alice", BOB, 2)).await.unwrap();
        let history = doors.call(door, "alice", single_history("alice", "bob")).await.unwrap();
        let entries: Vec<Value> = history["entrySet"].as_array().unwrap().iter().map(told).collect();
        let gone = |place: &str, status: &str| {
            json!({"kind": "TOMBSTONE", "status": status, "place": place, "target": "0", "from": "alice",
                "message": "{}"})
        };
        let tells = |place: &str, kind: &str, target: &str| {
            json!({"kind": kind, "status": "ORIGINAL", "place": place, "target": target, "from": "alice",
                "message": "{}"})
        };
        let expected = [
            gone("1", "RECALLED"),
            gone("2", "DELETED"),
            tells("3", "RECALL", "1"),
            tells("4", "DELETION", "2"),
        ];
        assert_eq!(entries, expected, "{door:?}");
    }
}

#[tokio::test]
async fn a_repeated_change_has_one_effect_and_the_same_answer() {
    for door in Door::BOTH {
        let doors = scene().await;
        for call in [edit("", BOB, 1, "{\"n\":7}"), recall("", BOB, 1), delete("", BOB, 2)] {
            let first = doors.call(door, "alice", call.clone()).await.unwrap();
            let again = doors.call(door, "alice", call.clone()).await.unwrap();
            assert_eq!(first["place"], again["place"], "{door:?}: {call:?}");
        }
        let history = doors.given(single_history("alice", "bob")).await;
        assert_eq!(history["entrySet"].as_array().unwrap().len(), 5);
    }
}

/// Calls in the [`scene`], in this order, and what they are answered.
fn table() -> Vec<(&'static str, Call, &'static str)> {
    let text = "{\"n\":7}";
    vec![
        // A user changes what they sent, as themselves.
        ("bob", edit("", ALICE, 1, text), FORBIDDEN),
        ("bob", recall("", ALICE, 1), FORBIDDEN),
        ("bob", delete("", ALICE, 1), FORBIDDEN),
        ("bob", edit("alice", BOB, 1, text), FORBIDDEN),
        ("carol", recall("alice", BOB, 1), FORBIDDEN),
        ("alice", edit("alice", BOB, 1, text), OK),
        // Of a group of others they learn nothing, not even whether there is such a message.
        ("carol", edit("", TEA, 1, text), FORBIDDEN),
        ("carol", edit("", TEA, 9, text), FORBIDDEN),
        ("carol", recall("", To::Group("none"), 1), FORBIDDEN),
        ("alice", recall("", TEA, 1), FORBIDDEN),
        ("bob", edit("", TEA, 1, text), OK),
        // What there is not, or is of another kind.
        ("alice", edit("", BOB, 0, text), NOT_FOUND),
        ("alice", edit("", BOB, 9, text), NOT_FOUND),
        ("alice", recall("", BOB, 3), NOT_FOUND),
        ("alice", delete("", To::With("nobody"), 1), NOT_FOUND),
        ("alice", recall("", BOB, 2), OK),
        ("alice", edit("", BOB, 2, text), CONFLICT),
        // Fields out of their bounds.
        ("alice", edit("", BOB, -1, text), INVALID),
        ("alice", edit("", BOB, 1, "[]"), INVALID),
        ("alice", edit("", BOB, 1, ""), INVALID),
        ("alice", recall("", To::Nobody, 1), INVALID),
        ("alice", delete("", To::Both("bob", "tea"), 1), INVALID),
        // A service names who changes, and for a group nobody or somebody.
        (SERVICE, edit("", BOB, 1, text), INVALID),
        (SERVICE, edit("bob", ALICE, 1, text), FORBIDDEN),
        (SERVICE, edit("alice", BOB, 1, "{\"n\":8}"), OK),
        (SERVICE, recall("alice", TEA, 1), FORBIDDEN),
        (SERVICE, recall("", TEA, 1), OK),
        (ANYBODY, delete("", TEA, 1), OK),
        (ANYBODY, delete("alice", BOB, 1), OK),
    ]
}

#[tokio::test]
async fn each_change_is_answered_by_the_same_rules_through_both_doors() {
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

#[tokio::test]
async fn who_has_left_a_group_changes_nothing_in_it() {
    for door in Door::BOTH {
        let doors = scene().await;
        doors.call(door, "bob", leave("tea", &[])).await.unwrap();
        let answer = doors.call(door, "bob", recall("", TEA, 1)).await;
        let text = "bob may not read or change what is in group tea; only members of a group do so";
        assert_eq!(answer.unwrap_err(), Refusal { reason: FORBIDDEN.to_owned(), text: text.to_owned() });
        let history = doors.given(group_history("tea")).await;
        assert_eq!(told(&history["entrySet"][0])["kind"], "MESSAGE");
    }
}

#[tokio::test]
async fn a_request_names_one_conversation() {
    let text = "the request must name a conversation, by the other member in with or by the group in group, \
                and not by both";
    let doors = scene().await;
    for door in Door::BOTH {
        for to in [To::Nobody, To::Both("bob", "tea")] {
            let refusal = doors.call(door, "alice", recall("", to, 1)).await.unwrap_err();
            assert_eq!((refusal.reason.as_str(), refusal.text.as_str()), (INVALID, text));
        }
        let refusal = doors.call(door, SERVICE, recall("", BOB, 1)).await.unwrap_err();
        assert_eq!(refusal.text, "member: the value must not be empty");
        let refusal = doors.call(door, "alice", recall("", BOB, -1)).await.unwrap_err();
        assert_eq!(refusal.text, "place: -1 is negative; it must be 0 or more");
    }
}

#[tokio::test]
async fn a_sender_learns_the_place_of_what_they_sent() {
    for door in Door::BOTH {
        let doors = scene().await;
        let sent = doors.call(door, "bob", send_text("", "alice", "{}")).await.unwrap();
        assert_eq!(sent["place"], "3");
        assert_eq!(sent["sequence"], "4", "the inbox counts for itself");
        let sent = doors.call(door, "bob", send_group("", "tea", &[])).await.unwrap();
        assert_eq!(sent, json!({"failedMembers": [], "place": "2"}));
        doors.call(door, "bob", recall("", TEA, 2)).await.unwrap();
        let history = doors.given(group_history("tea")).await;
        assert_eq!(told(&history["entrySet"][1])["status"], "RECALLED");
    }
}
