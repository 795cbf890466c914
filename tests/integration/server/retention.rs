//! How long messages are kept, as an operator says it.

use reqwest::Client;
use serde_json::{Value, json};
use tests::Tidings;

async fn get(server: &Tidings, path: &str) -> Value {
    reqwest::get(server.url(path)).await.unwrap().json().await.unwrap()
}

async fn send(server: &Tidings, number: usize) {
    let body = json!({ "from": "alice", "to": "bob", "message": { "n": number } });
    let sent = Client::new().post(server.url("/timeline/send")).json(&body).send().await.unwrap();
    assert_eq!(sent.status().as_u16(), 200);
}

#[tokio::test]
async fn of_more_messages_than_are_kept_the_oldest_are_gone_from_histories_and_inboxes() {
    let server = Tidings::start_with(&["--retention=pairs=365d/3, groups=7d"]);
    for number in 1..=5 {
        send(&server, number).await;
    }
    let history = get(&server, "/timeline/history/single/alice/bob").await;
    assert_eq!(history["floor"], "2", "{history}");
    let messages: Vec<_> =
        history["entrySet"].as_array().unwrap().iter().map(|entry| &entry["message"]).collect();
    assert_eq!(messages, ["{\"n\":3}", "{\"n\":4}", "{\"n\":5}"]);
    let inbox = get(&server, "/timeline/sync?member=bob").await;
    let entries = inbox["entrySet"].as_array().unwrap();
    assert_eq!(entries.len(), 5, "sequences stay without gaps");
    for gone in &entries[..2] {
        let seen = (&gone["kind"], &gone["status"], &gone["message"]);
        assert_eq!(seen, (&json!("TOMBSTONE"), &json!("EXPIRED"), &json!("{}")), "{gone}");
    }
    assert_eq!(entries[2]["message"], "{\"n\":3}");
    let unread = get(&server, "/timeline/unread?member=bob&with=alice").await;
    assert_eq!(unread["unread"], 3, "{unread}");
}

#[test]
fn a_check_says_how_long_messages_are_kept() {
    let directory = tempfile::tempdir().unwrap();
    let ports = ["--http=127.0.0.1:0", "--grpc=127.0.0.1:0"];
    for (flags, line) in [
        (&[][..], "ok      --retention: everything is kept; --erased-within 24h\n"),
        (
            &["--retention=inboxes=30d,groups:news:*=7d/500", "--erased-within=1h"],
            "ok      --retention: inboxes=30d, groups:news:*=7d/500; --erased-within 1h\n",
        ),
    ] {
        let output = Tidings::run(directory.path(), &[&["check"][..], &ports, flags].concat(), &[]);
        let said = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && said.contains(line), "{said}");
    }
    let output = Tidings::run(directory.path(), &["check", "--retention=pairs=for ever"], &[]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("--retention: ") && said.lines().count() == 1, "{said}");
}
