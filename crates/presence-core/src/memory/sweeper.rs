//! The task that ends what is over.

use std::sync::Arc;

use super::clock::{Millis, millis};
use super::config::Config;
use super::core::Core;

/// Looks at the deadlines that come up, at every [`Config::LATENESS`], until the backend stops.
///
/// It rests while there are none, as when all devices are held.
pub(super) async fn run(core: Arc<Core>) {
    core.stop.run_until_cancelled(sweep_forever(&core)).await;
}

async fn sweep_forever(core: &Core) {
    loop {
        core.rest().await;
        tokio::time::sleep_until(core.clock.instant(next_sweep(core.clock.now()))).await;
        sweep(core).await;
    }
}

async fn sweep(core: &Core) {
    let mut gone = Vec::new();
    for shard in core.shards() {
        loop {
            let done = {
                let mut shard = shard.lock();
                let done = shard.expire(core.clock.now(), LOOKS_MAX, &mut gone);
                for (id, cause) in &gone {
                    core.record(id, *cause);
                }
                done
            };
            if !gone.is_empty() {
                gone.clear();
                core.announce();
            }
            if done {
                break;
            }
            // Many deadlines at once: others may use the shard and this thread in between.
            tokio::task::yield_now().await;
        }
    }
}

/// Sweeps fall on multiples of the interval, where deadlines are planned.
fn next_sweep(now: Millis) -> Millis {
    let interval = millis(Config::LATENESS);
    (now / interval + 1) * interval
}

/// How many entries are handled before the shard is unlocked, which takes some 50 µs.
const LOOKS_MAX: usize = 512;
