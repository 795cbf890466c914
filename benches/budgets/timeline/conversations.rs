//! How long a member waits for their list of conversations.

use std::error::Error;
use std::time::{Duration, Instant};

use benches::budget::Effort;
use timeline::{Count, MemberId, Message, NewMessage, Timeline};
use tokio::runtime::Runtime;
use tokio_util::task::TaskTracker;

use crate::scene::{CALLERS, ended, message_text, open, send_until};

/// Returns the 99th percentile of the first page for a member with 1,000 conversations, in
/// milliseconds, while others send.
pub(crate) fn percentile(effort: Effort) -> Result<f64, Box<dyn Error>> {
    let (conversations, lists) = effort.pick((1_000, 500), (50, 5));
    let (directory, runtime) = (tempfile::tempdir()?, Runtime::new()?);
    runtime.block_on(async {
        let timeline = open(directory.path()).await?;
        fill(&timeline, conversations).await?;
        let me = MemberId::new("me")?;
        let (tasks, stop) = (TaskTracker::new(), tokio_util::sync::CancellationToken::new());
        // Others are at work, as on a server: eight callers.
        let others = tasks.spawn({
            let (timeline, stop) = (timeline.clone(), stop.clone());
            async move {
                let stopped = Box::leak(Box::new(stop));
                send_until(&timeline, 8, |_sent| stopped.is_cancelled())
                    .await
                    .map_err(|error| error.to_string())
            }
        });
        let mut times = Vec::with_capacity(lists);
        for _ in 0..lists {
            let start = Instant::now();
            let page = timeline.conversations(&me, None, Count::default()).await?;
            times.push(start.elapsed());
            if page.conversations.len() != conversations.min(100) {
                return Err(format!("the list has {} conversations", page.conversations.len()).into());
            }
        }
        stop.cancel();
        others.await??;
        ended(&timeline).await?;
        times.sort_unstable();
        let at = (times.len() * 99 / 100).min(times.len() - 1);
        Ok(times.get(at).map_or(0.0, Duration::as_secs_f64) * 1_000.0)
    })
}

/// Has so many others write to the member, three messages each.
async fn fill(timeline: &Timeline, conversations: usize) -> Result<(), Box<dyn Error>> {
    let tasks = TaskTracker::new();
    let callers = usize::try_from(CALLERS)?;
    let filling: Vec<_> = (0..callers)
        .map(|caller| {
            let timeline = timeline.clone();
            tasks.spawn(async move {
                let message = Message::new(message_text())?;
                for number in (caller..conversations).step_by(callers) {
                    let from = MemberId::new(format!("other-{number:04}"))?;
                    for _ in 0..3 {
                        let send = NewMessage::new(from.clone(), MemberId::new("me")?, message.clone());
                        timeline.send(send).await?;
                    }
                }
                Ok::<_, timeline::Error>(())
            })
        })
        .collect();
    for caller in filling {
        caller.await??;
    }
    Ok(())
}
