//! `tidings import FILE DIRECTORY`: a new data directory of an export.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context as _, anyhow, ensure};
use tidings::timeline::{Error, ErrorKind, embedded};

use crate::causes;
use crate::config::{ImportWish, Target};
use crate::data_dir::DataDir;
use crate::progress::Progress;

/// How much of the export is read at once.
const READ_BYTES: usize = 256 * 1024;

/// Reads an export into a new data directory, or goes on with one that was cut short; returns what
/// it says then.
///
/// The new directory has an id of its own and no users that were sent away: revocations, and how
/// far the receiver of the webhook has got, are in no export.
pub(crate) async fn import(wish: ImportWish) -> anyhow::Result<String> {
    tokio::task::spawn_blocking(move || read(&wish.from, &wish.to)).await?
}

fn read(from: &Target, to: &Path) -> anyhow::Result<String> {
    // An export that is not there leaves no directory behind.
    let lines: Box<dyn Read> = match from {
        Target::Standard => Box::new(io::stdin().lock()),
        Target::File(path) => Box::new(open(path)?),
    };
    ensure!(
        DataDir::is_vacant(to),
        "import: {} is not empty; name a directory that does not exist yet, or that of an import that was cut \
         short",
        to.display()
    );
    // The new directory is locked from here on, so no server can start in what is not whole.
    let made = DataDir::open(to)?;
    let (bytes, mut progress) = (AtomicU64::new(0), Progress::new("import"));
    let lines = BufReader::with_capacity(READ_BYTES, Counted { lines, bytes: &bytes });
    let imported = embedded::import(lines, &made.timelines(), |so_far| {
        let bytes = bytes.load(Ordering::Relaxed);
        progress.at(format_args!("{bytes} bytes, {} lines", so_far.lines));
    });
    let imported = match imported {
        Ok(imported) => imported,
        Err(error) => return Err(failed(error, made, to)),
    };
    // A server that starts notes it as well.
    made.note_timelines().context("import: all of it was read, and a server can start there")?;
    Ok(format!(
        "imported {} lines with {} entries; start the server with --data-dir {}\n",
        imported.lines,
        imported.entries,
        to.display()
    ))
}

/// Says what to do after an import that failed, and removes the directory if nothing is in it.
fn failed(error: Error, made: DataDir, to: &Path) -> anyhow::Error {
    let kind = error.kind();
    let error = anyhow::Error::new(error).context("import");
    if !embedded::is_cut_import(&made.timelines()) {
        made.abandon();
        return error;
    }
    let advice = match kind {
        // What is wrong with the export does not change by itself.
        ErrorKind::InvalidInput => "import the whole export, or remove it",
        // The error says what to do.
        ErrorKind::Config => return error,
        _ => "run this again with the same file, and it goes on there",
    };
    anyhow!("{}; {} is no data directory yet: {advice}", causes::in_one_line(&error), to.display())
}

fn open(path: &Path) -> anyhow::Result<File> {
    File::open(path).with_context(|| format!("import: {} cannot be read", path.display()))
}

/// Counts what is read.
struct Counted<'a> {
    lines: Box<dyn Read>,
    bytes: &'a AtomicU64,
}

impl Read for Counted<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = self.lines.read(room)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
