//! The task that removes what is of no use any more.

use std::sync::Arc;

use tokio::time::sleep;

use crate::error::Error;
use crate::prune::{first_kept, first_read, removable, up_to};
use crate::scope::Scope;
use crate::shared::Shared;

/// How many documents were removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pruned {
    /// Time slots.
    pub slots: u64,
    /// Beings.
    pub beings: u64,
}

/// Prunes again and again, until the base closes.
pub(crate) async fn run(shared: Arc<Shared>) {
    let Some(interval) = shared.prune_interval else { return shared.closing.cancelled().await };
    loop {
        let pause = interval.mul_f64(1.0 + fastrand::f64() / 4.0);
        if shared.closing.run_until_cancelled(sleep(pause)).await.is_none() {
            return;
        }
        for scope in shared.scopes() {
            match shared.closing.run_until_cancelled(prune(&shared, &scope)).await {
                // A shutdown does not wait for it.
                None => return,
                // The next time comes.
                Some(Err(error)) => tracing::warn!(namespace = %scope.namespace, "{error:#}"),
                Some(Ok(_pruned)) => {}
            }
        }
    }
}

/// Removes old slots and superseded beings of a namespace.
///
/// What counts as old goes by slots that were healthy: where nobody could write for a while, those
/// who live have no bit either.
pub(crate) async fn prune(shared: &Shared, scope: &Scope) -> Result<Pruned, Error> {
    let (clock, store, namespace) = (&shared.clock, &shared.store, &scope.namespace);
    let (period, current) = (clock.period(), clock.slot()?);
    let first = first_kept(period, current);
    let is_healthy = clock.has_seen_health(first) && clock.was_healthy(period.before(current));
    // What is older is of no use to anybody, also where the database fails again and again.
    let until = if is_healthy { first } else { first_read(period, current) };
    let slots = store.remove_slots_before(namespace, until).await?;
    let mut pruned = Pruned { slots, ..Pruned::default() };
    if is_healthy {
        let slots: Vec<_> = (-3..=1).map(|by| period.later(current, by)).collect();
        let kept = store.read_slots(namespace, &slots).await?;
        let kept: Vec<_> = kept.into_iter().map(|read| (read.slot, read.bits)).collect();
        if let Some(up_to) = up_to(period, current, &kept) {
            let superseded = store.superseded(namespace, up_to).await?;
            // What was read says nothing of who pings by now, when that is longer ago.
            let is_fresh = || clock.slot().is_ok_and(|now| now <= period.next(current));
            pruned.beings = store.remove_beings(namespace, &removable(&superseded, &kept), is_fresh).await?;
        }
    }
    let (slots, beings) = store.counts().await?;
    shared.metrics.slots.set(slots as f64);
    shared.metrics.beings.set(beings as f64);
    shared.metrics.pruned.increment(pruned.slots + pruned.beings);
    tracing::debug!(%namespace, slots = pruned.slots, beings = pruned.beings, "pruned");
    Ok(pruned)
}
