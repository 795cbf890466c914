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
use serde_json::Value;

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
    // The output goes past us, so that the person sees it as it comes.
    let status = command.status().with_context(|| format!("cannot run {}", words(command)))?;
    if !status.success() {
        bail!("`{}` failed: {status}", words(command));
    }
    Ok(())
}

/// Runs a command and returns what it wrote to standard output; the error shows what it says of the
/// cause.
pub(crate) fn capture(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("cannot run {}", words(command)))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        let all = format!("{text}\n{}", String::from_utf8_lossy(&output.stderr));
        bail!("`{}` failed: {}", words(command), cause(&all).unwrap_or_else(|| output.status.to_string()));
    }
    Ok(text)
}

/// Builds with cargo, and returns the paths of the binaries.
pub(crate) fn binaries(cargo: &mut Command) -> Result<Vec<PathBuf>> {
    let messages = capture(cargo.args(["--quiet", "--message-format=json-render-diagnostics"]))?;
    let mut binaries: Vec<PathBuf> = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["target"]["kind"][0] == "bin" && message["profile"]["test"] == false)
        .filter_map(|message| message["executable"].as_str().map(PathBuf::from))
        .collect();
    binaries.sort();
    Ok(binaries)
}

/// Returns where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    let elsewhere = std::env::var_os("CARGO_TARGET_DIR");
    workspace().join(elsewhere.as_deref().unwrap_or_else(|| OsStr::new("target")))
}

/// A list of steps with how each went.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<(String, Duration, Verdict)>,
    /// What each step that failed said of it.
    errors: Vec<String>,
}

/// How a step went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Ok,
    Failed,
    /// It could not be run here.
    Skipped,
}

impl Steps {
    /// Runs a step, and remembers a failure without stopping.
    pub(crate) fn run(&mut self, name: &str, step: impl FnOnce() -> Result<()>) {
        println!("\n=== {name}");
        let start = Instant::now();
        let result = step();
        if let Err(error) = &result {
            let error = format!("error: {name}: {error:#}");
            println!("{error}");
            self.errors.push(error);
        }
        // A failure ends nothing: who runs all steps wants to hear of all that fail, not of the
        // first.
        let verdict = if result.is_ok() { Verdict::Ok } else { Verdict::Failed };
        self.done.push((name.to_owned(), start.elapsed(), verdict));
    }

    /// Notes that a step is not run, and why.
    pub(crate) fn skip(&mut self, name: &str, reason: &str) {
        println!("\n=== {name}\nskipped: {reason}");
        self.done.push((format!("{name}: {reason}"), Duration::ZERO, Verdict::Skipped));
    }

    /// Returns a line for each step.
    pub(crate) fn table(&self) -> String {
        let line = |(name, time, verdict): &(String, Duration, Verdict)| {
            let verdict = match verdict {
                Verdict::Ok => "ok",
                Verdict::Failed => "FAILED",
                Verdict::Skipped => "skipped",
            };
            format!("{:>7.1} s  {verdict:<7}  {name}\n", time.as_secs_f64())
        };
        self.done.iter().map(line).collect()
    }

    /// Fails if any step did, names it, and repeats its error.
    ///
    /// Thousands of lines may have followed the first time.
    pub(crate) fn verdict(&self) -> Result<()> {
        let failed = self.done.iter().filter(|(_, _, verdict)| *verdict == Verdict::Failed);
        let failed: Vec<&str> = failed.map(|(name, _, _)| name.as_str()).collect();
        if !failed.is_empty() {
            bail!("failed: {}\n{}", failed.join(", "), self.errors.join("\n"));
        }
        Ok(())
    }
}

/// Returns a path as it is written in messages: from the root of the workspace where it lies in it.
pub(crate) fn shown(path: &Path) -> String {
    path.strip_prefix(workspace()).unwrap_or(path).display().to_string()
}

/// Returns the line in which apt or pip name what went wrong, or else the last few lines.
fn cause(output: &str) -> Option<String> {
    let lines: Vec<&str> = output.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let named = lines.iter().find(|line| ["E: ", "ERROR: "].iter().any(|mark| line.starts_with(mark)));
    let end = lines.get(lines.len().saturating_sub(4)..).filter(|end| !end.is_empty());
    named.map(|line| (*line).to_owned()).or_else(|| end.map(|end| end.join("\n  ")))
}

/// Returns a command as it is shown: without its options, which are ours.
pub(crate) fn words(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy);
    words.filter(|word| !word.starts_with('-') && !word.contains("::")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cause_is_one_line_where_the_program_names_it() {
        let apt = "Reading lists\nE: Failed to fetch a\nE: Unable to fetch some archives";
        assert_eq!(cause(apt).as_deref(), Some("E: Failed to fetch a"));
        assert_eq!(cause("1\n\n2\n3\n4\n5\n").as_deref(), Some("2\n  3\n  4\n  5"));
        assert_eq!(cause("\n"), None);
    }

    #[test]
    fn options_are_not_shown() {
        let mut command = Command::new("/usr/bin/apt-get");
        assert_eq!(
            words(command.args(["-y", "-o", "Acquire::Retries=2", "install", "redis"])),
            "apt-get install redis"
        );
    }
}
