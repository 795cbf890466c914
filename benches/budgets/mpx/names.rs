//! How soon many names are active.

use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, Instant};

use benches::budget::Effort;
use benches::flood::channel;
use benches::tally::Tally;
use mpx::{Config, Event, Handler, Multiplexer};
use test_support::{Redis, redis_connection};
use tokio::runtime::Runtime;
use tokio::time::{sleep, timeout};

/// Seconds from the first `add` to the last activation.
pub(crate) fn subscribe(effort: Effort) -> Result<f64, Box<dyn Error>> {
    run(effort, false)
}

/// Seconds from the loss of the connection to the last activation.
pub(crate) fn resubscribe(effort: Effort) -> Result<f64, Box<dyn Error>> {
    run(effort, true)
}

/// Milliseconds from a kill to the last activation, on average, of 10,000 names whose connection is
/// killed every 300 ms.
pub(crate) fn kills(effort: Effort) -> Result<f64, Box<dyn Error>> {
    Runtime::new()?.block_on(async {
        let names: Vec<String> = (0..effort.pick(10_000, 500)).map(channel).collect();
        let kills = effort.pick(20, 3);
        let redis = Redis::private().await?;
        let mut admin = redis_connection(redis.url()).await?;
        let multiplexer = Multiplexer::start(Config::new(redis.url()))?;
        let tally = Arc::<Tally>::default();
        let subscription = multiplexer.channels_to(Activations(Arc::clone(&tally)))?;
        tally.expect(names.len());
        for name in &names {
            subscription.add(name)?;
        }
        timeout(PATIENCE, tally.all()).await?;
        let mut away = Duration::ZERO;
        for _ in 0..kills {
            sleep(EVERY).await;
            tally.expect(names.len());
            let begun = Instant::now();
            redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("pubsub").exec_async(&mut admin).await?;
            timeout(PATIENCE, tally.all()).await?;
            away += begun.elapsed();
        }
        Ok(away.as_secs_f64() * 1e3 / f64::from(kills))
    })
}

/// How long a connection is left alone.
const EVERY: Duration = Duration::from_millis(300);

fn run(effort: Effort, again: bool) -> Result<f64, Box<dyn Error>> {
    Runtime::new()?.block_on(async {
        let names: Vec<String> = (0..effort.pick(100_000, 5_000)).map(channel).collect();
        let redis = Redis::private().await?;
        let mut admin = redis_connection(redis.url()).await?;
        let multiplexer = Multiplexer::start(Config::new(redis.url()))?;
        let tally = Arc::<Tally>::default();
        let subscription = multiplexer.channels_to(Activations(Arc::clone(&tally)))?;
        // There is a connection.
        tally.expect(1);
        subscription.add("first")?;
        timeout(PATIENCE, tally.all()).await?;
        tally.expect(names.len());
        let mut begun = Instant::now();
        for name in &names {
            subscription.add(name)?;
        }
        timeout(PATIENCE, tally.all()).await?;
        if again {
            tally.expect(names.len() + 1);
            begun = Instant::now();
            let killed: usize =
                redis::cmd("CLIENT").arg("KILL").arg("TYPE").arg("pubsub").query_async(&mut admin).await?;
            if killed != 1 {
                return Err(format!("{killed} connections ended").into());
            }
            timeout(PATIENCE, tally.all()).await?;
        }
        Ok(begun.elapsed().as_secs_f64())
    })
}

/// Counts activations.
struct Activations(Arc<Tally>);

impl Handler for Activations {
    fn message(&self, _: &[u8], _: &[u8]) {}

    fn notice(&self, notice: &Event) {
        if matches!(notice, Event::Activated { .. }) {
            self.0.count();
        }
    }
}

const PATIENCE: Duration = Duration::from_secs(60);
