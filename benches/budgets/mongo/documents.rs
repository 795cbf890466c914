//! What stays in the database of pingers that are restarted again and again.

use std::error::Error;
use std::time::Duration;

use benches::budget::Effort;
use futures_util::future::try_join_all;
use presence_mongo::{Base, Pinger};
use tokio::time::sleep;

use crate::world::{World, config, pingers};

/// How many documents there are after 1,000 restarts of 100 pingers, when old slots are old enough
/// to be pruned. The original had one for each restart and for each slot.
pub(crate) fn count(effort: Effort) -> Result<f64, Box<dyn Error>> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let (count, restarts) = effort.pick((100, 1_000), (10, 5));
        let world = World::start(SLOT).await?;
        let base = Base::start(config(world.mongo.url(), SLOT).prune_interval(SLOT)).await?;
        let mut pingers = pingers(&base, count).await?;
        for _ in 0..restarts {
            pingers.iter_mut().for_each(Pinger::stop);
            try_join_all(pingers.iter_mut().map(Pinger::start)).await?;
        }
        // Slots count for a while, and beings as long as they have a bit in one that stays.
        sleep(SLOT * effort.pick(10, 1)).await;
        base.prune().await?;
        let mut documents = 0.0;
        for part in ["seqs", "beings", "pings"] {
            documents += world.documents(part).await?;
        }
        Ok(documents)
    })
}

const SLOT: Duration = Duration::from_secs(1);
