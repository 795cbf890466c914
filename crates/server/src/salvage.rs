//! `tidings salvage FROM TO`: a new data directory of what a damaged one has.

use std::fmt::Write as _;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::{Context as _, bail, ensure};
use tidings::join::webhook::Bookmark;
use tidings::timeline::embedded::{self, Salvaged};

use crate::data_dir::DataDir;
use crate::{clock, revocation};

/// What became of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// What was found and what was not, to be printed.
    pub(crate) report: String,
    /// Whether nothing was lost.
    pub(crate) is_whole: bool,
}

/// Reads `from` into `to`, which must not hold anything yet but what a salvage left that was cut
/// short.
///
/// The new directory has an id of its own, so that every client starts over: what was lost may be
/// what it has read.
pub(crate) async fn salvage(from: PathBuf, to: PathBuf) -> anyhow::Result<Outcome> {
    tokio::task::spawn_blocking(move || copy(&from, &to)).await?
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<Outcome> {
    let timelines = from.join("timelines");
    ensure!(
        timelines.is_dir(),
        "salvage: {} has no folder `timelines`; name the data directory of a server",
        from.display()
    );
    ensure!(
        DataDir::is_vacant(to),
        "salvage: {} is not empty; name a directory that does not exist yet",
        to.display()
    );
    // The new directory is locked from here on, so no server can start in what is not whole.
    let made = DataDir::open(to)?;
    let (mut problems, mut bookmark, mut revocations) = (None, Ok(()), Ok(()));
    // The bookmark, the revocations and the note are written before the timelines count as
    // finished. Until then the salvage can be repeated, and afterwards nothing is left to do.
    let salvaged = embedded::salvage_noting(&timelines, &made.timelines(), |salvaged| {
        if salvaged.is_nothing() {
            problems = Some(salvaged.problems.join("; "));
            return Err(io::Error::other("nothing could be read"));
        }
        bookmark = copy_bookmark(from, &made);
        // What cannot be read is left there, and the report says so.
        revocations = revocation::copy(from, to, clock::now());
        made.note_timelines().map_err(io::Error::other)
    });
    match (salvaged, problems) {
        (Ok(salvaged), _) => Ok(report(&salvaged, bookmark, revocations, to)),
        (Err(_), Some(problems)) => {
            made.remove_timelines();
            made.abandon();
            bail!(
                "salvage: nothing in {} could be read, and nothing was written to {}: {problems}",
                from.display(),
                to.display()
            )
        }
        // The error says which of the two directories it is about.
        (Err(error), None) => {
            made.abandon();
            Err(error).context("salvage")
        }
    }
}

/// Takes over how far the webhook's receiver has heard, so that it goes on there and is
/// told of no loss.
fn copy_bookmark(from: &Path, to: &DataDir) -> anyhow::Result<()> {
    let old = DataDir::webhook_of(from);
    // One that cannot be read is left there: the report says so, and the new server tells the
    // receiver.
    if Bookmark::new(&old).read()?.is_some() {
        let new = to.webhook();
        let copied = fs::copy(&old, &new).and_then(|_| File::open(&new)?.sync_all());
        if copied.is_err() {
            // Half of it is none.
            fs::remove_file(&new).ok();
        }
        copied.with_context(|| format!("{} cannot be copied", old.display()))?;
    }
    Ok(())
}

fn report(
    salvaged: &Salvaged,
    bookmark: anyhow::Result<()>,
    revocations: anyhow::Result<()>,
    to: &Path,
) -> Outcome {
    let mut text = format!("{salvaged}\n");
    let mut line = |line: std::fmt::Arguments<'_>| writeln!(text, "{line}").expect("a text takes every line");
    for problem in &salvaged.problems {
        line(format_args!("problem {problem}"));
    }
    let untold = salvaged.problem_count.saturating_sub(salvaged.problems.len() as u64);
    if untold > 0 {
        line(format_args!("problem {untold} more problems are not listed"));
    }
    let is_whole = salvaged.is_whole() && bookmark.is_ok() && revocations.is_ok();
    if let Err(error) = bookmark {
        line(format_args!(
            "problem the progress of the webhook's receiver is lost; the webhook begins with new events, and \
             tells it that some are lost: {error:#}"
        ));
    }
    if let Err(error) = revocations {
        line(format_args!(
            "problem revocations are lost, so logins that were revoked may count again until they expire; run \
             `tidings revoke` again: {error:#}"
        ));
    }
    let to = to.display();
    line(format_args!(
        "start the server with --data-dir {to}; every client starts over, as its positions belong to the \
         old directory"
    ));
    Outcome { report: text, is_whole }
}
