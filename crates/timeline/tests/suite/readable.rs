//! Messages that some readers could not read: refused with their place, whichever way they come.

use prost::Message as _;
use reqwest::{StatusCode, header};
use serde_json::{Value, json};
use timeline::proto::v1::{SendGroupRequest, SendMessageRequest};
use timeline::{Count, MemberId, Seq};

use crate::served::Served;

/// Messages, and where in them the problem is.
fn unreadable() -> [(String, &'static str); 6] {
    let (open, close) = ("[".repeat(129), "]".repeat(129));
    [
        ("{\"a\":\n1e999}".to_owned(), "line 2 column 5"),
        (format!("{{\"a\":-{}}}", "9".repeat(400)), "line 1 column"),
        ("{\"a\":\"\\ud800\"}".to_owned(), "line 1 column"),
        ("{\"\\udc00\":1}".to_owned(), "line 1 column"),
        (format!("{{\"a\":{open}{close}}}"), "line 1 column 133"),
        (format!("{{\"a\":{}", "[".repeat(30_000)), "line 1 column 133"),
    ]
}

/// The texts of a refusal by each call and encoding of the HTTP service.
async fn refusals(served: &Served, text: &str) -> Vec<(StatusCode, Value)> {
    let single =
        SendMessageRequest { from: "a".into(), to: "b".into(), message: text.into(), ..Default::default() };
    let group = SendGroupRequest {
        group_name: "g".into(),
        group_members: vec!["b".into()],
        message: text.into(),
        ..Default::default()
    };
    let bodies = [
        ("/timeline/send", "application/json", serde_json::to_vec(&single).unwrap()),
        ("/timeline/send", "application/proto", single.encode_to_vec()),
        ("/timeline/sendGroup", "application/json", serde_json::to_vec(&group).unwrap()),
        ("/timeline/sendGroup", "application/x-protobuf", group.encode_to_vec()),
    ];
    let mut answers = Vec::new();
    for (path, content_type, body) in bodies {
        let request = served.client.post(served.url(path)).header(header::CONTENT_TYPE, content_type);
        let response = request.body(body).send().await.unwrap();
        answers.push((response.status(), response.json().await.unwrap()));
    }
    answers
}

#[tokio::test]
async fn what_some_readers_cannot_read_is_refused_with_its_place() {
    let served = Served::start().await;
    for (text, place) in unreadable() {
        for (status, answer) in refusals(&served, &text).await {
            assert_eq!((status, &answer["code"]), (StatusCode::BAD_REQUEST, &json!(400)), "{text:.40}");
            assert_eq!(answer["reason"], "TIMELINE_INVALID_PARAM");
            let message = answer["message"].as_str().unwrap();
            assert!(message.starts_with("message: ") && message.contains(place), "{text:.40}: {message}");
        }
    }
    let b = MemberId::new("b").unwrap();
    let inbox = served.timeline.sync(&b, Seq::ZERO, Count::default()).await.unwrap();
    assert_eq!(inbox.latest_seq, Seq::ZERO, "nothing was stored");
}

#[tokio::test]
async fn a_body_with_half_a_character_is_refused_with_its_place() {
    let served = Served::start().await;
    let body = "{\"from\":\"a\",\"to\":\"b\",\n\"message\":\"{\\\"t\\\":\\\"\\ud800\\\"}\"}";
    let request = served.client.post(served.url("/timeline/send"));
    let response = request.header(header::CONTENT_TYPE, "application/json").body(body).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
    let answer: Value = response.json().await.unwrap();
    assert_eq!(answer["reason"], "CODEC");
    assert!(answer["message"].as_str().unwrap().contains("(line 2, column "), "{answer}");
}

#[tokio::test]
async fn names_are_compared_byte_by_byte() {
    let served = Served::start().await;
    // One letter, in two spellings.
    for to in ["\u{e9}", "e\u{301}"] {
        let body = json!({ "from": "a", "to": to, "message": "{}" });
        let answer = served.client.post(served.url("/timeline/send")).json(&body).send().await.unwrap();
        assert_eq!(answer.json::<Value>().await.unwrap(), json!({ "sequence": "1", "place": "1" }), "{to:?}");
    }
}
