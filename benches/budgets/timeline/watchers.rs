//! What a watcher costs that nothing comes for.

use std::error::Error;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use benches::budget::Effort;
use benches::process;
use timeline::{MemberId, Seq, Watch};
use tokio::runtime::Runtime;
use tokio::task::unconstrained;
use tokio::time::sleep;

use crate::scene::{ended, open};

/// Watchers that begin at the same time.
const AT_ONCE: usize = 1_000;

/// Returns the bytes of resident memory that each watcher adds, once there are many.
///
/// Each has read what there was, and has an id as long as a UUID.
pub(crate) fn memory(effort: Effort) -> Result<f64, Box<dyn Error>> {
    let (few, many) = effort.pick((1_000, 101_000), (1_000, 3_000));
    let (directory, runtime) = (tempfile::tempdir()?, Runtime::new()?);
    runtime.block_on(async {
        let timeline = open(directory.path()).await?;
        // The list itself is not what a watcher costs.
        let (mut watches, mut before): (Vec<Watch>, _) = (Vec::with_capacity(many), 0.0);
        while watches.len() < many {
            if watches.len() == few {
                before = process::resident_bytes("self")?;
            }
            let first = watches.len();
            for number in first..first + AT_ONCE {
                let member = MemberId::new(format!("{number:08}-0000-4000-8000-000000000000"))?;
                watches.push(timeline.watch(&member, Seq::ZERO));
            }
            // The first read finds nothing: from then on they wait.
            let newest = watches.get_mut(first..).unwrap_or_default();
            for _ in 0..TURNS {
                begin(newest).await?;
                sleep(TURN).await;
            }
        }
        let more = process::resident_bytes("self")? - before;
        drop(watches);
        ended(&timeline).await?;
        #[expect(clippy::cast_precision_loss, reason = "a few thousand")]
        let each = more / (many - few) as f64;
        Ok(each)
    })
}

/// Polls each watch once, as the task that it is in does when it is woken.
///
/// What that task is made of is not counted.
async fn begin(watches: &mut [Watch]) -> Result<(), Box<dyn Error>> {
    // So many in one task are more than it may do in a turn; each has one of its own in a program.
    unconstrained(async {
        let mut context = Context::from_waker(Waker::noop());
        for watch in watches {
            if pin!(watch.next()).poll(&mut context).is_ready() {
                return Err("a watcher has heard of something".into());
            }
        }
        Ok(())
    })
    .await
}

/// How often each is polled: 64 read at a time, so that the last ones come in the 16th turn, and
/// have read by the next.
const TURNS: usize = 24;

/// By then those whose turn it was have read: a read of an empty inbox takes microseconds.
const TURN: Duration = Duration::from_millis(10);
