//! The log and all other output: that nobody can or will take it fails and stalls nothing.

use std::fs::File;
use std::io;
use std::net::TcpListener;
use std::process::{Output, Stdio};
use std::time::{Duration, Instant};

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use serde_json::json;
use tempfile::TempDir;
use test_support::{Redis, require};
use tests::Tidings;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

use super::listener::{User, until_status};

const LIMIT: Duration = Duration::from_secs(60);

/// A pipe whose reader is gone.
fn closed() -> io::PipeWriter {
    io::pipe().unwrap().1
}

async fn get(server: &Tidings, path: &str) -> (u16, String) {
    let answer = reqwest::get(server.url(path)).await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}

async fn until_status_of(server: &Tidings, path: &str, status: u16) {
    let started = Instant::now();
    while get(server, path).await.0 != status {
        assert!(started.elapsed() < LIMIT, "{path} does not answer {status}");
    }
}

#[tokio::test]
async fn a_log_that_nobody_can_hear_ends_no_task_and_a_stop_is_clean() {
    let Some(redis) = require(Redis::private().await) else { return };
    let url = format!("--redis-url={}", redis.url());
    let flags = ["--presence=redis", &url, "--redis-timeout=30s", "--presence-grace=50ms", "--log=debug"];
    let mut server = Tidings::start_into(closed(), &flags);
    let alice = User::connect(&server, "alice").await;
    until_status(&server, "alice", "ONLINE").await;
    redis.kill().unwrap();
    until_status_of(&server, "/readyz", 503).await;
    redis.start_again().await.unwrap();
    until_status_of(&server, "/readyz", 200).await;
    // Those who follow presence and keep it are all there.
    drop(alice);
    until_status(&server, "alice", "OFFLINE").await;
    let (mut bob, _) = connect_async(format!("ws://{}/ws?user=bob", server.http())).await.unwrap();
    until_status(&server, "bob", "ONLINE").await;
    server.signal("TERM");
    let code = loop {
        if let Message::Close(frame) = bob.next().await.unwrap().unwrap() {
            break u16::from(frame.unwrap().code);
        }
    };
    drop(bob);
    assert_eq!((code, server.wait().code()), (1012, Some(0)));
}

#[tokio::test]
async fn a_log_that_is_not_read_holds_up_neither_requests_nor_a_stop() {
    let (unread, errors) = io::pipe().unwrap();
    let mut server = Tidings::start_into(errors, &["--log=debug", "--shutdown-time=10m"]);
    let client = reqwest::Client::new();
    // The pipe takes 64 KiB; each of these requests logs a line of more than 100 bytes.
    for _ in 0..1_500 {
        let refused = client.get(server.url("/")).header("Origin", "http://evil.example").send().await;
        assert_eq!(refused.unwrap().status(), 403);
    }
    assert!(get(&server, "/metrics").await.1.contains("\ntidings_log_lines_lost_total "));
    assert_eq!(get(&server, "/healthz").await.0, 200);
    let started = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert!(started.elapsed() < LIMIT, "it took {:?}", started.elapsed());
    drop(unread);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_log_on_a_full_disk_changes_nothing() {
    let mut server =
        Tidings::start_into(File::options().write(true).open("/dev/full").unwrap(), &["--log=debug"]);
    for _ in 0..10 {
        assert_eq!(get(&server, "/healthz").await.0, 200);
    }
    let user = User::connect(&server, "alice").await;
    until_status(&server, "alice", "ONLINE").await;
    drop(user);
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
}

/// Ports that were free a moment ago.
fn free() -> [String; 2] {
    let taken = [(), ()].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    taken.map(|listener| listener.local_addr().unwrap().to_string())
}

/// Starts a server whose address goes to `output`; returns whether it is open at last, and not
/// ended.
async fn is_open(output: Stdio) -> bool {
    let (directory, [http, grpc]) = (TempDir::new().unwrap(), free());
    let mut command = Tidings::command(&["--http", &http, "--grpc", &grpc, "--data-dir=data"]);
    command.current_dir(directory.path()).stdout(output).stderr(closed());
    let mut child = command.spawn().unwrap();
    let started = Instant::now();
    while reqwest::get(format!("http://{http}/healthz")).await.is_err() {
        if child.try_wait().unwrap().is_some() {
            child.wait().unwrap();
            return false;
        }
        assert!(started.elapsed() < LIMIT, "it is not open");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    true
}

#[tokio::test]
async fn a_server_whose_address_nobody_reads_is_open_all_the_same() {
    let outputs: [fn() -> Stdio; 2] =
        [|| Stdio::from(closed()), || Stdio::from(File::options().write(true).open("/dev/full").unwrap())];
    for output in outputs {
        let mut tries = 1;
        while !is_open(output()).await {
            // Another test may have taken a port meanwhile.
            assert!(tries < 5, "it has ended");
            tries += 1;
        }
    }
}

fn run(flags: &[&str], output: impl Into<Stdio>, errors: impl Into<Stdio>) -> Output {
    let directory = TempDir::new().unwrap();
    let mut command = Tidings::command(flags);
    command.current_dir(directory.path()).stdout(output).stderr(errors);
    command.spawn().unwrap().wait_with_output().unwrap()
}

#[test]
fn results_into_a_closed_pipe_are_no_failure() {
    let check = ["check", "--http=127.0.0.1:0", "--grpc=127.0.0.1:0", "--data-dir=data"];
    for flags in [&["--help"][..], &["--version"], &check] {
        let output = run(flags, closed(), Stdio::piped());
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), errors.as_str()), (Some(0), ""), "{flags:?}");
    }
}

