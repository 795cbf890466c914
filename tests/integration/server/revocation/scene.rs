//! Who connects with a token, and who runs the command.

use std::process::Output;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use tests::Tidings;

use super::super::client::Client;
use crate::handshake;

/// How long anything may take on a busy machine.
pub(super) const LIMIT: Duration = Duration::from_secs(60);

/// How long a connection may stay after its login was revoked.
pub(super) const AT_ONCE: Duration = Duration::from_secs(1);

pub(super) const REVOKED: u16 = 4301;

/// For how many seconds tokens are good, if nothing else is said.
pub(super) const LONG: u64 = 600;

/// Connects with a token; the connection is in the hub when this returns.
pub(super) async fn connect(server: &Tidings, token: &str) -> Client {
    let mut client = Client::connect_as(server, token).await;
    client.assert_open().await;
    client
}

/// The status with which a token is refused, if it is.
pub(super) async fn refused(server: &Tidings, token: &str) -> Option<u16> {
    handshake::connect_as(server, token).await.err()
}

/// Runs `tidings revoke` and returns what it prints.
pub(super) async fn revoke(flags: &[&str]) -> String {
    let output = run(&[&["revoke"], flags].concat()).await;
    let errors = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// Runs `tidings revoke` and returns its exit code and all that it says.
pub(super) async fn outcome(flags: &[&str]) -> (Option<i32>, String) {
    let output = run(&[&["revoke"], flags].concat()).await;
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.code(), said)
}

pub(super) async fn run(flags: &[&str]) -> Output {
    let flags: Vec<String> = flags.iter().map(|&flag| flag.to_owned()).collect();
    let run = move || {
        let directory = TempDir::new().unwrap();
        Tidings::run(directory.path(), &flags.iter().map(String::as_str).collect::<Vec<_>>(), &[])
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// Asks again until `/readyz` has this status, and returns the part that revocations are.
pub(super) async fn until_ready(server: &Tidings, status: u16) -> Value {
    let started = Instant::now();
    loop {
        let answer = reqwest::get(server.url("/readyz")).await.unwrap();
        let got = answer.status().as_u16();
        let ready: Value = answer.json().await.unwrap();
        if got == status {
            let parts = ready["parts"].as_array().unwrap();
            return parts.iter().find(|part| part["name"] == "revocations").unwrap().clone();
        }
        assert!(started.elapsed() < LIMIT, "/readyz goes on answering {got} {ready}");
        tokio::task::yield_now().await;
    }
}
