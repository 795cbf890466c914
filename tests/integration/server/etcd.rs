//! The registration of the server in an etcd: from when it is ready to when its clients leave.

use std::fs;
use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_support::{Etcd, require};
use tests::Tidings;
use tokio_tungstenite::connect_async;

const KEY: &str = "/microservices/go-timeline/one";
/// For what hangs for good where it fails.
const LIMIT: Duration = Duration::from_secs(60);
/// How long a key outlives its server, and what etcd may be late in removing it.
const GONE: Duration = Duration::from_secs(15 + 2);

/// Asks until the part is as wanted, and returns the whole answer.
async fn registration_becomes(server: &Tidings, wanted: &str) -> Value {
    let (began, client) = (Instant::now(), reqwest::Client::new());
    loop {
        let answer: Value = client.get(server.url("/readyz")).send().await.unwrap().json().await.unwrap();
        let parts = answer["parts"].as_array().unwrap();
        let part = parts.iter().find(|part| part["name"] == "registration").unwrap();
        if part["state"] == wanted {
            return answer;
        }
        assert!(began.elapsed() < LIMIT, "it stays {part}");
    }
}

#[tokio::test]
async fn a_ready_server_is_registered_with_its_addresses_and_gone_before_its_clients_leave() {
    let Some(etcd) = require(Etcd::private().await) else { return };
    let flag = format!("--etcd={}", etcd.url());
    let mut server = Tidings::start_with(&[&flag, "--etcd-id=one", "--shutdown-time=10m"]);
    etcd.until(KEY, |found| found.is_some()).await.unwrap();
    let value: Value = serde_json::from_str(&etcd.get(KEY).await.unwrap().unwrap().value).unwrap();
    let endpoints = [format!("grpc://{}", server.grpc()), format!("http://{}", server.http())];
    assert_eq!(
        value,
        json!({ "id": "one", "name": "go-timeline", "version": value["version"], "metadata": {}, "endpoints": endpoints })
    );
    assert_eq!(registration_becomes(&server, "well").await["ready"], true);

    // Never reads, so the server waits for it.
    let (socket, _) = connect_async(format!("ws://{}/ws?user=alice", server.http())).await.unwrap();
    let half = tokio::net::TcpStream::connect(server.http()).await.unwrap();
    half.writable().await.unwrap();
    half.try_write(b"POST /timeline/send HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{").unwrap();
    // The request is being served once a later one on the same port has an answer.
    assert!(reqwest::get(server.url("/healthz")).await.unwrap().status().is_success());
    server.signal("TERM");
    let taken = etcd.until(KEY, |found| found.is_none()).await.unwrap();
    assert!(taken < GONE / 2 && server.has_ended().is_none(), "it took {taken:?}");
    drop((socket, half));
}

#[tokio::test]
async fn the_key_of_a_killed_server_is_gone_with_its_lease() {
    let Some(etcd) = require(Etcd::private().await) else { return };
    let flag = format!("--etcd={}", etcd.url());
    let mut server = Tidings::start_with(&[&flag, "--etcd-id=one"]);
    etcd.until(KEY, |found| found.is_some()).await.unwrap();
    server.kill();
    let taken = etcd.until(KEY, |found| found.is_none()).await.unwrap();
    assert!(taken <= GONE, "it took {taken:?}");
}

#[tokio::test]
async fn an_etcd_that_is_away_keeps_nobody_out_and_no_stop_waiting() {
    let Some(etcd) = require(Etcd::private().await) else { return };
    etcd.freeze().await.unwrap();
    let flag = format!("--etcd={}", etcd.url());
    let mut server = Tidings::start_with(&[&flag, "--etcd-id=one"]);
    let answer = registration_becomes(&server, "impaired").await;
    assert_eq!(answer["ready"], true, "{answer}");
    etcd.thaw().await.unwrap();
    registration_becomes(&server, "well").await;
    etcd.freeze().await.unwrap();
    let began = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert!(began.elapsed() < Duration::from_secs(10), "it took {:?}", began.elapsed());
}

fn check(flags: &[&str], variables: &[(&str, &str)]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    let base = ["check", "--http=127.0.0.1:0", "--data-dir=data", "--etcd-id=one"];
    Tidings::run(directory.path(), &[&base, flags].concat(), variables)
}

#[tokio::test]
async fn a_check_asks_the_etcd_with_the_login_and_shows_no_password() {
    let Some(etcd) = require(Etcd::private().await) else { return };
    etcd.require_login("timeline", "hidden").await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("server.toml");
    fs::write(&file, format!("etcd = ['{}']\netcd-user = 'timeline'\n", etcd.url())).unwrap();
    let file = file.to_str().unwrap();
    for (password, code, line) in [("hidden", 0, "ok      --etcd"), ("hidden, too", 1, "problem --etcd")] {
        let output = check(&["--grpc=127.0.0.1:0", "--config", file], &[("TIDINGS_ETCD_PASSWORD", password)]);
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(text.contains(line) && !text.contains("hidden"), "{text}");
        assert_eq!(output.status.code(), Some(code), "{text}");
    }
}

#[test]
fn settings_that_need_others_say_which() {
    for (flags, needed) in [
        (&["--etcd-user=timeline"][..], "--etcd-user: \"timeline\" has no effect without --etcd"),
        (&["--etcd-name=tea"], "--etcd-name: \"tea\" has no effect without --etcd"),
        (&["--etcd=http://127.0.0.1:1", "--etcd-user=timeline"], "--etcd-password"),
        (&["--etcd=https://127.0.0.1:1"], "--etcd-ca"),
        (&["--etcd=http://127.0.0.1:1", "--grpc=0.0.0.0:9000", "--insecure"], "--etcd-advertise"),
        (&["--etcd=127.0.0.1:1"], "http://10.0.0.1:2379"),
        (&["--etcd=http://127.0.0.1:1", "--etcd-advertise=grpc://:9000"], "a scheme, a host and a port"),
    ] {
        let output = check(flags, &[]);
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains(needed), "{flags:?}: {text}");
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {text}");
    }
}

#[test]
fn a_certificate_that_is_none_is_told_before_anything_is_written() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("ca.pem"), "no PEM").unwrap();
    let flags = [
        "--http=127.0.0.1:0",
        "--grpc=127.0.0.1:0",
        "--data-dir=data",
        "--etcd=https://127.0.0.1:1",
        "--etcd-id=one",
        "--etcd-ca=ca.pem",
    ];
    let output = Tidings::run(directory.path(), &flags, &[]);
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("--etcd: the certificate of the CA of etcd is not one in PEM"), "{text}");
    assert!(!output.status.success() && !directory.path().join("data").exists(), "{text}");
}