#[test]
fn complaints_into_a_closed_pipe_or_a_full_disk_keep_their_exit_code() {
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let http = format!("--http={}", taken.local_addr().unwrap());
    for (flags, code) in [
        (vec!["--nonsense"], 2),
        (vec!["--http=nonsense"], 2),
        (vec![&*http, "--grpc=127.0.0.1:0", "--data-dir=data"], 1),
        (vec!["check", &*http, "--grpc=127.0.0.1:0", "--data-dir=data"], 1),
    ] {
        assert_eq!(run(&flags, closed(), closed()).status.code(), Some(code), "{flags:?}");
        assert_eq!(run(&flags, full(), full()).status.code(), Some(code), "{flags:?}");
    }
    // A result that could not be written is told, where it can be.
    let output = run(&["--help"], full(), Stdio::piped());
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    assert!(errors.contains("the output cannot be written"), "{errors}");
}

#[tokio::test]
async fn an_outage_is_told_once_when_it_begins_and_once_when_it_is_over() {
    let Some(redis) = require(Redis::private().await) else { return };
    let (reader, errors) = io::pipe().unwrap();
    let url = format!("--redis-url={}", redis.url());
    // Longer than a busy machine keeps a Redis that is well from answering.
    let mut server = Tidings::start_into(errors, &["--presence=redis", &url, "--redis-timeout=5s"]);
    let alice = User::connect(&server, "alice").await;
    until_status(&server, "alice", "ONLINE").await;
    until_status_of(&server, "/readyz", 200).await;
    redis.freeze().await.unwrap();
    until_status_of(&server, "/readyz", 503).await;
    // Nor is each user told of who comes meanwhile.
    let names = ["bob", "carol", "dave", "erin", "frank"];
    let strangers = join_all(names.map(|name| User::connect(&server, name))).await;
    for path in ["/presence?id=alice", "/presence/alice", "/readyz", "/rooms/hello"] {
        for (status, _) in join_all((0..5).map(|_| get(&server, path))).await {
            assert_eq!(status, 503, "{path}");
        }
    }
    redis.thaw().await.unwrap();
    until_status_of(&server, "/readyz", 200).await;
    drop((alice, strangers));
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    let text = io::read_to_string(reader).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].contains("presence: ") && lines[0].contains("reason="), "{text}");
    assert!(lines[1].contains("presence: well again") && lines[1].contains("lasted="), "{text}");
}

#[tokio::test]
async fn a_disk_that_takes_no_writes_is_told_once_when_it_begins_and_once_when_it_is_over() {
    let (reader, errors) = io::pipe().unwrap();
    let mut server = Tidings::start_into(errors, &[]);
    server.limit_files(Some(1));
    let body = json!({ "from": "a", "to": "b", "message": "{}" });
    let send = reqwest::Client::new().post(server.url("/timeline/send")).json(&body).send();
    assert_eq!(send.await.unwrap().status(), 503);
    // The first try to open the store again has another reason than the write.
    let started = Instant::now();
    while !get(&server, "/readyz").await.1.contains("cannot be written to") {
        assert!(started.elapsed() < LIMIT, "it is not tried");
    }
    server.limit_files(None);
    until_status_of(&server, "/readyz", 200).await;
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    let text = io::read_to_string(reader).unwrap();
    // The engine may have lines of its own, with paths in them.
    let ours = |line: &&str| line.contains("timelines: ") || line.contains("the timeline store");
    let lines: Vec<&str> = text.lines().filter(ours).collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].contains("timelines: ") && lines[0].contains("reason="), "{text}");
    assert!(lines[1].contains("timelines: well again") && lines[1].contains("lasted="), "{text}");
}
