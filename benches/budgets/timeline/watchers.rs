//! What a watcher costs that nothing comes for.

use std::error::Error;
use std::time::Duration;

use benches::budget::Effort;
use benches::process;
use futures_util::future::join_all;
use timeline::{MemberId, Seq, Watch};
use tokio::runtime::Runtime;
use tokio::time::timeout;

use crate::scene::{ended, open};

/// Watchers that begin at the same time.
const AT_ONCE: usize = 1_000;

/// Returns the bytes of resident memory that each watcher adds, once there are many.
///
/// Each has read what there was, and has an id as long as a UUID.
pub(crate) fn memory(effort: Effort) -> Result<f64, Box<dyn Error>> {
    let (few, many) = effort.pick((50_000, 150_000), (1_000, 3_000));
    let (directory, runtime) = (tempfile::tempdir()?, Runtime::new()?);
    runtime.block_on(async {
        let timeline = open(directory.path()).await?;
        // The list itself is not what a watcher costs.
        let (mut watches, mut before): (Vec<Watch>, _) = (Vec::with_capacity(many), 0.0);
        while watches.len() < many {
            if watches.len() == few {
                before = process::resident_bytes()?;
            }
            let first = watches.len();
            for number in first..first + AT_ONCE {
                let member = MemberId::new(format!("{number:08}-0000-4000-8000-000000000000"))?;
                watches.push(timeline.watch(&member, Seq::ZERO));
            }
            // The first read finds nothing: from then on they wait.
            let begun = watches.iter_mut().skip(first).map(|watch| timeout(BEGUN, watch.next()));
            if join_all(begun).await.iter().any(Result::is_ok) {
                return Err("a watcher has heard of something".into());
            }
        }
        let more = process::resident_bytes()? - before;
        drop(watches);
        ended(&timeline).await?;
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let each = more / (many - few) as f64;
        Ok(each)
    })
}

/// By then they have read, all at once: a read of an empty inbox takes microseconds.
const BEGUN: Duration = Duration::from_millis(200);
