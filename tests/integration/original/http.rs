//! The same over HTTP, in every form that the original took.

use prost::Message as _;
use reqwest::{Client as Http, StatusCode, header};
use serde_json::{Value, json};
use tests::Tidings;

use super::client::v1::{SendMessageReply, SyncMessageReply};
use super::client::{Client, entries, single};
use super::scenario::{GROUP, MEMBERS, TO_A, TO_B, TO_GROUP};
use crate::databases::{Databases, Mode};

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

async fn post(server: &Tidings, path: &str, content_type: &str, body: &str) -> (StatusCode, Value) {
    let request = Http::new().post(server.url(path)).header(header::CONTENT_TYPE, content_type);
    let answer = request.body(body.to_owned()).send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

/// Reads, and leaves the fields that a client of the original knows: it passes over others.
async fn get(server: &Tidings, path: &str) -> Value {
    let answer = reqwest::get(server.url(path)).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    let mut answer: Value = answer.json().await.unwrap();
    let known = ["latestSeq", "entrySetLastSeq", "entrySet"];
    answer.as_object_mut().unwrap().retain(|name, _| known.contains(&name.as_str()));
    for entry in answer["entrySet"].as_array_mut().unwrap() {
        entry.as_object_mut().unwrap().retain(|name, _| ["sequence", "message"].contains(&name.as_str()));
    }
    answer
}

/// Entries as the original writes them: all fields, 64-bit numbers as strings.
fn written(first: i64, messages: &[&str]) -> Value {
    let entries = entries(first, messages).into_iter();
    entries.map(|entry| json!({ "sequence": entry.sequence.to_string(), "message": entry.message })).collect()
}

/// What the tests of the original send, each message in another form.
async fn play(server: &Tidings) {
    let sent =
        |sequence: &str, place: &str| (StatusCode::OK, json!({ "sequence": sequence, "place": place }));
    let body = json!({ "from": "a", "to": "b", "message": TO_B }).to_string();
    assert_eq!(post(server, "/timeline/send", JSON, &body).await, sent("1", "1"));
    // As curl sends it that is told no type.
    let body = json!({ "from": "b", "to": "a", "message": TO_A }).to_string();
    assert_eq!(post(server, "/timeline/send", FORM, &body).await, sent("2", "2"));
    let [first, second, third] = TO_GROUP;
    let snake = json!({ "group_name": GROUP, "group_members": MEMBERS, "message": first });
    let camel = json!({ "groupName": GROUP, "groupMembers": MEMBERS, "message": second, "unknown": [1] });
    let form = format!(
        "group_name={GROUP}&group_members=a&group_members=c&group_members=d&message={}",
        encoded(third)
    );
    for (content_type, body, place) in
        [(JSON, snake.to_string(), "1"), (JSON, camel.to_string(), "2"), (FORM, form, "3")]
    {
        let answer = post(server, "/timeline/sendGroup", content_type, &body).await;
        assert_eq!(answer, (StatusCode::OK, json!({ "failedMembers": [], "place": place })), "{body}");
    }
}

/// A text as a value of a form.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[tokio::test]
async fn a_client_of_the_originals_json_sends_syncs_and_reads_histories() {
    sends_syncs_and_reads_histories(&Tidings::start()).await;
}

#[tokio::test]
async fn it_does_the_same_with_messages_in_mongo() {
    for mode in Mode::ALL {
        let Some(databases) = Databases::start(mode).await else { return };
        sends_syncs_and_reads_histories(&databases.server(&[]).await).await;
    }
}

async fn sends_syncs_and_reads_histories(server: &Tidings) {
    play(server).await;
    let [first, second, third] = TO_GROUP;
    // The loop of the original's page, in pages of two; numbers are strings, as it stores them.
    let mut last_read = json!("0");
    let mut pages = Vec::new();
    loop {
        let query = format!("member=d&last_read={}&count=2", last_read.as_str().unwrap());
        let page = get(server, &format!("/timeline/sync?{query}")).await;
        assert_eq!(page["latestSeq"], "3");
        last_read = page["entrySetLastSeq"].clone();
        pages.push(page["entrySet"].clone());
        if last_read == page["latestSeq"] {
            break;
        }
    }
    assert_eq!(pages, [written(1, &[first, second]), written(3, &[third])]);
    for query in ["member=d&lastRead=1&count=1", "member=d&last_read=1&count=1&unknown=x"] {
        let page = get(server, &format!("/timeline/sync?{query}")).await;
        let expected = json!({ "latestSeq": "3", "entrySetLastSeq": "2", "entrySet": written(2, &[second]) });
        assert_eq!(page, expected, "{query}");
    }
    let nobody = json!({ "latestSeq": "0", "entrySetLastSeq": "0", "entrySet": [] });
    assert_eq!(get(server, "/timeline/sync?member=nobody").await, nobody);
    for path in ["/timeline/history/single/a/b?count=10", "/timeline/history/single/b/a"] {
        assert_eq!(get(server, path).await, json!({ "entrySet": written(1, &[TO_B, TO_A]) }), "{path}");
    }
    let group = format!("/timeline/history/group/{GROUP}");
    let whole = json!({ "entrySet": written(1, &TO_GROUP) });
    assert_eq!(get(server, &format!("{group}?last_read=0&count=10")).await, whole);
    let rest = json!({ "entrySet": written(2, &[second, third]) });
    assert_eq!(get(server, &format!("{group}?lastRead=1")).await, rest);
    // It is the same store behind both ports.
    let client = &mut Client::connect(server).await;
    let inbox = client.sync("a", 0, 3).await.concat();
    assert_eq!(inbox, entries(1, &[TO_B, TO_A, first, second, third]));
}

#[tokio::test]
async fn the_originals_protobuf_is_taken_and_answered_over_http() {
    let server = Tidings::start();
    let proto = "application/proto";
    let http = Http::new();
    let send = http.post(server.url("/timeline/send")).header(header::CONTENT_TYPE, proto);
    let send = send.header(header::ACCEPT, proto).body(single("a", "b", TO_B).encode_to_vec());
    let answer = send.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()[header::CONTENT_TYPE], proto);
    let reply = SendMessageReply::decode(answer.bytes().await.unwrap()).unwrap();
    assert_eq!(reply, SendMessageReply { sequence: 1 });
    let sync = http.get(server.url("/timeline/sync?member=b")).header(header::ACCEPT, proto);
    let reply = SyncMessageReply::decode(sync.send().await.unwrap().bytes().await.unwrap()).unwrap();
    let expected = SyncMessageReply { latest_seq: 1, entry_set_last_seq: 1, entry_set: entries(1, &[TO_B]) };
    assert_eq!(reply, expected);
}

