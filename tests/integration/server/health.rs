//! Health, metrics, presence, and the paths that are not there.

use serde_json::{Value, json};
use tests::Tidings;
use tokio_tungstenite::connect_async;

#[tokio::test]
async fn probes_metrics_and_unknown_paths_answer() {
    let server = Tidings::start();
    for probe in ["/healthz", "/readyz"] {
        assert_eq!(reqwest::get(server.url(probe)).await.unwrap().status(), 200, "{probe}");
    }
    let unknown = reqwest::get(server.url("/nothing/here")).await.unwrap();
    assert_eq!(unknown.status(), 404);
    assert_eq!(unknown.json::<Value>().await.unwrap()["reason"], "NOT_FOUND");
    let wrong = reqwest::Client::new().post(server.url("/healthz")).send().await.unwrap();
    assert_eq!(wrong.status(), 405);
    assert_eq!(wrong.json::<Value>().await.unwrap()["reason"], "METHOD_NOT_ALLOWED");

    let (socket, _) = connect_async(format!("ws://{}/ws?user=alice", server.http())).await.unwrap();
    // The connection is counted once it is served, which may be after the handshake was answered.
    let text = loop {
        let metrics = reqwest::get(server.url("/metrics")).await.unwrap();
        assert!(metrics.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
        let text = metrics.text().await.unwrap();
        if text.contains("tidings_hub_connections 1") {
            break text;
        }
    };
    for line in ["tidings_http_requests_total{status=\"2xx\"}", "tidings_http_request_seconds_bucket"] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
    drop(socket);
}

#[tokio::test]
async fn presence_answers_in_input_order_and_names_bad_ids() {
    let server = Tidings::start();
    let (socket, _) = connect_async(format!("ws://{}/ws?user=alice", server.http())).await.unwrap();
    let ask = async |query: &str| reqwest::get(server.url(&format!("/presence?{query}"))).await.unwrap();
    // The device is held before the connection reads its first message, which may be after the
    // handshake was answered.
    let answer = loop {
        let answer: Value = ask("id=bob&id=alice&id=bob").await.json().await.unwrap();
        if answer["statuses"][1]["status"] == "ONLINE" {
            break answer;
        }
    };
    let offline = json!({ "id": "bob", "status": "OFFLINE" });
    assert_eq!(answer, json!({ "statuses": [offline, { "id": "alice", "status": "ONLINE" }, offline] }));

    let bad = ask("id=bob&id=&id=a%0Ab&id=alice").await;
    assert_eq!(bad.status(), 400);
    let bad: Value = bad.json().await.unwrap();
    let statuses: Vec<&str> =
        bad["statuses"].as_array().unwrap().iter().map(|id| id["status"].as_str().unwrap()).collect();
    assert_eq!(statuses, ["OFFLINE", "UNKNOWN", "UNKNOWN", "ONLINE"]);
    assert!(bad["statuses"][1]["error"].is_string() && bad["statuses"][2]["error"].is_string());
    assert_eq!(ask("").await.status(), 400);
    drop(socket);
}

#[tokio::test]
async fn the_page_and_its_parts_are_served_with_type_tag_and_policy() {
    let server = Tidings::start();
    let client = reqwest::Client::new();
    for (path, kind) in
        [("/", "text/html"), ("/assets/app.js", "text/javascript"), ("/assets/base.css", "text/css")]
    {
        let answer = client.get(server.url(path)).send().await.unwrap();
        let headers = answer.headers().clone();
        assert!(headers["content-type"].to_str().unwrap().starts_with(kind), "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
        let again =
            client.get(server.url(path)).header("If-None-Match", &headers["etag"]).send().await.unwrap();
        assert_eq!(again.status(), 304, "{path}");
    }
}

#[tokio::test]
async fn bodies_above_the_limit_are_refused() {
    let server = Tidings::start_with(&["--body-bytes=2048"]);
    let body = json!({ "from": "a", "to": "b", "message": json!({ "text": "x".repeat(4_096) }).to_string() });
    let answer = reqwest::Client::new().post(server.url("/timeline/send")).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 413);
    assert_eq!(answer.json::<Value>().await.unwrap()["reason"], "BODY_TOO_LARGE");
}

/// The system's signal for a file that may not grow ends no process; the write fails, as on a full
/// disk, and heals.
#[tokio::test]
async fn a_limit_of_file_sizes_is_told_like_a_full_disk_and_heals() {
    let server = Tidings::start();
    let client = reqwest::Client::new();
    let send = async |id: &str| {
        let body = json!({ "from": "a", "to": "b", "message": "{}", "messageId": id });
        let answer = client.post(server.url("/timeline/send")).json(&body).send().await.unwrap();
        (answer.status().as_u16(), answer.json::<Value>().await.unwrap())
    };
    assert_eq!(send("one").await, (200, json!({ "sequence": "1", "place": "1" })));
    server.limit_files(Some(1));
    let (status, answer) = send("two").await;
    assert_eq!((status, &answer["reason"]), (503, &json!("TIMELINE_UNAVAILABLE")), "{answer}");
    let ready: Value = reqwest::get(server.url("/readyz")).await.unwrap().json().await.unwrap();
    let timelines =
        ready["parts"].as_array().unwrap().iter().find(|part| part["name"] == "timelines").unwrap();
    assert_eq!(timelines["state"], "read-only", "{ready}");
    assert!(timelines["reason"].as_str().unwrap().contains("File too large"), "{ready}");
    // What is stored already is answered, and read, all the while.
    assert_eq!(send("one").await, (200, json!({ "sequence": "1", "place": "1" })));
    let page = reqwest::get(server.url("/timeline/sync?member=b")).await.unwrap();
    assert_eq!(page.json::<Value>().await.unwrap()["latestSeq"], "1");
    server.limit_files(None);
    let heals = async { while send("two").await.0 != 200 {} };
    tokio::time::timeout(std::time::Duration::from_secs(30), heals).await.expect("it heals by itself");
    assert_eq!(send("three").await, (200, json!({ "sequence": "3", "place": "3" })));
}
