//! Runs the tests.

use std::env;
use std::fs;
use std::io::BufRead;
use std::io::BufReader;
use std::process::Command;
use std::process::Stdio;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;

use super::summary::Summary;
use crate::containers::Engine;
use crate::images;
use crate::setup;
use crate::step;

/// The file in which `test_support::require` notes what it skipped.
const SKIPPED_FILE: &str = "TIDINGS_SKIPPED_FILE";

/// Gets the servers, builds everything once, runs the tests, prints the summary.
pub fn run(filter: Option<&str>) -> Result<()> {
    let mut closing = String::new();
    let result = run_quietly(filter, &mut closing);
    print!("{closing}");
    result
}

/// Does the same but leaves the summary to the caller, whose last lines it shall be.
pub(crate) fn run_quietly(filter: Option<&str>, closing: &mut String) -> Result<()> {
    if let Err(error) = setup::run(false) {
        // In CI nothing may be skipped, so there is no point in going on.
        if env::var_os("CI").is_some() {
            return Err(error);
        }
        println!("{error:#}: the tests that need it are skipped");
    }
    // In CI the tests with containers run where an engine can; elsewhere where one answers already.
    let engine = if env::var_os("CI").is_some() { Engine::find_or_start() } else { Engine::find() };
    let without_containers = match &engine {
        Ok(engine) => images::make(engine).map(|()| false)?,
        Err(reason) => {
            println!("no tests in containers: {reason:#}");
            env::var_os("CI").is_some()
        }
    };
    build()?;
    let skipped = tempfile::NamedTempFile::new().context("no temporary file")?;
    let mut cargo = step::cargo(&["test", "--workspace", "--all-features", "--no-fail-fast"]);
    cargo.env(SKIPPED_FILE, skipped.path());
    // The server that was just built; built alone it would have its dependencies compiled anew, with fewer features.
    cargo.env("TIDINGS_BINARY", step::target().join("debug/tidings"));
    if let Ok(engine) = &engine {
        cargo.env("DOCKER_HOST", engine.host());
    }
    cargo.args(filter).args(["--", "--color=never"]);
    let mut summary = Summary::default();
    if !without_containers && filter.is_none() {
        // Alone: a container that starts is a new network for browsers, which then drop what they load.
        let mut containers = step::cargo(&["test", "--workspace", "--all-features", "--test", "integration"]);
        if let Ok(engine) = &engine {
            containers.env("DOCKER_HOST", engine.host());
        }
        containers.env(SKIPPED_FILE, skipped.path()).args(["containers::", "--", "--color=never"]);
        follow(&mut containers, &mut summary)?;
    }
    if without_containers || filter.is_none() {
        // Run already, or not claimed: `cargo xtask containers` is the command that claims them then.
        cargo.args(["--skip", "containers::"]);
    }
    follow(&mut cargo, &mut summary)?;
    summary.skipped(&fs::read_to_string(skipped.path())?);
    drop(engine);
    if summary.ran() == 0 {
        bail!("no test has {:?} in its name", filter.unwrap_or_default());
    }
    *closing = summary.to_string();
    if summary.failed() { bail!("tests failed") } else { Ok(()) }
}

/// Builds libraries, binaries, tests and benches in one go, with one set of features.
///
/// The integration tests run the binary `tidings`, which `cargo test` alone would not build.
pub(crate) fn build() -> Result<()> {
    step::show(&mut step::cargo(&["build", "--quiet", "--workspace", "--all-features", "--all-targets"]))
}

/// Runs `cargo test`, shows its lines but for the empty ones, and counts.
fn follow(cargo: &mut Command, summary: &mut Summary) -> Result<()> {
    let mut child = cargo.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().context("cannot run cargo")?;
    let output = child.stdout.take().context("the output was piped")?;
    for line in BufReader::new(output).split(b'\n') {
        let line = line?;
        let line = String::from_utf8_lossy(&line);
        if summary.line(&line) {
            println!("{line}");
        }
    }
    summary.ended(child.wait()?.success());
    Ok(())
}
