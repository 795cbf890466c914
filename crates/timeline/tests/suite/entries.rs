//! What an entry says over HTTP besides its message, and what a position is worth.

use reqwest::StatusCode;
use serde_json::{Value, json};
use timeline::{Count, MemberId, Seq};

use crate::served::Served;

async fn post(served: &Served, path: &str, body: Value) {
    let answer = served.client.post(served.url(path)).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

async fn get(served: &Served, path: &str) -> Value {
    let answer = served.client.get(served.url(path)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.json().await.unwrap()
}

/// Takes out what differs from run to run, once it is seen to be well-formed.
fn known(mut entry: Value) -> Value {
    let fields = entry.as_object_mut().unwrap();
    for name in ["atMs", "tag"] {
        let number: u64 = fields.remove(name).unwrap().as_str().unwrap().parse().unwrap();
        assert!(number > 0, "{name}");
    }
    entry
}

#[tokio::test]
async fn entries_say_who_sent_them_to_whom() {
    let served = Served::start().await;
    // What the message says of itself is its own business.
    let message = r#"{"from":"mallory","group":"x"}"#;
    let single = json!({ "from": "alice", "to": "bob", "message": message, "message_id": "7f1c" });
    post(&served, "/timeline/send", single).await;
    let group = json!({ "group_name": "g", "group_members": ["bob", "carol"], "message": message });
    post(&served, "/timeline/sendGroup", group.clone()).await;
    let mut named = group;
    named["from"] = json!("carol");
    post(&served, "/timeline/sendGroup", named).await;

    let page = get(&served, "/timeline/sync?member=bob").await;
    assert_eq!((&page["reset"], &page["floor"]), (&json!(false), &json!("0")));
    assert!(page["generation"].is_string());
    let entries: Vec<Value> = page["entrySet"].as_array().unwrap().iter().cloned().map(known).collect();
    let first = json!({ "sequence": "1", "message": message, "kind": "MESSAGE", "place": "1",
        "status": "ORIGINAL", "target": "0", "from": "alice", "to": "bob", "messageId": "7f1c" });
    let second = json!({ "sequence": "2", "message": message, "kind": "MESSAGE", "place": "1",
        "status": "ORIGINAL", "target": "0", "group": "g" });
    let third = json!({ "sequence": "3", "message": message, "kind": "MESSAGE", "place": "2",
        "status": "ORIGINAL", "target": "0", "group": "g", "from": "carol" });
    assert_eq!(entries, [first.clone(), second, third]);
    let history = get(&served, "/timeline/history/single/bob/alice").await;
    assert_eq!(known(history["entrySet"][0].clone()), first);
    let history = get(&served, "/timeline/history/group/g").await;
    assert_eq!(known(history["entrySet"][1].clone())["from"], "carol");
}

#[tokio::test]
async fn a_position_of_another_past_is_answered_with_reset() {
    let served = Served::start().await;
    for _ in 0..3 {
        post(&served, "/timeline/send", json!({ "from": "alice", "to": "bob", "message": "{}" })).await;
    }
    let page = get(&served, "/timeline/sync?member=bob").await;
    let tag = |index: usize| page["entrySet"][index]["tag"].as_str().unwrap().to_owned();
    for (position, reset, entries) in [
        (format!("last_read=2&last_tag={}", tag(1)), false, 1),
        (format!("lastRead=2&lastTag={}", tag(1)), false, 1),
        ("last_read=2".to_owned(), false, 1),
        ("last_read=3".to_owned(), false, 0),
        (format!("last_read=2&last_tag={}", tag(0)), true, 0),
        (format!("last_read=4&last_tag={}", tag(2)), true, 0),
        ("last_read=4".to_owned(), true, 0),
        ("last_read=9223372036854775807".to_owned(), true, 0),
    ] {
        let page = get(&served, &format!("/timeline/sync?member=bob&{position}")).await;
        let found = page["entrySet"].as_array().unwrap().len();
        assert_eq!(
            (&page["reset"], found, &page["latestSeq"]),
            (&json!(reset), entries, &json!("3")),
            "{position}"
        );
    }
    let wrong = served.client.get(served.url("/timeline/sync?member=bob&last_tag=x")).send().await.unwrap();
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
    let message = "last_tag: \"x\" is not a whole number; send one like 50";
    assert_eq!(wrong.json::<Value>().await.unwrap()["message"], message);
    let bob = MemberId::new("bob").unwrap();
    let inbox = served.timeline.sync(&bob, Seq::new(4).unwrap(), Count::default()).await.unwrap();
    assert!(inbox.reset, "and so in Rust");
}

#[tokio::test]
async fn a_history_says_whether_there_is_more() {
    let served = Served::start().await;
    for _ in 0..3 {
        post(&served, "/timeline/send", json!({ "from": "alice", "to": "bob", "message": "{}" })).await;
    }
    for (query, more) in [
        ("", false),
        ("?count=3", false),
        ("?count=2", true),
        ("?count=2&last_read=1", false),
        ("?count=2&backward=true", true),
        ("?count=2&backward=true&last_read=3", false),
        ("?count=1&backward=true&last_read=3", true),
        ("?last_read=3", false),
    ] {
        let page = get(&served, &format!("/timeline/history/single/alice/bob{query}")).await;
        assert_eq!(page["more"], more, "{query}");
    }
}
