//! One compiled test program, and running it.

use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use crate::step;

/// A program that holds the tests of one folder or file of `tests/`, or those within one crate.
#[derive(Debug)]
pub(super) struct Program {
    /// Crate and target: `timeline/suite`.
    pub(super) name: String,
    path: PathBuf,
    /// The directory of its crate, in which cargo runs it, too.
    directory: PathBuf,
}

impl Program {
    /// Builds all test programs of the workspace and returns them, those that take longest first.
    pub(super) fn all() -> Result<Vec<Self>> {
        let mut build = step::cargo(&["test", "--quiet", "--no-run", "--workspace", "--all-features"]);
        build.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
        let output = build.output().context("cargo cannot be run")?;
        if !output.status.success() {
            bail!("the tests do not compile");
        }
        let mut programs = Vec::new();
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            programs.extend(Self::of(&serde_json::from_str(line)?));
        }
        if programs.is_empty() {
            bail!("cargo built no test program");
        }
        programs.sort_by_key(|program: &Self| {
            let first = COMPUTING.iter().chain(&LONG).position(|first| *first == program.name);
            (first.unwrap_or(usize::MAX), program.name.clone())
        });
        Ok(programs)
    }

    /// Whether it keeps a core busy all the while.
    pub(super) fn computes(&self) -> bool {
        COMPUTING.contains(&self.name.as_str())
    }

    /// Reads what cargo says of something that it built; `None` if that is no test program.
    fn of(message: &Value) -> Option<Self> {
        let is_test = message["profile"]["test"].as_bool()?;
        let manifest = PathBuf::from(message["manifest_path"].as_str()?);
        let directory = manifest.parent()?.to_owned();
        let crate_name = directory.file_name()?.to_str()?;
        let target = message["target"]["name"].as_str()?;
        let path = PathBuf::from(message["executable"].as_str()?);
        is_test.then(|| Self { name: format!("{crate_name}/{target}"), path, directory: directory.clone() })
    }

    /// Returns the command that runs its tests, `threads` at a time.
    pub(super) fn command(&self, threads: usize) -> Command {
        let mut command = Command::new(&self.path);
        command.current_dir(&self.directory).env("CARGO_MANIFEST_DIR", &self.directory);
        command.arg(format!("--test-threads={threads}"));
        command
    }
}

/// What keeps a core busy all the while: browsers, games of many steps.
const COMPUTING: [&str; 2] = ["tests/integration", "mpx/simulation"];

/// Of the others those that take longest are begun first, so that none runs alone at the end.
const LONG: [&str; 10] = [
    "presence-mongo/failures",
    "presence-mongo/suite",
    "presence-redis/leases",
    "presence-redis/suite",
    "presence-redis/leases_failures",
    "presence-core/suite",
    "timeline/suite",
    "mpx/suite",
    "redis-link/suite",
    "mongo-link/suite",
];

/// Runs a command to its end and returns all it wrote, and whether it ended well.
pub(super) fn run(command: &mut Command) -> Result<(Vec<u8>, bool)> {
    let (mut read, write) = std::io::pipe()?;
    command.stdin(Stdio::null()).stdout(write.try_clone()?).stderr(write);
    let mut child = command.spawn().with_context(|| format!("{command:?} cannot be run"))?;
    // Its ends of the pipe: the reading ends only when nobody holds one.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut output = Vec::new();
    // Both outputs go through one pipe, so that the lines keep their order. It is read before the
    // end is waited for: a program that fills the pipe would never come to its end.
    read.read_to_end(&mut output)?;
    Ok((output, child.wait()?.success()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_test_program_is_told_from_what_else_is_built() {
        let message = json!({
            "manifest_path": "/w/crates/timeline/Cargo.toml",
            "target": { "name": "suite" },
            "profile": { "test": true },
            "executable": "/w/target/debug/deps/suite-1",
        });
        assert_eq!(Program::of(&message).unwrap().name, "timeline/suite");
        let library = json!({ "manifest_path": "/w/Cargo.toml", "target": { "name": "a" }, "profile": { "test": false }, "executable": "/w/a" });
        assert!(Program::of(&library).is_none());
        assert!(Program::of(&json!({ "reason": "build-finished" })).is_none());
    }

    #[test]
    fn both_outputs_and_the_end_are_returned() {
        let mut command = Command::new("sh");
        let (output, well) = run(command.args(["-c", "echo one; echo two >&2; exit 3"])).unwrap();
        assert_eq!(String::from_utf8(output).unwrap(), "one\ntwo\n");
        assert!(!well);
    }
}
