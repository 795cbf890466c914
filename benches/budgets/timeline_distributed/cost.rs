//! What a send costs the servers.

use std::error::Error;
use std::time::{Duration, Instant};

use benches::budget::Effort;
use timeline::Timeline;
use tokio::runtime::Runtime;

use crate::scene::{CALLERS, Caller, send_until, warmed};
use crate::world::{Mode, World, ended};

/// Whose processor time counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Process {
    Redis,
    Mongod,
}

/// Whom callers send to.
#[derive(Debug, Clone, Copy)]
pub(crate) enum To {
    /// Each to somebody else: 64 callers.
    Pairs,
    /// Each to a group of its own with so many members: 8 callers.
    Group(u64),
}

/// Returns the processor time of a server for a send, in microseconds.
pub(crate) fn of(process: Process, mode: Mode, to: To, effort: Effort) -> Result<f64, Box<dyn Error>> {
    let time = effort.pick(Duration::from_secs(4), Duration::from_millis(200));
    Runtime::new()?.block_on(async {
        let world = World::start().await?;
        let node = world.node(mode).await?;
        let callers = warmed(callers(&node, to)?).await?;
        let used = || if process == Process::Redis { world.redis_ns() } else { world.mongod_ns() };
        let (before, start) = (used()?, Instant::now());
        let sent = send_until(callers, move |_sent| start.elapsed() >= time).await?;
        let each = (used()? - before) / sent as f64;
        ended(&node).await?;
        Ok(each / 1e3)
    })
}

fn callers(node: &Timeline, to: To) -> timeline::Result<Vec<Caller>> {
    match to {
        To::Pairs => (0..CALLERS).map(|number| Caller::of_pair(node, number)).collect(),
        To::Group(members) => (0..GROUP_CALLERS)
            .map(|number| Caller::to_group(node, number, &format!("group-{number}"), members))
            .collect(),
    }
}

const GROUP_CALLERS: u64 = 8;
