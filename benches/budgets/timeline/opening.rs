//! How long it takes until a store that has much is open.

use std::error::Error;
use std::time::{Duration, Instant};

use benches::budget::Effort;
use timeline::{GroupName, MemberId, Message, NewGroupMessage, Timeline};
use tokio::runtime::Runtime;
use tokio_util::task::TaskTracker;

use crate::groups::CALLERS;
use crate::scene::{ended, open};

/// How long the messages may take to write that the store has, each of the five times that xtask
/// measures. A disk that takes longer is too slow for this figure, and the error says so.
const FILL_MAX: Duration = Duration::from_secs(180);

/// Returns the milliseconds until a store of 10,000,000 entries is open.
///
/// It was shut down before. 100,000 members are in 200 groups of 500, each of which has 100 short
/// messages: groups are the quickest way to so many entries. What the files have is in the memory
/// of the system, as after a restart of the program alone.
pub(crate) fn milliseconds(effort: Effort) -> Result<f64, Box<dyn Error>> {
    let (groups, members, messages) = effort.pick((200, 500, 100), (10, 20, 20));
    let (directory, runtime) = (tempfile::tempdir()?, Runtime::new()?);
    runtime.block_on(async {
        let timeline = open(directory.path()).await?;
        fill(&timeline, groups, members, messages).await?;
        ended(&timeline).await?;
        drop(timeline);
        let start = Instant::now();
        let timeline = open(directory.path()).await?;
        let took = start.elapsed();
        ended(&timeline).await?;
        Ok(took.as_secs_f64() * 1_000.0)
    })
}

/// Sends so many messages to each of so many groups, which have no member in common.
async fn fill(timeline: &Timeline, groups: u64, members: u64, messages: u64) -> Result<(), Box<dyn Error>> {
    let (tasks, end) = (TaskTracker::new(), Instant::now() + FILL_MAX);
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let timeline = timeline.clone();
            tasks.spawn(async move {
                let own: Vec<NewGroupMessage> = (0..groups)
                    .filter(|group| group % CALLERS == caller)
                    .map(|group| to_group(group, members))
                    .collect::<timeline::Result<_>>()?;
                // Group after group and then again from the first: the entries of an inbox lie far
                // from each other in what is written, as they do where people write to each other.
                for _ in 0..messages {
                    for send in &own {
                        if Instant::now() >= end {
                            let text = format!("the store was not filled within {} s", FILL_MAX.as_secs());
                            return Err(text.into());
                        }
                        timeline.send_group(send.clone()).await?;
                    }
                }
                Ok::<_, Box<dyn Error + Send + Sync>>(())
            })
        })
        .collect();
    for caller in callers {
        caller.await?.map_err(|error| -> Box<dyn Error> { error })?;
    }
    Ok(())
}

fn to_group(group: u64, members: u64) -> timeline::Result<NewGroupMessage> {
    let first = group * members;
    let ids: Vec<MemberId> = (first..first + members)
        .map(|id| MemberId::new(format!("member-{id:06}")))
        .collect::<Result<_, _>>()?;
    let (name, text) =
        (GroupName::new(format!("group-{group}"))?, Message::new(r#"{"text":"see you at eight"}"#)?);
    let from = ids.first().cloned();
    Ok(NewGroupMessage::new(name, ids, text).from(from))
}
