//! How long a watcher takes to know who is alive.

use std::error::Error;
use std::time::Instant;

use benches::budget::Effort;
use presence_mongo::Watcher;

use crate::pinging::SLOT;
use crate::world::{World, key, pingers};

/// What a sync begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// Nothing: it looks up the key of each being.
    Nothing,
    /// All beings.
    All,
}

/// How long a sync takes, in seconds, of a watcher that shares nothing with the pingers.
pub(crate) fn seconds(known: Known, beings: usize, effort: Effort) -> Result<f64, Box<dyn Error>> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let beings = effort.pick(beings, beings / 100);
        let world = World::start(SLOT).await?;
        let (here, there) = (world.base().await?, world.base().await?);
        let pingers = pingers(&here, beings).await?;
        let mut begun = Instant::now();
        let watcher = Watcher::new(&there)?;
        watcher.sync().await?;
        let mut syncs = 1;
        if known == Known::All {
            // The change stream, once it is open, asks for one more.
            watcher.sync().await?;
            begun = Instant::now();
            syncs = effort.pick(10, 2);
            for _ in 0..syncs {
                watcher.sync().await?;
            }
        }
        let took = begun.elapsed().as_secs_f64() / f64::from(syncs);
        let keys: Vec<String> = (0..beings).map(key).collect();
        let alive = watcher.alive_many(keys).await?.into_iter().filter(|alive| *alive).count();
        drop(pingers);
        if alive == beings { Ok(took) } else { Err(format!("{alive} are alive of {beings}").into()) }
    })
}
