//! Runs the tests.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::thread;

use anyhow::{Context, Result, bail};

use super::pool::{self, Ended};
use super::program::{self, Program};
use super::summary::Summary;
use crate::engine::Engine;
use crate::{images, setup, step};

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
        println!("{error:#}; the tests that need them are skipped");
    }
    // In CI the tests with containers run where an engine can; elsewhere where one answers already.
    let engine = if env::var_os("CI").is_some() { Engine::find_or_start() } else { Engine::find() };
    let without_containers = match &engine {
        Ok(engine) => images::make(engine).map(|()| false)?,
        Err(reason) => {
            println!("the tests in containers are skipped: {reason:#}");
            env::var_os("CI").is_some()
        }
    };
    build()?;
    let programs = Program::all()?;
    let skipped = tempfile::NamedTempFile::new().context("a temporary file cannot be created")?;
    let variables = variables(skipped.path(), engine.as_ref().ok());
    let mut summary = Summary::default();
    if !without_containers && filter.is_none() {
        run_containers(&programs, &variables, &mut summary)?;
    }
    let cores = thread::available_parallelism().map_or(2, usize::from);
    let mut rest = Vec::new();
    rest.extend(filter);
    if without_containers || filter.is_none() {
        // Run already, or not claimed: `cargo xtask containers` is the command that claims them
        // then.
        rest.extend(["--skip", "containers::"]);
    }
    let tests = |program: &Program| {
        let mut command = program.command(cores * WAITING);
        command.args(&rest).envs(variables.clone());
        command
    };
    pool::run(&programs, cores, tests, |ended| show(&ended, &mut summary))?;
    let mut documentation =
        step::cargo(&["test", "--doc", "--workspace", "--all-features", "--no-fail-fast"]);
    documentation.args(filter).args(["--", "--color=never"]);
    let (output, well) = program::run(&mut documentation)?;
    show(&Ended { name: "documentation", output, well }, &mut summary);
    summary.skipped(&fs::read_to_string(skipped.path())?);
    drop(engine);
    if summary.ran() == 0 {
        bail!("no test has {:?} in its name", filter.unwrap_or_default());
    }
    *closing = summary.to_string();
    if summary.failed() { bail!("some tests failed, see above") } else { Ok(()) }
}

/// What the tests are told through their environment.
fn variables(skipped: &Path, engine: Option<&Engine>) -> Vec<(&'static str, OsString)> {
    let mut variables = vec![
        // The file in which `test_support::require` notes what it skipped.
        ("TIDINGS_SKIPPED_FILE", skipped.into()),
        // The server that was just built; built alone it would have its dependencies compiled anew,
        // with fewer features.
        ("TIDINGS_BINARY", step::target().join("debug/tidings").into_os_string()),
    ];
    variables.extend(engine.map(|engine| ("DOCKER_HOST", OsString::from(engine.host()))));
    variables
}

/// Runs the tests in containers, alone: a container that starts is a new network for browsers,
/// which then drop what they load.
fn run_containers(
    programs: &[Program],
    variables: &[(&'static str, OsString)],
    summary: &mut Summary,
) -> Result<()> {
    for program in programs.iter().filter(|program| program.name == "tests/integration") {
        let mut command = program.command(1);
        let (output, well) = program::run(command.arg("containers::").envs(variables.iter().cloned()))?;
        show(&Ended { name: &program.name, output, well }, summary);
    }
    Ok(())
}

/// How many tests of a program run at once on each core. Hardly any computes; they wait.
const WAITING: usize = 4;

/// Builds libraries, binaries, examples and tests in one go, with one set of features.
///
/// The integration tests run the binary `tidings`, which `cargo test` alone would not build.
pub(crate) fn build() -> Result<()> {
    step::show(step::cargo(&BUILD).arg("--quiet"))
}

/// What cargo is told to build.
///
/// The benches are left to clippy, which checks them: each is a program that takes seconds to link,
/// and nobody runs it.
pub(crate) const BUILD: [&str; 7] =
    ["build", "--workspace", "--all-features", "--lib", "--bins", "--examples", "--tests"];

/// Shows the lines of a program but for the empty ones, and counts.
fn show(ended: &Ended<'_>, summary: &mut Summary) {
    let output = String::from_utf8_lossy(&ended.output);
    let lines: Vec<&str> = output.lines().filter(|line| summary.line(line)).collect();
    if !lines.is_empty() {
        println!("--- {}", ended.name);
        lines.iter().for_each(|line| println!("{line}"));
    }
    summary.ended(ended.well);
}
