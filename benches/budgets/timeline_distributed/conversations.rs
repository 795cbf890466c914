//! How long a member waits for their list of conversations.

use std::error::Error;
use std::time::{Duration, Instant};

use benches::budget::Effort;
use timeline::{Count, MemberId, Timeline};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::scene::{CALLERS, Caller, send_until};
use crate::world::{Mode, World, ended};

/// Others who are at work meanwhile, as on a server.
const OTHERS: u64 = 8;

/// Returns the 99th percentile of reading all conversations of a member who has 1,000, in
/// milliseconds, while others send.
pub(crate) fn percentile(effort: Effort) -> Result<f64, Box<dyn Error>> {
    let (conversations, lists) = effort.pick((1_000, 500), (64, 5));
    Runtime::new()?.block_on(async {
        let world = World::start().await?;
        let node = world.node(Mode::RedisAndMongo).await?;
        fill(&node, conversations).await?;
        let others = (0..OTHERS).map(|number| Caller::of_pair(&node, number)).collect::<Result<_, _>>()?;
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let stopped = stop.clone();
        let others = tasks.spawn(async move {
            let sent = send_until(others, move |_sent| stopped.is_cancelled()).await;
            sent.map_err(|error| error.to_string())
        });
        let (me, mut times) = (MemberId::new("me")?, Vec::with_capacity(lists));
        for _ in 0..lists {
            let start = Instant::now();
            let listed = list(&node, &me).await?;
            times.push(start.elapsed());
            if listed != conversations {
                return Err(format!("the list has {listed} conversations").into());
            }
        }
        stop.cancel();
        others.await??;
        ended(&node).await?;
        times.sort_unstable();
        let at = (times.len() * 99 / 100).min(times.len() - 1);
        Ok(times.get(at).map_or(0.0, Duration::as_secs_f64) * 1_000.0)
    })
}

/// Reads the list to its end, in the largest pages there are, and returns how long it is.
async fn list(node: &Timeline, me: &MemberId) -> timeline::Result<u64> {
    let (mut listed, mut after) = (0, None);
    loop {
        let page = node.conversations(me, after.as_ref(), Count::new(usize::MAX)).await?;
        listed += page.conversations.len() as u64;
        match page.conversations.last().filter(|_| page.more) {
            Some(last) => after = Some(last.mark()),
            None => return Ok(listed),
        }
    }
}

/// Has so many others write to the member, three messages each, some of them at a time.
async fn fill(node: &Timeline, conversations: u64) -> Result<(), Box<dyn Error>> {
    for first in (0..conversations).step_by(usize::try_from(CALLERS)?) {
        let callers = (first..conversations.min(first + CALLERS))
            .map(|number| Caller::to_member(node, &format!("other-{number:04}"), "me"))
            .collect::<Result<_, _>>()?;
        send_until(callers, |sent| sent >= 3).await?;
    }
    Ok(())
}
