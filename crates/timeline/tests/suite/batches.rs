//! Many sends in one call, and inboxes that their readers free, through both doors.

use serde_json::json;
use timeline::proto::v1;

use crate::doors::{
    BATCH_MAX, Call, Door, Doors, SERVICE, ack, batch, reason, received, received_of, send, single_history,
    sync,
};

fn one(from: &str, to: &str, message: &str) -> v1::SendMessageRequest {
    let (from, to, message) = (from.to_owned(), to.to_owned(), message.to_owned());
    v1::SendMessageRequest { from, to, message, ..Default::default() }
}

#[tokio::test]
async fn each_send_of_a_batch_is_answered_in_its_place() {
    for door in Door::BOTH {
        let doors = Doors::open().await;
        let sends = vec![
            one("", "bob", "{\"n\":1}"),
            one("bob", "alice", "{}"),
            one("alice", "", "{}"),
            one("alice", "bob", "no JSON"),
            one("alice", "bob", "{\"n\":2}"),
        ];
        let request = v1::SendBatchRequest { sends };
        let reply = doors.call(door, "alice", Call::Batch(request)).await.unwrap();
        let results = reply["results"].as_array().unwrap();
        let told: Vec<_> = results.iter().map(|of| (&of["sequence"], &of["reason"])).collect();
        let expected = [
            (json!("1"), json!("")),
            (json!("0"), json!("TIMELINE_FORBIDDEN")),
            (json!("0"), json!("TIMELINE_INVALID_PARAM")),
            (json!("0"), json!("TIMELINE_INVALID_PARAM")),
            (json!("2"), json!("")),
        ];
        assert_eq!(told, expected.iter().map(|(sequence, reason)| (sequence, reason)).collect::<Vec<_>>());
        let forbidden = "alice may not send as bob; a user sends as themselves only";
        assert_eq!(results[1]["message"], forbidden);
        let inbox = doors.given(sync("bob")).await;
        assert_eq!(inbox["latestSeq"], "2");
        assert_eq!(inbox["entrySet"][1]["message"], "{\"n\":2}");
    }
}

#[tokio::test]
async fn a_batch_sent_again_with_its_message_ids_has_one_effect_and_one_answer() {
    for door in Door::BOTH {
        let doors = Doors::open().await;
        let with_id = |id: &str| v1::SendMessageRequest { message_id: id.to_owned(), ..one("a", "b", "{}") };
        let request = v1::SendBatchRequest { sends: vec![with_id("1"), with_id("2")] };
        let first = doors.call(door, SERVICE, Call::Batch(request.clone())).await.unwrap();
        assert_eq!(doors.call(door, SERVICE, Call::Batch(request)).await.unwrap(), first);
        assert_eq!(doors.given(sync("b")).await["latestSeq"], "2");
    }
}

#[tokio::test]
async fn a_batch_counts_all_its_sends_before_any_is_stored() {
    for door in Door::BOTH {
        let doors = Doors::open().await;
        let most = vec!["bob"; BATCH_MAX];
        let answer = doors.call(door, "alice", batch("", &most)).await;
        assert_eq!(reason(&answer), "OK");
        let answer = doors.call(door, "alice", batch("", &[&most[..], &["bob"]].concat())).await;
        assert_eq!(reason(&answer), "TOO_MANY_REQUESTS");
        assert_eq!(doors.given(sync("bob")).await["latestSeq"], BATCH_MAX.to_string());
    }
}

#[tokio::test]
async fn an_inbox_that_was_freed_keeps_its_sequences_and_the_histories_keep_everything() {
    for door in Door::BOTH {
        let doors = Doors::open().await;
        for _ in 0..3 {
            doors.given(send("alice", "bob")).await;
        }
        let call = async |call| doors.call(door, "bob", call).await.unwrap();
        assert_eq!(call(ack("", 2)).await, json!({"floor": "2"}));
        assert_eq!(call(ack("", 1)).await, json!({"floor": "2"}), "it never falls");
        let inbox = call(sync("")).await;
        assert_eq!((&inbox["floor"], &inbox["reset"]), (&json!("2"), &json!(false)));
        assert_eq!(inbox["entrySet"].as_array().unwrap().len(), 1);
        assert_eq!(inbox["entrySet"][0]["sequence"], "3");
        let history = call(single_history("alice", "bob")).await;
        assert_eq!(history["entrySet"].as_array().unwrap().len(), 3);
        call(ack("", 3)).await;
        doors.given(send("alice", "bob")).await;
        assert_eq!(call(sync("")).await["entrySet"][0]["sequence"], "4");
    }
}

#[tokio::test]
async fn how_far_an_inbox_was_received_never_falls_and_anybody_may_ask() {
    for door in Door::BOTH {
        let doors = Doors::open().await;
        for _ in 0..2 {
            doors.given(send("alice", "bob")).await;
        }
        assert_eq!(doors.call(door, "alice", received_of("bob")).await.unwrap(), json!({"sequence": "0"}));
        for (sequence, kept) in [(2, "2"), (1, "2")] {
            let answer = doors.call(door, "bob", received("", sequence)).await.unwrap();
            assert_eq!(answer, json!({"sequence": kept}));
        }
        assert_eq!(doors.call(door, "alice", received_of("bob")).await.unwrap(), json!({"sequence": "2"}));
    }
}
