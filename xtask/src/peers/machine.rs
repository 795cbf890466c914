//! On what a table was measured.

use std::process::Command;
use std::{fs, thread};

use anyhow::{Context, Result};

use crate::setup;
use crate::step;

/// Returns a sentence that names the machine, the programs and the commit.
pub(super) fn sentence(rounds: usize) -> Result<String> {
    let processors = thread::available_parallelism()?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").context("procfs does not answer")?;
    let commit = step::capture(Command::new("git").args(["rev-parse", "--short=10", "HEAD"]))?;
    let rust = step::capture(Command::new("rustc").arg("--version"))?;
    let rust = rust.split(' ').nth(1).unwrap_or_default();
    let node = setup::version("node".as_ref()).unwrap_or_default();
    Ok(format!(
        "`cargo xtask peers --rounds {rounds}` at commit {} on {processors} processors ({}, Linux {}), with Rust \
         {rust} and Node {node}.",
        commit.trim(),
        processor()?,
        kernel.trim()
    ))
}

/// Returns the name of the first processor.
fn processor() -> Result<String> {
    let info = fs::read_to_string("/proc/cpuinfo").context("procfs does not answer")?;
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    Ok(name.map_or_else(|| "of an unknown kind".to_owned(), |(_, name)| name.trim().to_owned()))
}
