//! `tidings salvage FROM TO`: what can be read of a damaged data directory, as a new one.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use tidings::timeline::embedded::{self, Salvaged};

use crate::data_dir::DataDir;

/// Reads `from` into `to`, which must not hold anything yet, and returns what was found and what was not, to be printed.
///
/// The new directory has an id of its own, so that every client starts over: what was lost may be what it has read.
pub(crate) async fn salvage(from: PathBuf, to: PathBuf) -> anyhow::Result<String> {
    tokio::task::spawn_blocking(move || copy(&from, &to)).await?
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<String> {
    let timelines = from.join("timelines");
    ensure!(
        timelines.is_dir(),
        "salvage: {} has no folder `timelines`; name the data directory of a server",
        from.display()
    );
    let occupied = to.exists() && fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_some());
    ensure!(!occupied, "salvage: {} is not empty; name a directory that does not exist yet", to.display());
    let made = DataDir::open(to)?;
    match embedded::salvage(&timelines, &made.timelines()) {
        Ok(salvaged) => Ok(report(&salvaged, to)),
        Err(error) => {
            made.abandon();
            Err(error).with_context(|| format!("salvage: nothing of {} was read", from.display()))
        }
    }
}

fn report(salvaged: &Salvaged, to: &Path) -> String {
    let mut text = format!("{salvaged}\n");
    for problem in &salvaged.problems {
        writeln!(text, "problem {problem}").expect("a text takes every line");
    }
    let untold = salvaged.problem_count.saturating_sub(salvaged.problems.len() as u64);
    if untold > 0 {
        writeln!(text, "problem and {untold} more").expect("a text takes every line");
    }
    let to = to.display();
    writeln!(
        text,
        "start the server with --data-dir {to}; every client starts over, as its positions are of the old directory"
    )
    .expect("a text takes every line");
    text
}