#[tokio::test]
async fn a_client_of_the_originals_json_understands_refusals() {
    let server = Tidings::start();
    let invalid = "TIMELINE_INVALID_PARAM";
    for (path, content_type, body, reason) in [
        ("/timeline/send", JSON, r#"{"to":"b","message":"{}"}"#, invalid),
        ("/timeline/send", JSON, r#"{"from":"a","message":"{}"}"#, invalid),
        ("/timeline/send", JSON, "", invalid),
        ("/timeline/send", JSON, r#"{"from":"a","to":"b","message":"no json"}"#, invalid),
        ("/timeline/sendGroup", JSON, r#"{"group_members":["a"],"message":"{}"}"#, invalid),
        ("/timeline/sendGroup", FORM, "group_name=club&message=%7B%7D", invalid),
        ("/timeline/send", JSON, "{", "CODEC"),
        ("/timeline/send", "text/plain", "{}", "CODEC"),
    ] {
        let (status, mut answer) = post(&server, path, content_type, body).await;
        let message = answer["message"].take();
        assert!(message.as_str().is_some_and(|text| !text.is_empty()), "{body}");
        let expected = json!({ "code": 400, "reason": reason, "message": null, "metadata": {} });
        assert_eq!((status, answer), (StatusCode::BAD_REQUEST, expected), "{content_type}: {body}");
    }
    // No refusal has taken a sequence.
    let nothing = json!({ "latestSeq": "0", "entrySetLastSeq": "0", "entrySet": [] });
    for member in ["a", "b"] {
        assert_eq!(get(&server, &format!("/timeline/sync?member={member}")).await, nothing);
    }
}
