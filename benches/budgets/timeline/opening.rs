//! How long it takes until a store that has much is open.

use std::error::Error;
use std::time::Instant;

use benches::budget::Effort;
use tokio::runtime::Runtime;

use crate::groups::{CALLERS, copies_until};
use crate::scene::{ended, open};

/// Returns the time until a store of 1,000,000 entries is open that was shut down, in milliseconds.
///
/// They are of messages to groups of 500.
pub(crate) fn milliseconds(effort: Effort) -> Result<f64, Box<dyn Error>> {
    let (entries, members) = effort.pick((1_000_000, 500), (4_000, 50));
    let (directory, runtime) = (tempfile::tempdir()?, Runtime::new()?);
    runtime.block_on(async {
        let timeline = open(directory.path()).await?;
        copies_until(&timeline, members, move |copies| copies * CALLERS >= entries).await?;
        ended(&timeline).await?;
        drop(timeline);
        let start = Instant::now();
        let timeline = open(directory.path()).await?;
        let took = start.elapsed();
        ended(&timeline).await?;
        Ok(took.as_secs_f64() * 1_000.0)
    })
}
