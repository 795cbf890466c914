//! The task that looks whether what was heard is true.
//!
//! A `FLUSHALL` tells nobody whose keys it deletes. So a few ids of the mirror are looked up at intervals, another few each
//! time: if one has no key although nothing more is to be heard of it, all keys are read once more. And those who
//! were not found are let go when no heartbeat from before can keep them online any longer.

use std::sync::Arc;
use std::time::Duration;

use presence_core::{Error, Id, Status};
use tokio::time::{MissedTickBehavior, interval};
use tracing::warn;

use super::core::Core;
use super::feed::Health;

/// Looks at every [`INTERVAL`], until the backend stops.
pub(super) async fn run(core: Arc<Core>) {
    let stop = core.feed.stop.clone();
    stop.run_until_cancelled(audit_forever(&core)).await;
}

async fn audit_forever(core: &Core) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut from = 0;
    loop {
        ticks.tick().await;
        if core.feed.state().health != Health::Live {
            continue;
        }
        // A failure is told to whoever reads events; here there is a next time.
        let looked = async {
            let_go(core).await?;
            look(core, &mut from).await
        };
        if let Err(error) = looked.await {
            warn!(error = &error as &dyn std::error::Error, "cannot look whether notifications are complete");
        }
    }
}

/// Lets those in doubt go, if it is time to.
async fn let_go(core: &Core) -> Result<(), Error> {
    if !core.feed.doubts() {
        return Ok(());
    }
    // Who came back by now has done so in the mirror, too.
    core.hear().await?;
    let mut after = None;
    loop {
        after = core.feed.let_go(after.as_ref());
        if after.is_none() {
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
}

/// Looks a few ids up, the next ones each time.
async fn look(core: &Core, from: &mut u64) -> Result<(), Error> {
    let sample = core.feed.state().mirror.sample(*from, SAMPLE);
    *from = sample.last().map_or(0, |place| place.hash.wrapping_add(1));
    let ids: Vec<Id> = sample.into_iter().map(|place| place.id).collect();
    let missing = missing(core, ids).await?;
    if missing.is_empty() {
        return Ok(());
    }
    // Their notifications may be on the way; and whoever is back since is none of ours to judge.
    core.hear().await?;
    let missing: Vec<Id> = missing.into_iter().filter(|id| core.feed.state().mirror.has(id)).collect();
    if !self::missing(core, missing).await?.is_empty() {
        warn!("keys of redis are gone that nobody told of: reading them all");
        core.reread.notify_one();
    }
    Ok(())
}

async fn missing(core: &Core, mut ids: Vec<Id>) -> Result<Vec<Id>, Error> {
    let statuses = core.store.status(&ids).await?;
    let mut statuses = statuses.into_iter();
    ids.retain(|_| statuses.next() == Some(Status::Offline));
    Ok(ids)
}

const INTERVAL: Duration = Duration::from_secs(1);

/// How many ids are looked up at once: after a flush the first of them tells.
const SAMPLE: usize = 16;
