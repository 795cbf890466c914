//! The task that tries whether Redis takes writes.
//!
//! It asks for a key with a life of 0 seconds. Redis looks first whether it takes a write at all, from this user, now, and with the
//! memory that it has, and then refuses the life: nothing is written, and nobody is notified.

use std::sync::Arc;
use std::time::Duration;

use presence_core::Error;
use tokio::time::{MissedTickBehavior, interval};

use super::core::Core;
use crate::connection::unavailable;

/// Tries at every [`INTERVAL`] or third of the TTL, until the backend stops.
pub(super) async fn run(core: Arc<Core>) {
    let stop = core.feed.stop.clone();
    stop.run_until_cancelled(try_forever(&core)).await;
}

async fn try_forever(core: &Core) {
    // Well before a key that nobody could renew is gone.
    let mut ticks = interval(INTERVAL.min(core.config.ttl / 3));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        core.feed.health.wrote(attempt(core).await.as_ref().map(|()| ()));
    }
}

async fn attempt(core: &Core) -> Result<(), Error> {
    let key = core.store.wire.keys.nobody();
    let mut command = redis::cmd("SETEX");
    command.arg(&key).arg(0).arg("");
    let tried = tokio::time::timeout(core.store.link.timeout(), core.store.link.try_query(&command));
    match Box::pin(tried).await {
        Ok(Err(error)) if error.code() == Some("ERR") => Ok(()),
        Ok(answer) => answer.map(drop).map_err(unavailable),
        Err(_) => Err(Error::new(presence_core::ErrorKind::Unavailable, "redis did not answer in time")),
    }
}

const INTERVAL: Duration = Duration::from_secs(1);
