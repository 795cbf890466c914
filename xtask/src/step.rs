//! Runs other programs, one step at a time.

use std::ffi::OsStr;
use std::path::Path;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use std::time::Instant;

use anyhow::Context;
use anyhow::Result;
use anyhow::bail;

use crate::binary::workspace;

/// Returns a command of this workspace's cargo, run in its root.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    // The cargo that runs us, if one does.
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(workspace());
    command
}

/// Runs a command whose output the person sees.
pub(crate) fn show(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {}", words(command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", words(command));
    }
    Ok(())
}

/// Runs a command and returns what it wrote to standard output; the error shows the end of what it wrote.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {}", words(command)))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let all = format!("{text}\n{}", String::from_utf8_lossy(&output.stderr));
        let lines: Vec<&str> = all.lines().filter(|line| !line.trim().is_empty()).collect();
        let end = lines[lines.len().saturating_sub(6)..].join("\n  ");
        bail!("`{}` failed: {}\n  {end}", words(command), output.status);
    }
    Ok(text)
}

/// Returns where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    let elsewhere = std::env::var_os("CARGO_TARGET_DIR");
    workspace().join(elsewhere.as_deref().unwrap_or_else(|| OsStr::new("target")))
}

/// A list of steps with how each went.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<(String, Duration, bool)>,
}

impl Steps {
    /// Runs a step, and remembers a failure without stopping.
    pub(crate) fn run(&mut self, name: &str, step: impl FnOnce() -> Result<()>) {
        println!("\n=== {name}");
        let start = Instant::now();
        let result = step();
        if let Err(error) = &result {
            println!("error: {name}: {error:#}");
        }
        self.done.push((name.to_owned(), start.elapsed(), result.is_ok()));
    }

    /// Returns a line for each step.
    pub(crate) fn table(&self) -> String {
        let line = |(name, time, good): &(String, Duration, bool)| {
            let verdict = if *good { "ok" } else { "FAILED" };
            format!("{:>7.1} s  {verdict:<6}  {name}\n", time.as_secs_f64())
        };
        self.done.iter().map(line).collect()
    }

    /// Fails if any step did, and names it.
    pub(crate) fn verdict(&self) -> Result<()> {
        let failed: Vec<&str> =
            self.done.iter().filter(|(_, _, good)| !good).map(|(name, _, _)| name.as_str()).collect();
        if !failed.is_empty() {
            bail!("failed: {}", failed.join(", "));
        }
        Ok(())
    }
}

/// Returns a path as it is written in messages: from the root of the workspace where it lies in it.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(workspace()).unwrap_or(path).display().to_string()
}

fn words(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(OsStr::to_string_lossy).collect::<Vec<_>>().join(" ")
}
