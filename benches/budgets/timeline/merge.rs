//! What it costs to write all tables anew, so that no file has an erased text any more.

use std::error::Error;
use std::io::{Write, stderr};
use std::time::Duration;

use benches::budget::Effort;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use timeline::{Conversation, MemberId, Message, NewMessage, embedded};
use tokio::runtime::Runtime;
use tokio::time::{interval, timeout};

use crate::disk::bytes_of;
use crate::scene::{CALLERS, ended, message_text, open_with, send_until};

/// The time of the whole merge of a store, in seconds for each GB that it had.
///
/// One message of another conversation is purged; the store of a million messages is written anew
/// for it, as each of its files may have the text.
pub(crate) fn seconds_per_gb(effort: Effort) -> Result<f64, Box<dyn Error>> {
    let messages = effort.pick(1_000_000, 1_000);
    let (directory, runtime) = (tempfile::tempdir()?, Runtime::new()?);
    let metrics = PrometheusBuilder::new().install_recorder()?;
    runtime.block_on(async {
        let soon = *embedded::Config::ERASED_WITHIN_BOUNDS.start();
        let timeline = open_with(embedded::Config::new(directory.path()).erased_within(soon)).await?;
        send_until(&timeline, CALLERS, move |sent| sent * CALLERS >= messages).await?;
        let (from, to) = (MemberId::new("carol")?, MemberId::new("dave")?);
        let send = NewMessage::new(from.clone(), to.clone(), Message::new(message_text())?);
        timeline.send(send).await?;
        timeline.purge(&Conversation::single(from, to)).await?;
        let before = bytes_of(directory.path())?;
        let took = timeout(MERGED_WITHIN, merged(&metrics)).await??;
        let after = bytes_of(directory.path())?;
        ended(&timeline).await?;
        #[expect(clippy::cast_precision_loss, reason = "a few gigabytes")]
        let gigabytes = |bytes: u64| bytes as f64 / 1e9;
        writeln!(
            stderr(),
            "a merge of {:.2} GB took {took:.1} s, and left {:.2} GB",
            gigabytes(before),
            gigabytes(after)
        )?;
        Ok(took / gigabytes(before))
    })
}

/// Waits until a merge has ended, and returns how many seconds it took.
async fn merged(metrics: &PrometheusHandle) -> Result<f64, Box<dyn Error>> {
    let mut look = interval(LOOK);
    loop {
        look.tick().await;
        let all = metrics.render();
        let sum = all.lines().find_map(|line| line.strip_prefix("timeline_compaction_seconds_sum "));
        if let Some(sum) = sum {
            return Ok(sum.parse()?);
        }
    }
}

/// How often it is looked whether a merge has ended, which tells no one but the metrics.
const LOOK: Duration = Duration::from_millis(100);

/// The wait of three quarters of a minute before a merge, and a time that only a hang reaches.
const MERGED_WITHIN: Duration = Duration::from_secs(300);
