//! Sends to groups: one copy for each member.

use std::error::Error;
use std::time::{Duration, Instant};

use benches::budget::Effort;
use timeline::{GroupName, MemberId, Message, NewGroupMessage};
use tokio::runtime::Runtime;
use tokio_util::task::TaskTracker;

use crate::scene::{ended, message_text, open, per_second};

/// Callers, each in a group of its own that has the same members.
const CALLERS: u64 = 8;

/// Returns how many copies a second are made durable.
pub(crate) fn copies(members: u64, effort: Effort) -> Result<f64, Box<dyn Error>> {
    let time = effort.pick(Duration::from_secs(4), Duration::from_millis(200));
    let (directory, runtime) = (tempfile::tempdir()?, Runtime::new()?);
    runtime.block_on(async {
        let timeline = open(directory.path()).await?;
        let ids: Vec<MemberId> = (0..members)
            .map(|number| MemberId::new(format!("member-{number:06}")))
            .collect::<Result<_, _>>()?;
        let (tasks, start) = (TaskTracker::new(), Instant::now());
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| {
                let (timeline, ids) = (timeline.clone(), ids.clone());
                tasks.spawn(async move {
                    let (group, mut sent) = (GroupName::new(format!("group-{caller}"))?, 0);
                    let message = Message::new(message_text())?;
                    while start.elapsed() < time {
                        let send = NewGroupMessage::new(group.clone(), ids.clone(), message.clone());
                        timeline.send_group(send.from(ids.first().cloned())).await?;
                        sent += members;
                    }
                    Ok::<_, timeline::Error>(sent)
                })
            })
            .collect();
        let mut sent = 0;
        for caller in callers {
            sent += caller.await??;
        }
        let rate = per_second(sent, start.elapsed());
        ended(&timeline).await?;
        Ok(rate)
    })
}
