//! Several nodes that send to one group.

use std::error::Error;
use std::io::{Write, stderr};

use benches::budget::Effort;
use timeline::Timeline;
use tokio::runtime::Runtime;

use crate::counts::Counts;
use crate::scene::{Caller, send_until, warmed};
use crate::world::{Mode, World, ended};

const NODES: usize = 4;
const MEMBERS: u64 = 500;

/// As many callers in all, each at one of the nodes.
const CALLERS: u64 = 8;

/// Returns mongod's processor time for a send to one group from several nodes, divided by that from
/// one node, with as many callers in all.
pub(crate) fn ratio(effort: Effort) -> Result<f64, Box<dyn Error>> {
    // Of each caller.
    let sends = effort.pick(25, 2);
    Runtime::new()?.block_on(async {
        let world = World::start().await?;
        let mut nodes = vec![world.node(Mode::RedisAndMongo).await?];
        let one = mongod_ns(&world, &nodes, "of-one", sends).await?;
        while nodes.len() < NODES {
            nodes.push(world.node(Mode::RedisAndMongo).await?);
        }
        let several = mongod_ns(&world, &nodes, "of-several", sends).await?;
        for node in &nodes {
            ended(node).await?;
        }
        writeln!(
            stderr(),
            "a send to one group of {MEMBERS}: mongod has {:.0} µs from one node, {:.0} µs from {NODES}",
            one / 1e3,
            several / 1e3
        )?;
        Ok(several / one)
    })
}

/// Returns the processor time of mongod for a send, in nanoseconds.
async fn mongod_ns(
    world: &World,
    nodes: &[Timeline],
    group: &str,
    sends: u64,
) -> Result<f64, Box<dyn Error>> {
    let callers = (0..CALLERS)
        .zip(nodes.iter().cycle())
        .map(|(number, node)| Caller::to_group(node, number, group, MEMBERS))
        .collect::<Result<_, _>>()?;
    let (callers, before) = (warmed(callers).await?, world.mongod_ns()?);
    let counts = Counts::of(world).await?;
    let sent = send_until(callers, move |sent| sent >= sends).await?;
    writeln!(stderr(), "{sent} sends: {:?}", Counts::of(world).await?.since(counts))?;
    Ok((world.mongod_ns()? - before) / sent as f64)
}
