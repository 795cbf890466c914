//! A part that cannot go on: the server says why, and ends, so that whoever runs it starts it
//! again.

use std::io::{self, Read as _};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::Tidings;

/// Longer than the store waits for a write that does not come back.
const LIMIT: Duration = Duration::from_secs(120);

/// A file system that hangs, as far as the store can see: the file that it tries after a failed
/// write is a pipe that nobody reads.
#[tokio::test]
async fn a_store_that_hangs_for_good_ends_the_server_with_the_reason() {
    let (mut reader, errors) = io::pipe().unwrap();
    let mut server = Tidings::start_into(errors, &["--shutdown-time=500ms"]);
    let log = thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    });
    let probe = server.data_dir().join("timelines/probe");
    assert!(Command::new("mkfifo").arg(probe).status().unwrap().success());
    server.limit_files(Some(1));
    let body = json!({ "from": "a", "to": "b", "message": "{}" });
    let send = reqwest::Client::new().post(server.url("/timeline/send")).json(&body).send();
    assert_eq!(send.await.unwrap().status(), 503);
    let started = Instant::now();
    let mut down = false;
    let ended = loop {
        if let Some(ended) = server.has_ended() {
            break ended;
        }
        assert!(started.elapsed() < LIMIT, "it goes on");
        if let Ok(answer) = reqwest::get(server.url("/readyz")).await
            && let Ok(ready) = answer.json::<Value>().await
        {
            down |= ready.to_string().contains("has not come back");
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    };
    assert!(down, "readiness says so before it ends");
    assert_eq!(ended.code(), Some(1));
    drop(server);
    let log = log.join().unwrap();
    let reason = log.lines().find(|line| line.starts_with("tidings: ")).unwrap_or_else(|| panic!("{log}"));
    assert!(reason.contains("cannot go on") && reason.contains("has not come back"), "{log}");
}
