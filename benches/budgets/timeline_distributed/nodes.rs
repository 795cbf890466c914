//! Several nodes that send to one group.

use std::error::Error;
use std::io::{Write, stderr};

use benches::budget::Effort;
use timeline::Timeline;
use tokio::runtime::Runtime;

use crate::counts::Counts;
use crate::scene::{Caller, send_until, warmed};
use crate::world::{Mode, World, ended};

/// As many as are compared with one.
pub(crate) const NODES: usize = 4;

const MEMBERS: u64 = 500;

/// As many callers in all, each at one of the nodes.
const CALLERS: u64 = 8;

/// Returns mongod's processor time for a send to one group from so many nodes, in microseconds,
/// with as many callers in all.
///
/// Each number of nodes has servers of its own, as what was written before makes later writes
/// dearer.
pub(crate) fn mongod_us(nodes: usize, effort: Effort) -> Result<f64, Box<dyn Error>> {
    // Of each caller.
    let sends = effort.pick(25, 2);
    Runtime::new()?.block_on(async {
        let world = World::start().await?;
        let mut started = Vec::new();
        while started.len() < nodes {
            started.push(world.node(Mode::RedisAndMongo).await?);
        }
        let used = mongod_ns(&world, &started, sends).await?;
        for node in &started {
            ended(node).await?;
        }
        Ok(used / 1e3)
    })
}

/// Returns the processor time of mongod for a send, in nanoseconds.
async fn mongod_ns(world: &World, nodes: &[Timeline], sends: u64) -> Result<f64, Box<dyn Error>> {
    let callers = (0..CALLERS)
        .zip(nodes.iter().cycle())
        .map(|(number, node)| Caller::to_group(node, number, "hall", MEMBERS))
        .collect::<Result<_, _>>()?;
    let (callers, before) = (warmed(callers).await?, world.mongod_ns()?);
    let counts = Counts::of(world).await?;
    let sent = send_until(callers, move |sent| sent >= sends).await?;
    let used = (world.mongod_ns()? - before) / sent as f64;
    writeln!(
        stderr(),
        "{} nodes, {sent} sends of {:.0} µs: {:?}",
        nodes.len(),
        used / 1e3,
        Counts::of(world).await?.since(counts)
    )?;
    Ok(used)
}
