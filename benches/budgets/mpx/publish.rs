//! How fast messages are published through one connection.

use std::error::Error;
use std::time::Instant;

use benches::budget::Effort;
use benches::flood::channel;
use mpx::{Config, Publisher};
use test_support::Redis;
use tokio::runtime::Runtime;

/// Messages a second of one task, which awaits the answers of a thousand messages after it has
/// given them all.
pub(crate) fn rate(effort: Effort) -> Result<f64, Box<dyn Error>> {
    Runtime::new()?.block_on(async {
        let redis = Redis::private().await?;
        let publisher = Publisher::start(Config::new(redis.url()))?;
        let (channel, payload) = (channel(0), [b'x'; 64]);
        // There is a connection.
        publisher.publish(&channel, payload).await?;
        let batches = effort.pick(3_000, 20);
        let mut receipts = Vec::with_capacity(BATCH);
        let begun = Instant::now();
        for _ in 0..batches {
            for _ in 0..BATCH {
                receipts.push(publisher.send(&channel, payload).await?);
            }
            for receipt in receipts.drain(..) {
                receipt.await?;
            }
        }
        Ok((batches * BATCH) as f64 / begun.elapsed().as_secs_f64())
    })
}

/// The same with the multiplexed connection of redis-rs: as many callers wait for one answer each.
pub(crate) fn redis_rs(effort: Effort) -> Result<f64, Box<dyn Error>> {
    use futures_util::future::try_join_all;

    Runtime::new()?.block_on(async {
        let redis = Redis::private().await?;
        let connection = redis::Client::open(redis.url())?.get_multiplexed_async_connection().await?;
        let (channel, payload) = (channel(0), [b'x'; 64]);
        let batches = effort.pick(300, 20);
        let begun = Instant::now();
        for _ in 0..batches {
            let published = (0..BATCH).map(|_| {
                let mut connection = connection.clone();
                let command = redis::cmd("PUBLISH").arg(&channel).arg(&payload).to_owned();
                async move { command.query_async::<u64>(&mut connection).await }
            });
            try_join_all(published).await?;
        }
        Ok((batches * BATCH) as f64 / begun.elapsed().as_secs_f64())
    })
}

const BATCH: usize = 1_000;
