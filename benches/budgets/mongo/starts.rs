//! How long it takes until all who start at once are acknowledged.

use std::error::Error;
use std::time::Instant;

use benches::budget::Effort;

use crate::pinging::SLOT;
use crate::world::{World, pingers};

/// How long so many starts take, in seconds.
pub(crate) fn seconds(count: usize, effort: Effort) -> Result<f64, Box<dyn Error>> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let world = World::start(SLOT).await?;
        let base = world.base().await?;
        let begun = Instant::now();
        let pingers = pingers(&base, effort.pick(count, count / 100)).await?;
        let took = begun.elapsed().as_secs_f64();
        drop(pingers);
        Ok(took)
    })
}
