//! A damaged data directory: `serve` and `check` say the same of it, and what can be read is salvaged.

use std::fs;
use std::process::Output;

use serde_json::{Value, json};
use tests::Tidings;

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_damaged_directory_is_refused_by_serve_and_check_and_can_be_salvaged() {
    let mut server = Tidings::start();
    let client = reqwest::Client::new();
    for number in 0..5 {
        let body = json!({ "from": "alice", "to": "bob", "message": json!({ "n": number }).to_string() });
        let sent = client.post(server.url("/timeline/send")).json(&body).send().await.unwrap();
        assert!(sent.status().is_success());
    }
    server.kill();
    let data = server.data_dir();
    fs::remove_dir_all(data.join("timelines/store/keyspaces")).unwrap();

    let parent = tempfile::tempdir().unwrap();
    let data_dir = format!("--data-dir={}", data.display());
    let run = |command: &[&str]| -> Output {
        let flags = ["--http=127.0.0.1:0", "--grpc=127.0.0.1:0", &data_dir];
        Tidings::run(parent.path(), &[command, &flags].concat(), &[])
    };
    let refused = || {
        let serve = run(&["serve"]);
        assert_eq!(serve.status.code(), Some(1));
        let said = text(&serve.stderr).lines().find_map(|line| line.strip_prefix("tidings: ")).unwrap();
        assert!(said.starts_with("--data-dir: "), "{said}");
        let check = run(&["check"]);
        assert_eq!(check.status.code(), Some(1));
        assert!(text(&check.stdout).contains(&format!("problem {said}\n")), "{}", text(&check.stdout));
    };
    refused();
    // Nor is everything missing anything new.
    let aside = parent.path().join("aside");
    fs::rename(data.join("timelines"), &aside).unwrap();
    refused();
    fs::remove_dir_all(data.join("timelines")).ok();
    fs::rename(&aside, data.join("timelines")).unwrap();

    let new = parent.path().join("new");
    let (from, to) = (data.to_str().unwrap(), new.to_str().unwrap());
    let salvage = run(&["salvage", from, to]);
    assert!(salvage.status.success(), "{}", text(&salvage.stderr));
    assert!(
        text(&salvage.stdout).starts_with("15 entries in 3 inboxes and histories"),
        "{}",
        text(&salvage.stdout)
    );
    // It never writes over anything.
    let again = run(&["salvage", from, to]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("is not empty"), "{}", text(&again.stderr));

    let before = fs::read_to_string(data.join("id")).unwrap();
    fs::remove_dir_all(&data).unwrap();
    fs::rename(&new, &data).unwrap();
    assert_ne!(fs::read_to_string(data.join("id")).unwrap(), before, "clients start over");
    assert!(run(&["check"]).status.success());
    server.start_again();
    let page: Value =
        reqwest::get(server.url("/timeline/sync?member=bob")).await.unwrap().json().await.unwrap();
    let messages =
        page["entrySet"].as_array().unwrap().iter().map(|entry| entry["message"].as_str().unwrap());
    assert!(
        messages.eq((0..5).map(|number| json!({ "n": number }).to_string()).collect::<Vec<_>>()),
        "{page}"
    );
}
