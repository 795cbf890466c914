//! Conversations and members that are deleted, over HTTP and over gRPC alike.

use serde_json::{Value, json};
use timeline::proto::v1;

use crate::doors::about::{To, conversations, delete_member, purge, read_of};
use crate::doors::{
    ANYBODY, Call, Door, Doors, SERVICE, create, get, group_history, list, reason, send, send_group,
    single_history, sync,
};

const OK: &str = "OK";
const FORBIDDEN: &str = "TIMELINE_FORBIDDEN";
const INVALID: &str = "TIMELINE_INVALID_PARAM";

const BOB: To<'_> = To::With("bob");
const TEA: To<'_> = To::Group("tea");

fn secret(from: &str, to: &str) -> Call {
    let (from, to, message) = (from.to_owned(), to.to_owned(), "{\"secret\":1}".to_owned());
    Call::Send(v1::SendMessageRequest { from, to, message, ..Default::default() })
}

/// A message from alice to bob and one back, and a group `tea` of both with a message of each.
async fn scene() -> Doors {
    let doors = Doors::open().await;
    doors.given(secret("alice", "bob")).await;
    doors.given(secret("bob", "alice")).await;
    doors.given(create("tea", "alice", &["bob"])).await;
    doors.given(send_group("alice", "tea", &["alice", "bob"])).await;
    doors.given(send_group("bob", "tea", &["alice", "bob"])).await;
    doors
}

/// The kind and the status of each entry.
fn kinds(page: &Value) -> Vec<String> {
    let entries = page["entrySet"].as_array().unwrap().iter();
    entries
        .map(|entry| format!("{} {}", entry["kind"].as_str().unwrap(), entry["status"].as_str().unwrap()))
        .collect()
}

#[tokio::test]
async fn only_who_may_act_for_all_deletes_conversations_and_members() {
    let mut told = Vec::new();
    for door in Door::BOTH {
        let doors = scene().await;
        let mut refusals = Vec::new();
        for (caller, call, expected) in [
            ("alice", purge("alice", BOB), FORBIDDEN),
            ("alice", purge("", BOB), FORBIDDEN),
            ("alice", purge("", TEA), FORBIDDEN),
            ("alice", purge("", To::Nobody), FORBIDDEN),
            ("alice", delete_member("alice"), FORBIDDEN),
            ("alice", delete_member(""), FORBIDDEN),
            (SERVICE, purge("", BOB), INVALID),
            (SERVICE, purge("", To::Nobody), INVALID),
            (SERVICE, purge("alice", To::Both("bob", "tea")), INVALID),
            (SERVICE, delete_member(""), INVALID),
            (SERVICE, purge("alice", BOB), OK),
            (ANYBODY, purge("", TEA), OK),
            (ANYBODY, delete_member("alice"), OK),
            (SERVICE, delete_member("nobody"), OK),
        ] {
            let answer = doors.call(door, caller, call.clone()).await;
            assert_eq!(reason(&answer), expected, "{door:?}: {caller} calls {call:?}: {answer:?}");
            refusals.push(answer.err());
        }
        told.push(refusals);
    }
    assert_eq!(told[0], told[1]);
}

#[tokio::test]
async fn a_purged_conversation_has_no_text_anywhere() {
    for door in Door::BOTH {
        let doors = scene().await;
        let purged = doors.call(door, SERVICE, purge("alice", BOB)).await.unwrap();
        assert_eq!(purged, json!({"place": "3"}));
        let history = doors.given(single_history("alice", "bob")).await;
        assert_eq!(kinds(&history), ["PURGE ORIGINAL"]);
        for member in ["alice", "bob"] {
            let inbox = doors.call(door, member, sync("")).await.unwrap();
            let gone = "TOMBSTONE EXPIRED";
            let expected = [gone, gone, "MESSAGE ORIGINAL", "MESSAGE ORIGINAL", "PURGE ORIGINAL"];
            assert_eq!(kinds(&inbox), expected, "{door:?}: {member}");
            assert!(!inbox.to_string().contains("secret"), "{inbox}");
        }
        // Another purge finds nothing, and the history counts on.
        assert_eq!(doors.call(door, SERVICE, purge("bob", To::With("alice"))).await.unwrap(), purged);
        assert_eq!(doors.given(send("alice", "bob")).await["place"], "4");
    }
}

#[tokio::test]
async fn a_deleted_member_leaves_their_groups_and_no_text() {
    for door in Door::BOTH {
        let doors = scene().await;
        let deleted = doors.call(door, SERVICE, delete_member("bob")).await.unwrap();
        assert_eq!(deleted, json!({"messages": "2"}));
        let history = doors.given(single_history("alice", "bob")).await;
        assert_eq!(kinds(&history), ["MESSAGE ORIGINAL", "TOMBSTONE DELETED", "DELETION ORIGINAL"]);
        let history = doors.given(group_history("tea")).await;
        assert_eq!(kinds(&history), ["MESSAGE ORIGINAL", "TOMBSTONE DELETED", "DELETION ORIGINAL"]);
        assert_eq!(doors.given(get("tea")).await["members"], json!([{"member": "alice", "role": "OWNER"}]));
        assert_eq!(doors.given(list("bob")).await["groups"], json!([]));
        assert_eq!(doors.given(conversations("bob", "", 0)).await["conversations"], json!([]));
        let inbox = doors.given(sync("bob")).await;
        assert_eq!((&inbox["entrySet"], &inbox["floor"]), (&json!([]), &inbox["latestSeq"]));
        let cursors = doors.given(read_of("alice", BOB, &["bob"])).await;
        assert_eq!(cursors, json!({"cursors": [{"member": "bob", "read": "0"}]}));
        // Repeated it finds nothing more.
        let again = doors.call(door, SERVICE, delete_member("bob")).await.unwrap();
        assert_eq!(again, json!({"messages": "0"}));
    }
}

#[tokio::test]
async fn a_user_is_told_what_they_may_instead() {
    let doors = scene().await;
    for door in Door::BOTH {
        let refusal = doors.call(door, "alice", purge("", BOB)).await.unwrap_err();
        let text = "alice may not delete a conversation for everybody, only a service may; clear it for \
                    yourself instead";
        assert_eq!(refusal.text, text);
        let refusal = doors.call(door, "alice", delete_member("alice")).await.unwrap_err();
        assert_eq!(refusal.text, "alice may not delete a member; only a service deletes members");
    }
}
