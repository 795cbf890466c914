//! The task that tries whether Redis takes writes.
//!
//! It also looks whether Redis may remove what was written. It asks for a key with a TTL of 0
//! seconds. Redis looks first whether it takes a write at all, from this user, now, and with the
//! memory that it has, and then refuses the TTL: nothing is written, and nobody is notified.

use std::sync::Arc;
use std::time::Duration;

use presence_core::Error;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{info, warn};

use super::shared::Shared;
use super::store::ANY;
use crate::connection::answer_code;
use crate::policy::{self, EvictableKeys};

/// What the task is called in a state.
pub(super) const PART: &str = "the task that tries whether redis takes writes";

/// Tries at every [`INTERVAL`] or third of the TTL, until the backend stops.
pub(super) async fn run(shared: Arc<Shared>) {
    let stop = shared.feed.stop.clone();
    stop.run_until_cancelled(try_forever(&shared)).await;
}

async fn try_forever(shared: &Shared) {
    // The trial comes several times within a TTL, so that trouble is known before the first key
    // expires.
    let mut ticks = interval(INTERVAL.min(shared.config.ttl / 3));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut looked, mut warned) = (None::<Instant>, false);
    loop {
        ticks.tick().await;
        shared.feed.health.wrote(attempt(shared).await.as_ref().copied());
        if looked.is_none_or(|looked| looked.elapsed() >= LOOK) {
            looked = Some(Instant::now());
            advise(shared, &mut warned).await;
        }
    }
}

/// Says once what about the server will do harm, and once that it is over.
async fn advise(shared: &Shared, warned: &mut bool) {
    // If the user of the address may not ask, there is no warning.
    let Ok(warnings) = Box::pin(policy::warnings(&shared.store.link, EvictableKeys::All)).await else {
        return;
    };
    if warnings.is_empty() != *warned {
        return;
    }
    *warned = !warnings.is_empty();
    if !*warned {
        info!(
            server = %shared.store.link.address(),
            "redis no longer removes keys of presence when its memory is full"
        );
    }
    for warning in warnings {
        warn!("{warning}");
    }
}

async fn attempt(shared: &Shared) -> Result<(), Error> {
    let key = shared.store.wire.keys.nobody();
    let mut command = redis::cmd("SETEX");
    command.arg(&key).arg(0).arg("");
    match Box::pin(shared.store.link.query(ANY, &command)).await {
        Err(error) if answer_code(&error) == Some("ERR") => Ok(()),
        answer => answer.map(drop),
    }
}

const INTERVAL: Duration = Duration::from_secs(1);

/// How often the server is asked what it does when its memory is full.
const LOOK: Duration = Duration::from_secs(2);
