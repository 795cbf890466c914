//! What a time slot costs in which everybody pings and nothing else happens.

use std::error::Error;
use std::time::Duration;

use benches::budget::Effort;

use crate::world::{Cost, World, all_ping, pingers};

/// How many beings there are, where not said otherwise.
pub(crate) const BEINGS: usize = 100_000;

/// A third of the default: what is measured is three times what users have.
pub(crate) const SLOT: Duration = Duration::from_secs(10);

/// Updates in a time slot, of one process.
pub(crate) fn updates(effort: Effort) -> Result<f64, Box<dyn Error>> {
    let (beings, slot) = (effort.pick(10_000, 200), effort.pick(Duration::from_secs(3), SHORT));
    Ok(cost(beings, slot, effort.pick(3, 1))?.updates)
}

/// Processor time of mongod, in percent of a core.
pub(crate) fn mongod(beings: usize, effort: Effort) -> Result<f64, Box<dyn Error>> {
    Ok(of(beings, effort)?.mongod)
}

/// Processor time of this process, in percent of a core.
pub(crate) fn process(beings: usize, effort: Effort) -> Result<f64, Box<dyn Error>> {
    Ok(of(beings, effort)?.process)
}

fn of(beings: usize, effort: Effort) -> Result<Cost, Box<dyn Error>> {
    cost(effort.pick(beings, beings / 100), effort.pick(SLOT, SHORT), effort.pick(2, 1))
}

fn cost(beings: usize, slot: Duration, slots: u32) -> Result<Cost, Box<dyn Error>> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let world = World::start(slot).await?;
        let base = world.base().await?;
        let pingers = pingers(&base, beings).await?;
        let cost = world.cost(slots).await?;
        all_ping(&pingers)?;
        Ok(cost)
    })
}

const SHORT: Duration = Duration::from_secs(1);
