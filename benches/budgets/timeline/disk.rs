//! How much room messages take on the disk.

use std::error::Error;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::{fs, io};

use benches::budget::Effort;
use timeline::Timeline;
use tokio::runtime::Runtime;

use crate::groups;
use crate::scene::{CALLERS, ended, open, send_until};

/// Returns the bytes of each message of a pair: its history, two copies and its id.
pub(crate) fn pair(effort: Effort) -> Result<f64, Box<dyn Error>> {
    let messages = effort.pick(300_000, 1_000);
    each(async move |timeline: &Timeline| {
        send_until(timeline, CALLERS, move |sent| sent * CALLERS >= messages).await
    })
}

/// Returns the bytes of each copy of a message to a group of 100.
pub(crate) fn group(effort: Effort) -> Result<f64, Box<dyn Error>> {
    let copies = effort.pick(1_000_000, 4_000);
    each(async move |timeline: &Timeline| {
        groups::copies_until(timeline, 100, move |sent| sent * groups::CALLERS >= copies).await
    })
}

/// Returns the bytes that a store has on the disk after it was shut down, for each thing that
/// `fill` has written.
fn each(fill: impl AsyncFnOnce(&Timeline) -> Result<u64, Box<dyn Error>>) -> Result<f64, Box<dyn Error>> {
    let (directory, runtime) = (tempfile::tempdir()?, Runtime::new()?);
    runtime.block_on(async {
        let timeline = open(directory.path()).await?;
        let written = fill(&timeline).await?;
        ended(&timeline).await?;
        let bytes = bytes_of(directory.path())?;
        #[expect(clippy::cast_precision_loss, reason = "a few hundred megabytes")]
        let each = bytes as f64 / written as f64;
        Ok(each)
    })
}

/// Returns what the files below a directory take. A journal is longer than what it takes.
pub(crate) fn bytes_of(directory: &Path) -> io::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes += if metadata.is_dir() { bytes_of(&entry.path())? } else { metadata.blocks() * 512 };
    }
    Ok(bytes)
}
