//! The example as its users run it: a program, a Redis, and somebody who comes and goes.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use presence_core::Presence;
use presence_redis::leases::{Config, Leases};
use test_support::{Redis, require};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

struct Worker {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Worker {
    fn start(redis: &str, position: &Path) -> Self {
        // Of this profile, wherever cargo builds: next to the folder of this test.
        let test = std::env::current_exe().unwrap();
        let program = test.ancestors().nth(2).unwrap().join("examples/worker");
        assert!(program.exists(), "no {}: `cargo build -p presence-redis --examples`", program.display());
        let mut command = Command::new(program);
        command.arg(redis).arg(position).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        Self { process, lines }
    }

    async fn line(&mut self) -> String {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
        line.expect("it should have said something by now").unwrap().expect("it goes on")
    }
}

#[tokio::test]
async fn worker_goes_on_where_it_was_when_it_crashed() {
    let Some(redis) = require(Redis::private().await) else { return };
    let directory = tempfile::tempdir().unwrap();
    let position = directory.path().join("position");
    let presence = Presence::new(Leases::start(Config::new(redis.url())).await.unwrap());
    presence.hold_device("early", "tab").await.unwrap();

    let mut worker = Worker::start(redis.url(), &position);
    assert_eq!(worker.line().await, "early is online");
    assert_eq!(worker.line().await, "up to date");
    presence.hold_device("alice", "tab").await.unwrap();
    assert_eq!(worker.line().await, "alice ONLINE Held");
    worker.process.kill().await.unwrap();

    presence.hold_device("bob", "tab").await.unwrap();
    presence.offline(["alice"]).await.unwrap();
    let mut worker = Worker::start(redis.url(), &position);
    let mut told = Vec::new();
    while told.len() < 2 {
        match &*worker.line().await {
            // It may have been killed before it wrote its position; what a stream gives after a
            // position begins with where it stands.
            "alice ONLINE Held" | "up to date" => {}
            line => told.push(line.to_owned()),
        }
    }
    told.sort_unstable();
    assert_eq!(told, ["alice OFFLINE Explicit", "bob ONLINE Held"]);
    assert!(presence.shutdown(PATIENCE).await);
}

/// For what must come, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(60);
