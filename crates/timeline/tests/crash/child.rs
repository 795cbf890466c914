//! The process that is killed: one test of this program, which does nothing without a directory.

use std::fmt;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Tells the child where its store is.
const DIRECTORY: &str = "TIMELINE_CRASH_DIRECTORY";
const ROUND: &str = "TIMELINE_CRASH_ROUND";

/// The calls that children make.
const KINDS: [&str; 4] = ["single", "group", "join", "ack"];

/// A call of a child: what it is, and the id of what it sends or gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) kind: &'static str,
    pub(crate) id: String,
}

/// What a child has said.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// The calls that it was about to make, answered or not.
    pub(crate) tried: Vec<Call>,
    pub(crate) acknowledged: Vec<Call>,
}

/// Returns the directory and the round of a child; `None` in the process that starts children.
pub(crate) fn orders() -> Option<(PathBuf, String)> {
    let orders = (std::env::var_os(DIRECTORY)?.into(), std::env::var(ROUND).ok()?);
    // What the harness has begun to print ends here.
    write("begun");
    Some(orders)
}

/// Says that a call is about to be made.
pub(crate) fn say_tried(call: &Call) {
    write(&format!("try {call}"));
}

/// Says that a call was answered.
pub(crate) fn say_acknowledged(call: &Call) {
    write(&call.to_string());
}

/// Writes a line at once, so that a killed process leaves no half of two.
fn write(line: &str) {
    std::io::stdout().write_all(format!("{line}\n").as_bytes()).unwrap();
}

/// Runs a child until `is_enough` says so of the number of its answers, kills it, and returns all
/// that it said.
pub(crate) async fn run_and_kill(
    child: &'static str,
    directory: &Path,
    round: usize,
    is_enough: impl FnMut(usize) -> bool + Send + 'static,
) -> Said {
    let directory = directory.to_owned();
    let run = move || run_and_kill_blocking(child, &directory, round, is_enough);
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn run_and_kill_blocking(
    child: &str,
    directory: &Path,
    round: usize,
    mut is_enough: impl FnMut(usize) -> bool,
) -> Said {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args([child, "--exact", "--nocapture"])
        .env(DIRECTORY, directory)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut output = BufReader::new(process.stdout.take().unwrap());
    let (mut said, mut line, mut is_killed) = (Said::default(), String::new(), false);
    while output.read_line(&mut line).unwrap() > 0 {
        // The last line may be cut off.
        if let Some(whole) = line.strip_suffix('\n') {
            said.take(whole);
        }
        line.clear();
        if !is_killed && is_enough(said.acknowledged.len()) {
            // SIGKILL; what is still in the pipe was said before and is read to the end.
            process.kill().unwrap();
            is_killed = true;
        }
    }
    process.wait().unwrap();
    assert!(is_killed, "the child died by itself after {} calls", said.acknowledged.len());
    said
}

impl Said {
    fn take(&mut self, line: &str) {
        let (calls, call) = match line.strip_prefix("try ") {
            Some(call) => (&mut self.tried, call),
            None => (&mut self.acknowledged, line),
        };
        // The harness prints some lines of its own.
        if let Some((kind, id)) = call.split_once(' ')
            && let Some(kind) = KINDS.into_iter().find(|known| *known == kind)
        {
            calls.push(Call { kind, id: id.to_owned() });
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.id)
    }
}
