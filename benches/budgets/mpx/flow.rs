//! Messages at full speed, and what it costs this process to receive them.

use std::error::Error;
use std::thread::sleep;
use std::time::Duration;

use benches::budget::Effort;
use benches::flood::Flood;
use benches::process;
use test_support::Redis;
use tokio::runtime::{Builder, Runtime};

/// A Redis with messages for whoever subscribes.
///
/// A round of them is published while nobody reads: the one thread of the runtime does it. Then the
/// runtime runs until all have been received, and nothing else is counted. So reads find as much as
/// they have room for, on all sides alike, and neither the publisher's time nor Redis's is in the
/// figure.
pub(crate) struct Flow {
    pub(crate) redis: Redis,
    runtime: Runtime,
    flood: Flood,
    payload_bytes: usize,
}

impl Flow {
    pub(crate) fn start(channels: usize, payload_bytes: usize) -> Result<Self, Box<dyn Error>> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let redis = runtime.block_on(Redis::private())?;
        let flood = Flood::start(&redis, channels, payload_bytes)?;
        Ok(Self { redis, runtime, flood, payload_bytes })
    }

    /// Does what comes before the messages.
    pub(crate) fn prepare<T>(
        &self,
        prepared: impl AsyncFnOnce(&Redis) -> Result<T, Box<dyn Error>>,
    ) -> Result<T, Box<dyn Error>> {
        self.runtime.block_on(prepared(&self.redis))
    }

    /// Returns the processor time of one message, in nanoseconds: `receive` is to return when it
    /// has had as many as it is told.
    pub(crate) fn per_message(
        mut self,
        effort: Effort,
        mut receive: impl AsyncFnMut(usize) -> Result<(), Box<dyn Error>>,
    ) -> Result<f64, Box<dyn Error>> {
        let round = effort.pick(ROUND_BYTES, ROUND_BYTES / 20) / (self.payload_bytes + FRAME_BYTES);
        let rounds = effort.pick(30, 2);
        let mut spent = 0.0;
        // The first one warms up.
        for number in 0..=rounds {
            self.flood.publish(round)?;
            let before = used()?;
            self.runtime.block_on(async {
                // A message that is lost is waited for in vain.
                tokio::time::timeout(PATIENCE, receive(round)).await.map_err(|_| "messages are missing")?
            })?;
            if number > 0 {
                spent += used()? - before;
            }
        }
        Ok(spent / (round * rounds) as f64)
    }
}

/// The processor time that this process has used.
fn used() -> Result<f64, Box<dyn Error>> {
    // The kernel adds it up when a thread pauses.
    sleep(Duration::from_millis(1));
    process::cpu_ns("self")
}

/// About what is published before it is read: more than the socket's buffers hold.
const ROUND_BYTES: usize = 10_000_000;
/// About what comes with each payload.
const FRAME_BYTES: usize = 48;
const PATIENCE: Duration = Duration::from_secs(60);
