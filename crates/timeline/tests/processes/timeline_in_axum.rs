//! The example `timeline_in_axum` as its users run it: a program, its clients, and a restart.

use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::Example;

async fn start(directory: &TempDir) -> (Example, String) {
    let directory = directory.path().join("data");
    let mut program = Example::start("timeline_in_axum", ["127.0.0.1:0", directory.to_str().unwrap()]);
    let url = program.line().await.strip_prefix("listening at ").unwrap().to_owned();
    (program, url)
}

#[tokio::test]
async fn a_program_serves_timelines_beside_its_own_routes_and_keeps_them() {
    let (directory, client) = (tempfile::tempdir().unwrap(), Client::new());
    let (mut program, url) = start(&directory).await;
    let health = client.get(format!("{url}/health")).send().await.unwrap();
    assert_eq!(
        (health.status().as_u16(), health.text().await.unwrap().as_str()),
        (200, "the timeline store is well")
    );

    let send = json!({ "from": "alice", "to": "bob", "message": "{\"text\":\"hi\"}", "message_id": "7f1c" });
    for _ in 0..2 {
        let sent = client.post(format!("{url}/timeline/send")).json(&send).send().await.unwrap();
        assert_eq!(sent.json::<Value>().await.unwrap(), json!({ "sequence": "1", "place": "1" }));
    }
    let mut printed = [program.line().await, program.line().await];
    printed.sort();
    assert_eq!(printed, ["alice 1 {\"text\":\"hi\"}", "bob 1 {\"text\":\"hi\"}"]);
    let long = json!({ "from": "alice", "to": "bob", "message": format!("{{\"text\":\"{}\"}}", "x".repeat(17_000)) });
    let refused = client.post(format!("{url}/timeline/send")).json(&long).send().await.unwrap();
    assert_eq!(refused.status(), 400, "the program has a bound of its own");
    assert!(program.interrupt().await.success());

    let (program, url) = start(&directory).await;
    let inbox = client.get(format!("{url}/timeline/sync?member=bob")).send().await.unwrap();
    let inbox = inbox.json::<Value>().await.unwrap();
    assert_eq!((&inbox["latestSeq"], &inbox["entrySet"][0]["from"]), (&json!("1"), &json!("alice")));
    assert!(program.interrupt().await.success());
}
