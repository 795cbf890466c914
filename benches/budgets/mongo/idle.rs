//! What a watcher costs while nobody comes or goes.

use std::error::Error;
use std::time::{Duration, Instant};

use benches::budget::Effort;

use crate::watchers::Watchers;
use crate::world::{World, all_ping, pingers};

/// Processor time of mongod and of the watcher's own process for each watching client, in percent
/// of a core, beside beings that ping.
pub(crate) fn percent(effort: Effort) -> Result<f64, Box<dyn Error>> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let (beings, clients) = effort.pick((10_000, 20), (100, 2));
        let world = World::start(effort.pick(Duration::from_secs(5), Duration::from_secs(1))).await?;
        let base = world.base().await?;
        let pingers = pingers(&base, beings).await?;
        let slots = effort.pick(2, 1);
        let without = world.cost(slots).await?;
        let watchers = Watchers::start(&world, clients, beings / 10)?;
        // What it takes to begin is over when the next slot is.
        world.cost(1).await?;
        let (used, begun) = (watchers.cpu_ns()?, Instant::now());
        let with = world.cost(slots).await?;
        let own = (watchers.cpu_ns()? - used) / begun.elapsed().as_nanos() as f64 * 100.0;
        all_ping(&pingers)?;
        Ok((with.mongod - without.mongod + own) / clients as f64)
    })
}
