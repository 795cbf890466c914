//! `tidings export FILE`: all that is stored in the timelines, as lines of JSON.
//!
//! ```text
//! a directory without a server ─► feed ─┐
//!                                       ├─► a channel ─► FILE.part ─► FILE, or the standard output
//! GET /export of a server ──► remote ───┘
//! ```

mod feed;
mod part_file;
mod remote;
mod tally;

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use bytes::Bytes;
use tidings::timeline::Store as _;
use tidings::timeline::embedded::{self, EmbeddedStore};
use tokio::sync::mpsc;

pub(crate) use self::feed::feed;
use self::part_file::PartFile;
use self::tally::Tally;
use crate::config::{Config, ExportWish, Target};
use crate::data_dir::DataDir;
use crate::log;
use crate::progress::Progress;

/// A piece of an export on its way, or why there are no more.
pub(crate) type Piece = anyhow::Result<Bytes>;

/// How many pieces wait to be written; each has 256 KiB, and a line more. The last place is for
/// the last word of an export that ends before it is whole.
pub(crate) const PIECES: usize = 3;

/// How long a store may take to close that was only read.
const CLOSED_WITHIN: Duration = Duration::from_secs(30);

/// Writes the export that is wished, and says what it is.
pub(crate) async fn export(config: &Config, wish: ExportWish) -> anyhow::Result<String> {
    let ExportWish { to, from, token } = wish;
    match from {
        Some(server) => {
            let token = token.map(|file| remote::token(&file)).transpose()?;
            // Before anybody is asked.
            check(&to)?;
            let (pieces, received) = mpsc::channel(PIECES);
            let written = tokio::task::spawn_blocking(move || write(&to, received));
            remote::ask(&server, token, pieces).await;
            written.await?
        }
        None => {
            check(&to)?;
            of_directory(&config.data_dir, to).await
        }
    }
}

/// Fails if there is something in the place of the export.
fn check(to: &Target) -> anyhow::Result<()> {
    match to {
        Target::File(path) => PartFile::check(path),
        Target::Standard => Ok(()),
    }
}

/// Exports what a server that does not run has stored.
async fn of_directory(data_dir: &Path, to: Target) -> anyhow::Result<String> {
    let shown = data_dir.display();
    let exists = DataDir::exists(data_dir)
        .with_context(|| format!("--data-dir: {shown} cannot be read; run this as the user of the server"))?;
    ensure!(
        exists && data_dir.join("timelines").is_dir(),
        "--data-dir: {shown} is no data directory with messages; name that of the server"
    );
    if DataDir::is_in_use(data_dir).unwrap_or_default() {
        bail!(
            "--data-dir: a server uses {shown}; ask it, with --from and its address, like --from \
             http://127.0.0.1:8000, or stop it first"
        );
    }
    let data_dir = DataDir::open(data_dir)?;
    // No store is made where one is missing. Retention and erasure are left to the server: this one
    // would begin with what an earlier one left to be erased, and end the export for it.
    let settings = embedded::Config::new(data_dir.timelines()).must_exist(true).erases(false);
    let store = EmbeddedStore::start(settings).await.context("--data-dir")?;
    let export = store.export().context("export")?;
    let (pieces, received) = mpsc::channel(PIECES);
    let fed = tokio::task::spawn_blocking(move || feed(export, &pieces));
    let written = tokio::task::spawn_blocking(move || write(&to, received)).await?;
    // It ended when the last piece was taken, or none was taken any more.
    fed.await?;
    if !store.shutdown(CLOSED_WITHIN).await {
        log::complain(format_args!("export: the store did not close within {CLOSED_WITHIN:?}"));
    }
    written
}

/// Writes what comes to where it goes, and says what it was. Blocks.
fn write(to: &Target, mut pieces: mpsc::Receiver<Piece>) -> anyhow::Result<String> {
    match to {
        Target::File(path) => write_file(path, &mut pieces),
        Target::Standard => write_output(&mut pieces),
    }
}

fn write_file(path: &Path, pieces: &mut mpsc::Receiver<Piece>) -> anyhow::Result<String> {
    // The first line says whether an export that was cut short is of the same state.
    let (mut begun, mut part, mut progress) = (Vec::<u8>::new(), None::<PartFile>, Progress::new("export"));
    while let Some(piece) = pieces.blocking_recv() {
        let piece = piece?;
        if let Some(part) = &mut part {
            part.put(&piece)?;
            progress.at(part.tally());
            continue;
        }
        begun.extend_from_slice(&piece);
        if let Some(end) = begun.iter().position(|byte| *byte == b'\n') {
            let first = begun.get(..=end).unwrap_or_default();
            part.insert(PartFile::open(path, first)?).put(&begun)?;
        }
    }
    let Some(part) = part else { bail!("export: nothing came; run this again") };
    let tally = part.finish()?;
    Ok(format!("exported {tally} to {}\n", path.display()))
}

fn write_output(pieces: &mut mpsc::Receiver<Piece>) -> anyhow::Result<String> {
    // Without the buffer of the standard library, which would be written at each line.
    let output = rustix::stdio::stdout().try_clone_to_owned().map(File::from);
    let mut output = output.context("export: the standard output cannot be written")?;
    let (mut tally, mut progress) = (Tally::default(), Progress::new("export"));
    while let Some(piece) = pieces.blocking_recv() {
        let piece = piece?;
        output.write_all(&piece).context("export: the standard output cannot be written")?;
        tally.add(&piece);
        progress.at(&tally);
    }
    tally.check_end().context("export")?;
    Ok(String::new())
}
