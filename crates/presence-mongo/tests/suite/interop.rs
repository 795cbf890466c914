//! Beside a program that pings and watches as the original did.

use std::process::Stdio;
use std::time::Duration;

use presence_mongo::{Base, Watcher};
use test_support::{Mongo, binary, require, skip};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::support::{PATIENCE, Place, expect, expect_all, started};

/// The other program.
struct Ancestor {
    _process: Child,
    input: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Ancestor {
    /// Starts it; `None` where there is no Python with pymongo.
    fn start(place: &Place, uuid: &str, period: Duration) -> Option<Self> {
        let Some(python) = binary(&["pymongo"]) else {
            skip("no pymongo; run `cargo xtask setup`");
            return None;
        };
        let mut command = Command::new(python);
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/ancestor.py"));
        command.args([place.url(), place.database(), "presence", uuid, &period.as_secs().to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let input = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap()).lines();
        Some(Self { _process: process, input, answers })
    }

    async fn ask(&mut self, command: &str, key: &str) -> String {
        self.input.write_all(format!("{command} {key}\n").as_bytes()).await.unwrap();
        let answer = tokio::time::timeout(PATIENCE, self.answers.next_line()).await;
        answer.expect("it should have answered").unwrap().expect("it runs")
    }

    async fn does(&mut self, command: &str, key: &str) {
        assert_eq!(self.ask(command, key).await, "done");
    }

    /// Waits until it says of a key that it is alive, or dead.
    async fn sees(&mut self, key: &str, alive: bool) {
        let begun = tokio::time::Instant::now();
        while self.ask("alive", key).await != alive.to_string() {
            assert!(begun.elapsed() < PATIENCE, "{key} should be {alive} by now");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn live_together(place: &Place, base: &Base, uuid: &str, period: Duration) {
    let Some(mut ancestor) = Ancestor::start(place, uuid, period) else { return };
    let watcher = Watcher::new(base).unwrap();
    let mut stream = watcher.watch(["theirs", "idle"]).unwrap();
    expect_all(&mut stream, [("theirs", false), ("idle", false)]).await;

    // We see what they do, at once.
    ancestor.does("start", "theirs").await;
    expect(&mut stream, "theirs", true).await;
    ancestor.does("kill", "theirs").await;
    expect(&mut stream, "theirs", false).await;
    ancestor.does("start", "theirs").await;
    expect(&mut stream, "theirs", true).await;
    // They go on to ping, and die by age.
    tokio::time::sleep(3 * period).await;
    assert!(watcher.alive("theirs").await.unwrap());
    ancestor.does("stop", "theirs").await;
    expect(&mut stream, "theirs", false).await;

    // They see what we do.
    let mut ours = started(base, "ours").await;
    ancestor.sees("ours", true).await;
    assert_eq!(ancestor.ask("alive", "nobody").await, "false");
    tokio::time::sleep(3 * period).await;
    ancestor.sees("ours", true).await;
    ours.kill().await.unwrap();
    ancestor.sees("ours", false).await;

    // A key of both: whoever started last decides.
    let both = started(base, "both").await;
    ancestor.does("kill", "both").await;
    watcher.sync().await.unwrap();
    assert!(!watcher.alive("both").await.unwrap());
    drop(both);

    // Pruning leaves those alone who live.
    ancestor.does("start", "theirs").await;
    expect(&mut stream, "theirs", true).await;
    base.prune().await.unwrap();
    ancestor.sees("theirs", true).await;
}

#[tokio::test]
async fn a_program_with_the_layout_without_models_lives_beside_ours() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    // The other one pings every three quarters of that and one second.
    let period = Duration::from_secs(4);
    let place = Place::new(mongo.url(), period);
    let base = place.base().await;
    live_together(&place, &base, "-", period).await;
    assert!(base.shutdown(PATIENCE).await);
}

#[tokio::test]
async fn a_program_with_the_layout_with_models_lives_beside_ours() {
    let Some(mongo) = require(Mongo::start().await) else { return };
    // The other one pings every three quarters of that and one second.
    let period = Duration::from_secs(4);
    let place = Place::new(mongo.url(), period);
    let unnamed = place.base().await;
    let base = unnamed.namespace("5b1c7a52-uuid").unwrap();
    live_together(&place, &base, "5b1c7a52-uuid", period).await;
    assert!(unnamed.shutdown(PATIENCE).await);
}
