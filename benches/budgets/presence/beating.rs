//! What Redis has to do while everybody is online and beats.

use std::error::Error;
use std::time::{Duration, Instant};

use benches::budget::Effort;

use crate::store::{BATCH, DAY, Layout, Store, ids};

/// How much of a core Redis uses while a million ids of one process beat every ten seconds.
pub(crate) fn redis_percent(effort: Effort) -> Result<f64, Box<dyn Error>> {
    tokio::runtime::Runtime::new()?.block_on(async {
        let ids = ids(effort.pick(1_000_000, 10_000));
        let store = Store::start(Layout::Leases, DAY).await?;
        crate::local::come(&store, &ids).await?;
        let window = effort.pick(Duration::from_secs(10), Duration::from_secs(1));
        let (before, begun) = (store.redis_cpu_ns()?, Instant::now());
        let batches = ids.chunks(BATCH);
        let pause = window / u32::try_from(batches.len())?;
        for (number, batch) in batches.enumerate() {
            store.presence.online(batch).await?;
            tokio::time::sleep_until((begun + pause * u32::try_from(number + 1)?).into()).await;
        }
        let used = store.redis_cpu_ns()? - before;
        Ok(used / begun.elapsed().as_nanos() as f64 * 100.0)
    })
}
