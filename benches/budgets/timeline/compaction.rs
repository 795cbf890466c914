//! What it costs senders that texts are erased meanwhile.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use benches::budget::Effort;
use timeline::{Conversation, GroupName, MemberId, Message, NewGroupMessage};
use tokio::runtime::Runtime;
use tokio_util::task::TaskTracker;

use crate::scene::{CALLERS, ended, message_text, open, per_second, send_until};

/// Sends while the entries of histories are removed, copy by copy.
pub(crate) fn sends_meanwhile(effort: Effort) -> Result<f64, Box<dyn Error>> {
    sends(effort, true)
}

/// The same sends while nothing is removed.
pub(crate) fn sends_alone(effort: Effort) -> Result<f64, Box<dyn Error>> {
    sends(effort, false)
}

fn sends(effort: Effort, purge: bool) -> Result<f64, Box<dyn Error>> {
    let (time, groups, messages) =
        effort.pick((Duration::from_secs(6), 20, 500), (Duration::from_millis(300), 2, 10));
    let (directory, runtime) = (tempfile::tempdir()?, Runtime::new()?);
    runtime.block_on(async {
        let timeline = open(directory.path()).await?;
        let names: Vec<_> =
            (0..groups).map(|number| GroupName::new(format!("group-{number}"))).collect::<Result<_, _>>()?;
        let members: Vec<_> =
            (0..10).map(|number| MemberId::new(format!("member-{number}"))).collect::<Result<_, _>>()?;
        let tasks = TaskTracker::new();
        let filling: Vec<_> = names
            .iter()
            .map(|name| {
                let (timeline, name, members) = (timeline.clone(), name.clone(), members.clone());
                tasks.spawn(async move {
                    let message = Message::new(message_text())?;
                    for _ in 0..messages {
                        let send = NewGroupMessage::new(name.clone(), members.clone(), message.clone());
                        timeline.send_group(send).await?;
                    }
                    Ok::<_, timeline::Error>(())
                })
            })
            .collect();
        for filled in filling {
            filled.await??;
        }
        let is_over = Arc::new(AtomicBool::new(false));
        let purging = tasks.spawn({
            let (timeline, is_over) = (timeline.clone(), Arc::clone(&is_over));
            async move {
                for name in names.into_iter().filter(|_| purge) {
                    if is_over.load(Ordering::Relaxed) {
                        break;
                    }
                    timeline.purge(&Conversation::group(name)).await?;
                }
                Ok::<_, timeline::Error>(())
            }
        });
        let start = Instant::now();
        let sent = send_until(&timeline, CALLERS, move |_sent| start.elapsed() >= time).await?;
        let rate = per_second(sent, start.elapsed());
        is_over.store(true, Ordering::Relaxed);
        purging.await??;
        ended(&timeline).await?;
        Ok(rate)
    })
}
