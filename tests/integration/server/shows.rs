//! The scenario that the README shows, with curl's requests.

use serde_json::{Value, json};
use tests::Tidings;

#[tokio::test]
async fn a_message_is_stored_synced_and_survives_kill_9() {
    let mut server = Tidings::start();
    let client = reqwest::Client::new();
    let body = r#"{"from":"user_a","to":"user_b","message":"{\"text\":\"hi\"}"}"#;
    let send =
        client.post(server.url("/timeline/send")).header("Content-Type", "application/json").body(body);
    let answer: Value = send.send().await.unwrap().json().await.unwrap();
    assert_eq!(answer, json!({ "sequence": "1", "place": "1" }));
    for restarted in [false, true] {
        if restarted {
            server.kill();
            server.start_again();
        }
        let sync =
            reqwest::get(server.url("/timeline/sync?member=user_b&last_read=0&count=10")).await.unwrap();
        let answer: Value = sync.json().await.unwrap();
        assert_eq!((&answer["latestSeq"], &answer["entrySetLastSeq"]), (&json!("1"), &json!("1")));
        let entries = answer["entrySet"].as_array().unwrap();
        assert_eq!(entries.len(), 1, "{answer}");
        let expected =
            json!({ "sequence": "1", "message": "{\"text\":\"hi\"}", "from": "user_a", "to": "user_b" });
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(&entries[0][field], value, "{field}");
        }
    }
}
