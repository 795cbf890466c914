//! On what figures were measured.

use std::process::Command;
use std::{fs, thread};

use anyhow::{Context, Result};

use crate::step;

/// Returns a sentence that names the command, the commit, the machine and Rust, and what is given
/// beside that.
pub(crate) fn sentence(command: &str, beside: &str) -> Result<String> {
    let processors = thread::available_parallelism()?;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").context("procfs does not answer")?;
    let rust = step::capture(Command::new("rustc").arg("--version"))?;
    let rust = rust.split(' ').nth(1).unwrap_or_default();
    Ok(format!(
        "`{command}` at commit {} on {processors} processors ({}, Linux {}), with Rust {rust}{beside}.",
        commit()?,
        processor()?,
        kernel.trim()
    ))
}

/// Returns the commit that is checked out, and whether the files are those of it.
fn commit() -> Result<String> {
    let git = |arguments: &[&str]| step::capture(Command::new("git").args(arguments));
    let commit = git(&["rev-parse", "--short=10", "HEAD"])?;
    // The pages that are written do not change what is measured.
    let changed = git(&["status", "--porcelain", "--untracked-files=no", "--", ":!*.md"])?;
    Ok(said(&commit, &changed))
}

fn said(commit: &str, changed: &str) -> String {
    let changes = if changed.trim().is_empty() { "" } else { ", with changes that are not committed," };
    format!("{}{changes}", commit.trim())
}

/// Returns the name of the first processor.
fn processor() -> Result<String> {
    let info = fs::read_to_string("/proc/cpuinfo").context("procfs does not answer")?;
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    Ok(name.map_or_else(|| "of an unknown kind".to_owned(), |(_, name)| name.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_other_files_than_the_commit_has_say_so() {
        assert_eq!(said("0123456789\n", ""), "0123456789");
        assert_eq!(said("0123456789\n", " M a.rs\n"), "0123456789, with changes that are not committed,");
    }
}
