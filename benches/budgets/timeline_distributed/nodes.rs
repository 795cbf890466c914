//! Several nodes that send to one group.

use std::error::Error;
use std::io::{Write, stderr};
use std::time::{Duration, Instant};

use benches::budget::Effort;
use timeline::Timeline;
use tokio::runtime::Runtime;

use crate::scene::{CALLERS, Caller, send_until, warmed};
use crate::world::{Mode, World, ended};

const NODES: usize = 4;
const MEMBERS: u64 = 10;

/// Returns the time that several nodes need for sends to one group, divided by that of one node for
/// as many, with as many callers in all.
pub(crate) fn ratio(effort: Effort) -> Result<f64, Box<dyn Error>> {
    // Of each caller.
    let sends = effort.pick(100, 2);
    Runtime::new()?.block_on(async {
        let world = World::start().await?;
        let mut nodes = vec![world.node(Mode::RedisAndMongo).await?];
        let one = time(&nodes, "of-one", sends).await?;
        while nodes.len() < NODES {
            nodes.push(world.node(Mode::RedisAndMongo).await?);
        }
        let several = time(&nodes, "of-several", sends).await?;
        for node in &nodes {
            ended(node).await?;
        }
        writeln!(
            stderr(),
            "{} sends to one group: one node {one:?}, {NODES} nodes {several:?}",
            sends * CALLERS
        )?;
        Ok(several.as_secs_f64() / one.as_secs_f64())
    })
}

/// Returns how long the nodes need for so many sends of each caller.
async fn time(nodes: &[Timeline], group: &str, sends: u64) -> Result<Duration, Box<dyn Error>> {
    let callers = (0..CALLERS)
        .zip(nodes.iter().cycle())
        .map(|(number, node)| Caller::to_group(node, number, group, MEMBERS))
        .collect::<Result<_, _>>()?;
    let callers = warmed(callers).await?;
    let start = Instant::now();
    send_until(callers, move |sent| sent >= sends).await?;
    Ok(start.elapsed())
}
