//! The task that keeps the keys of held ids alive.

use std::sync::Arc;
use std::time::Duration;

use presence_core::{BatchError, Failure, Id};
use tokio::time::{Instant, sleep_until};
use tracing::{debug, warn};

use super::shared::Shared;

/// What the task is called in a state.
pub(super) const PART: &str = "the task that renews the keys of held devices";

/// Refreshes at every third of the TTL, and when a key is gone, until the backend stops.
pub(super) async fn run(shared: Arc<Shared>) {
    let stop = shared.feed.stop.clone();
    stop.run_until_cancelled(keep_forever(&shared)).await;
}

async fn keep_forever(shared: &Shared) {
    let interval = shared.config.ttl / 3;
    let mut next = Instant::now() + interval;
    loop {
        tokio::select! {
            () = sleep_until(next) => {}
            () = shared.feed.held.missing() => {}
        }
        next = Instant::now() + interval;
        for ids in shared.feed.held.ids().chunks(TOGETHER) {
            if let Err(error) = keep(shared, ids).await {
                if let Some(failure) = error.iter().next() {
                    shared.feed.health.wrote(Err(failure.error()));
                }
                debug!(%error, "the keys of held devices could not be renewed; trying again soon");
                // It tries again sooner than usual, as the keys expire otherwise.
                next = Instant::now() + interval.min(shared.store.link.retry_max()).max(WAIT_MIN);
                break;
            }
        }
    }
}

async fn keep(shared: &Shared, ids: &[Id]) -> Result<(), BatchError> {
    let mut failures = Vec::new();
    let absent = shared.store.refresh(ids, &mut failures).await;
    if !absent.is_empty() {
        create(shared, ids, &absent, &mut failures).await;
    }
    if failures.is_empty() { Ok(()) } else { Err(BatchError::new((), failures)) }
}

/// Makes the keys that are absent: they expired while Redis was away, or it lost them, or somebody
/// said that their ids are offline.
async fn create(shared: &Shared, ids: &[Id], absent: &[usize], failures: &mut Vec<Failure>) {
    // If somebody said that an id is offline, the notification of that is on its way and ends the
    // devices, so it is heard first. Without notifications nobody can know.
    let not_listening = shared.hear().await.err();
    let _keeping = shared.keeping.write().await;
    let held: Vec<usize> =
        absent.iter().copied().filter(|index| shared.feed.held.has(&ids[*index])).collect();
    shared.store.create(ids, &held, failures).await;
    if let Some(error) = not_listening {
        warn!(
            error = %format_args!("{error:#}"),
            "keys of held devices were written again without redis's notifications; a device that was ended \
             elsewhere may be shown as online"
        );
    }
}

/// How many ids are refreshed in one transaction.
const TOGETHER: usize = 1_000;

const WAIT_MIN: Duration = Duration::from_millis(20);
