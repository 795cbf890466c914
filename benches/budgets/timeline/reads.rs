//! What readers of an inbox get a second.

use std::error::Error;
use std::time::{Duration, Instant};

use benches::budget::Effort;
use timeline::{Count, GroupName, MemberId, Message, NewGroupMessage, Seq, Timeline};
use tokio::runtime::Runtime;
use tokio_util::task::TaskTracker;

use crate::scene::{CALLERS, ended, open, per_second, send_until};

/// Entries with a text of their own, as messages between two users have them.
pub(crate) fn copies(effort: Effort) -> Result<f64, Box<dyn Error>> {
    let entries = effort.pick(100_000, 1_000);
    read(effort, "bob", async move |timeline: &Timeline| {
        send_until(timeline, CALLERS, move |sent| sent * CALLERS >= entries).await.map(drop)
    })
}

/// Entries that share their text with others: messages to a group of 20.
pub(crate) fn referenced(effort: Effort) -> Result<f64, Box<dyn Error>> {
    let entries = effort.pick(20_000, 500);
    read(effort, "member-0", async move |timeline: &Timeline| {
        let members: Vec<_> =
            (0..20).map(|number| MemberId::new(format!("member-{number}"))).collect::<Result<_, _>>()?;
        let group = GroupName::new("tea")?;
        let text = format!("{{\"text\":\"{}\"}}", "x".repeat(300));
        let tasks = TaskTracker::new();
        let callers: Vec<_> = (0..16)
            .map(|_| {
                let (timeline, members, group) = (timeline.clone(), members.clone(), group.clone());
                let text = text.clone();
                tasks.spawn(async move {
                    for _ in 0..entries / 16 {
                        let message = Message::new(text.as_str())?;
                        let send = NewGroupMessage::new(group.clone(), members.clone(), message);
                        timeline.send_group(send).await?;
                    }
                    Ok::<_, timeline::Error>(())
                })
            })
            .collect();
        for caller in callers {
            caller.await??;
        }
        Ok(())
    })
}

/// Two readers, one for each core, page by page through an inbox, again and again.
fn read(
    effort: Effort,
    member: &'static str,
    fill: impl AsyncFnOnce(&Timeline) -> Result<(), Box<dyn Error>>,
) -> Result<f64, Box<dyn Error>> {
    let time = effort.pick(Duration::from_secs(3), Duration::from_millis(100));
    let (directory, runtime) = (tempfile::tempdir()?, Runtime::new()?);
    runtime.block_on(async {
        let timeline = open(directory.path()).await?;
        fill(&timeline).await?;
        let (tasks, start) = (TaskTracker::new(), Instant::now());
        let readers: Vec<_> =
            (0..2).map(|_| tasks.spawn(read_until(timeline.clone(), member, start + time))).collect();
        let mut read = 0;
        for reader in readers {
            read += reader.await??;
        }
        let rate = per_second(read, start.elapsed());
        ended(&timeline).await?;
        Ok(rate)
    })
}

/// Reads an inbox in pages of the default size, until the time is over; returns how many entries.
async fn read_until(timeline: Timeline, member: &str, end: Instant) -> Result<u64, timeline::Error> {
    let member = MemberId::new(member)?;
    let (mut last, mut read) = (Seq::default(), 0);
    while Instant::now() < end {
        let inbox = timeline.sync(&member, last, Count::default()).await?;
        read += inbox.entries.len() as u64;
        last = inbox.entries.last().map(|entry| entry.sequence).unwrap_or_default();
    }
    Ok(read)
}
