//! The data of the Go service go-timeline, taken over by a server.

use std::time::Duration;

use bson::{Document, doc};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::databases::{Databases, Mode, run};

/// A time that only a hang reaches.
const LIMIT: Duration = Duration::from_secs(60);

/// A document as the service wrote it.
fn written(id: &str, seq: i64, text: &str) -> Document {
    doc! { "id": id, "seq": seq, "message": { "text": text } }
}

/// What the service left: a sequence that it gave out twice, and one that it never wrote.
async fn leave(databases: &Databases) {
    let inbox = [(1, "one"), (2, "two"), (2, "two again"), (4, "four")];
    let inbox: Vec<_> = inbox.map(|(seq, text)| written("bob", seq, text)).to_vec();
    let history = vec![written("seq:alice:bob", 1, "one"), written("seq:alice:bob", 2, "two")];
    for (collection, documents) in [("chat_sync", inbox), ("chat_history", history)] {
        let insert = doc! { "insert": collection, "documents": documents };
        databases.mongo.command("im", insert).await.unwrap();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test]
async fn a_check_tells_of_it_a_repair_moves_duplicates_and_a_server_goes_on() {
    let Some(databases) = Databases::start(Mode::Mongo).await else { return };
    leave(&databases).await;
    let flags = databases.flags();
    let checked = run("check", &flags);
    let said = text(&checked.stdout);
    assert_eq!(checked.status.code(), Some(1), "{said}");
    assert!(said.contains("problem --mongo-url: 1 documents have the sequence of another one"), "{said}");
    assert!(said.contains("run `tidings repair`"), "{said}");
    for note in ["\"bob\" from 3 to 3", "another document of \"bob\" at 2", "it must not run from now on"] {
        assert!(
            said.lines().any(|line| line.starts_with("note    --mongo-url: ") && line.contains(note)),
            "{said}"
        );
    }

    let repaired = run("repair", &flags);
    let said = text(&repaired.stdout);
    assert_eq!(repaired.status.code(), Some(0), "{}", text(&repaired.stderr));
    assert!(said.contains("of \"bob\" at 2, from chat_sync to chat_sync_duplicates"), "{said}");
    assert!(text(&repaired.stderr).contains("the Go service must not run"), "{}", text(&repaired.stderr));
    let counted = databases.mongo.command("im", doc! { "count": "chat_sync_duplicates" }).await.unwrap();
    assert_eq!(counted.get_i32("n").ok(), Some(1), "{counted}");
    // Once more there is nothing to do, and a check has notes alone.
    assert!(text(&run("repair", &flags).stdout).starts_with("0 documents"));
    let checked = run("check", &flags);
    assert!(checked.status.success() && text(&checked.stdout).contains("note    --mongo-url: "));

    let server = databases.server(&["--timeline-hole-time=100ms"]).await;
    let sync = async || {
        let page = reqwest::get(server.url("/timeline/sync?member=bob")).await.unwrap();
        page.json::<Value>().await.unwrap()
    };
    // The place that was never written is closed a moment after somebody has seen it.
    let whole = async {
        loop {
            let page = sync().await;
            if page["entrySetLastSeq"] == "4" {
                return page;
            }
        }
    };
    let page = timeout(LIMIT, whole).await.expect("the hole is closed");
    let entries: Vec<_> = page["entrySet"].as_array().unwrap().iter().collect();
    let messages = [json!({ "text": "one" }), json!({ "text": "two" }), json!({}), json!({ "text": "four" })];
    assert_eq!(entries.len(), messages.len(), "{page}");
    for (entry, message) in entries.iter().zip(messages) {
        let stored: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
        assert_eq!(stored, message, "{page}");
    }
    assert_eq!(
        (&entries[2]["kind"], &entries[2]["status"]),
        (&json!("TOMBSTONE"), &json!("UNUSED")),
        "{page}"
    );
    let body = json!({ "from": "alice", "to": "bob", "message": { "text": "five" } });
    let sent = reqwest::Client::new().post(server.url("/timeline/send")).json(&body).send().await.unwrap();
    assert_eq!(sent.json::<Value>().await.unwrap(), json!({ "sequence": "5", "place": "3" }));
    let history = reqwest::get(server.url("/timeline/history/single/bob/alice")).await.unwrap();
    assert_eq!(history.json::<Value>().await.unwrap()["entrySet"].as_array().unwrap().len(), 3);
}

#[test]
fn a_repair_is_for_messages_in_mongo() {
    let refused = run("repair", &[]);
    let said = text(&refused.stderr);
    assert_eq!((refused.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains("--timeline is embedded") && said.contains("tidings salvage"), "{said}");
}
