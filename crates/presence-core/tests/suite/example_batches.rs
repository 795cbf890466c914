//! The example as its users run it.

#![allow(clippy::unwrap_used, reason = "a failure is a failed test")]

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::process::Command;

#[tokio::test]
async fn ids_that_beat_in_batches_come_and_those_that_fall_silent_go() {
    // Of this profile, wherever cargo builds: next to the folder of this test.
    let test = std::env::current_exe().unwrap();
    let program = test.ancestors().nth(2).unwrap().join("examples/batches");
    assert!(program.exists(), "no {}: `cargo build -p presence-core --examples`", program.display());
    let run = Command::new(program).arg("250").kill_on_drop(true).output();
    let output = tokio::time::timeout(Duration::from_secs(60), run).await.expect("it ends").unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    let given = lines.pop().unwrap().strip_suffix(" heartbeats were given").unwrap();
    assert!(given.parse::<usize>().unwrap() >= 5 * 250, "{given}");
    let mut told = BTreeMap::<&str, Vec<&str>>::new();
    for line in lines {
        let (name, change) = line.rsplit_once(" O").unwrap();
        told.entry(name).or_default().push(change);
    }
    assert_eq!(told.len(), 250, "everybody came");
    for (name, changes) in told {
        assert_eq!(changes[0], "NLINE Heartbeat", "{name}");
        let number: usize = name.strip_prefix("user ").unwrap().parse().unwrap();
        if number % 2 == 1 {
            assert_eq!(changes.last(), Some(&"FFLINE Expired"), "{name} fell silent");
        }
    }
}
