//! The task that looks whether what was heard is true.
//!
//! A `FLUSHALL` tells nobody whose keys it deletes. So a few ids of the mirror are looked up at
//! intervals, another few each time: if one has no key although nothing more is to be heard of it,
//! all keys are read once more. And those who were not found are let go when no heartbeat from
//! before can keep them online any longer.

use std::sync::Arc;
use std::time::Duration;

use presence_core::{Error, Id};
use tokio::time::{MissedTickBehavior, interval};
use tracing::{debug, warn};

use super::feed::MirrorState;
use super::shared::Shared;

/// What the task is called in a state.
pub(super) const PART: &str = "the task that checks whether redis reported everything";

/// Looks at every [`INTERVAL`], until the backend stops.
pub(super) async fn run(shared: Arc<Shared>) {
    let stop = shared.feed.stop.clone();
    stop.run_until_cancelled(audit_forever(&shared)).await;
}

async fn audit_forever(shared: &Shared) {
    let mut ticks = interval(INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut from = 0;
    loop {
        ticks.tick().await;
        if shared.feed.state().health != MirrorState::Live || shared.feed.health.unsure().is_some() {
            // While notifications or writes are missing, the absence of a key says nothing about
            // its id.
            continue;
        }
        shared.feed.settle();
        // A failure needs no report here: readers of events are told by the listener, and this
        // looks again at the next tick.
        let looked = async {
            let_go(shared).await?;
            look(shared, &mut from).await
        };
        if let Err(error) = looked.await {
            debug!(
                error = %format_args!("{error:#}"),
                "cannot check whether redis's notifications are complete; trying again later"
            );
        }
    }
}

/// Lets those in doubt go, if it is time to.
async fn let_go(shared: &Shared) -> Result<(), Error> {
    if !shared.feed.doubts() {
        return Ok(());
    }
    // After this the mirror has everybody who has come back by now.
    shared.hear().await?;
    let mut after = None;
    loop {
        after = shared.feed.let_go(after.as_ref());
        if after.is_none() {
            return Ok(());
        }
        tokio::task::yield_now().await;
    }
}

/// Looks a few ids up, the next ones each time.
async fn look(shared: &Shared, from: &mut u64) -> Result<(), Error> {
    let sample = shared.feed.state().mirror.sample(*from, SAMPLE);
    *from = sample.last().map_or(0, |hashed| hashed.hash.wrapping_add(1));
    let mut ids: Vec<Id> = sample.into_iter().map(|hashed| hashed.id).collect();
    let mut doubts = 0;
    while !ids.is_empty() && shared.store.count(&ids).await? < ids.len() {
        // The notification of a key that is gone may still be on its way.
        shared.hear().await?;
        let looked_up = ids.len();
        ids.retain(|id| shared.feed.state().mirror.has(id));
        // A key may also have gone and come back in between. That does not happen each time, so it
        // looks several times.
        doubts = if ids.len() == looked_up { doubts + 1 } else { 0 };
        if doubts == DOUBTS {
            warn!(
                server = %shared.store.link.address(),
                "redis did not report that some keys are gone; reading all keys again"
            );
            shared.reread.notify_one();
            break;
        }
    }
    Ok(())
}

const INTERVAL: Duration = Duration::from_secs(1);

/// How many ids are looked up at once: after a flush the first of them tells.
const SAMPLE: usize = 16;

/// How often a key must be found missing that nobody told of.
const DOUBTS: u32 = 2;
