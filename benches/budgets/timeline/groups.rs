//! Sends to groups: one copy for each member.

use std::error::Error;
use std::time::{Duration, Instant};

use benches::budget::Effort;
use timeline::{GroupName, MemberId, Message, NewGroupMessage, Timeline};
use tokio::runtime::Runtime;
use tokio_util::task::TaskTracker;

use crate::scene::{ended, message_text, open, per_second};

/// Callers, each in a group of its own that has the same members.
pub(crate) const CALLERS: u64 = 8;

/// Returns how many copies a second are made durable.
pub(crate) fn copies(members: u64, effort: Effort) -> Result<f64, Box<dyn Error>> {
    let time = effort.pick(Duration::from_secs(4), Duration::from_millis(200));
    let (directory, runtime) = (tempfile::tempdir()?, Runtime::new()?);
    runtime.block_on(async {
        let timeline = open(directory.path()).await?;
        let start = Instant::now();
        let copies = copies_until(&timeline, members, move |_copies| start.elapsed() >= time).await?;
        let rate = per_second(copies, start.elapsed());
        ended(&timeline).await?;
        Ok(rate)
    })
}

/// Sends to groups of so many members until each caller is told to stop by how many copies it has
/// made; returns how many there were.
pub(crate) async fn copies_until(
    timeline: &Timeline,
    members: u64,
    stop: impl Fn(u64) -> bool + Copy + Send + 'static,
) -> Result<u64, Box<dyn Error>> {
    let ids: Vec<MemberId> =
        (0..members).map(|number| MemberId::new(format!("member-{number:06}"))).collect::<Result<_, _>>()?;
    let tasks = TaskTracker::new();
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let (timeline, ids) = (timeline.clone(), ids.clone());
            tasks.spawn(async move {
                let (group, mut copies) = (GroupName::new(format!("group-{caller}"))?, 0);
                let message = Message::new(message_text())?;
                while !stop(copies) {
                    let send = NewGroupMessage::new(group.clone(), ids.clone(), message.clone());
                    timeline.send_group(send.from(ids.first().cloned())).await?;
                    copies += members;
                }
                Ok::<_, timeline::Error>(copies)
            })
        })
        .collect();
    let mut copies = 0;
    for caller in callers {
        copies += caller.await??;
    }
    Ok(copies)
}
