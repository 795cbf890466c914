//! The task that removes what is of no use any more.

use std::sync::Arc;

use tokio::time::sleep;

use crate::clock::Clock;
use crate::error::Error;
use crate::prune::{first_ahead, first_kept, first_read, removable, staying, up_to};
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
        tokio::select! {
            () = shared.closing.cancelled() => return,
            () = sleep(pause) => {}
            () = after_a_step(&shared.clock) => {}
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

/// Waits until the server's clock was set, and for as long as all others need to see that.
async fn after_a_step(clock: &Clock) {
    clock.stepped.notified().await;
    sleep(clock.period().length().mul_f64(2.0 + fastrand::f64())).await;
}

/// Removes old slots, slots that lie ahead, and superseded beings of a namespace.
///
/// Superseded is whoever has no bit in the slots that stay. Where not everybody could write for a
/// while, those who live may have none either: then more slots stay, so that hardly anybody lacks a
/// bit in all of them, and whoever does writes its document again.
///
/// Slots that lie ahead are left over when the server's clock was set back. The bits in them would
/// make the dead alive when their time comes. They go after a whole slot by that clock: until then
/// others may not have seen that it was set, and may read them.
pub(crate) async fn prune(shared: &Shared, scope: &Scope) -> Result<Pruned, Error> {
    let (clock, store, namespace) = (&shared.clock, &shared.store, &scope.namespace);
    let (period, current) = (clock.period(), clock.slot()?);
    let mut first = first_kept(period, current);
    if !clock.has_seen_health(first) || !clock.was_healthy(period.before(current)) {
        first = first_read(period, current);
    }
    let mut slots = store.remove_slots_before(namespace, first).await?;
    if clock.is_the_only_one() && clock.has_seen_health(period.before(current)) {
        let ahead = first_ahead(period, current);
        slots += store.remove_slots_ahead(namespace, ahead, period.length()).await?;
    }
    let kept = store.read_slots(namespace, &staying(period, first, current)).await?;
    let kept: Vec<_> = kept.into_iter().map(|read| (read.slot, read.bits)).collect();
    let mut pruned = Pruned { slots, beings: 0 };
    if let Some(up_to) = up_to(period, first, &kept) {
        let superseded = store.superseded(namespace, up_to).await?;
        // What was read says nothing of who pings by now, when that is longer ago.
        let is_fresh = || clock.slot().is_ok_and(|now| now <= period.next(current));
        pruned.beings = store.remove_beings(namespace, &removable(&superseded, &kept), is_fresh).await?;
    }
    let (slots, beings) = store.counts().await?;
    shared.metrics.slots.set(slots as f64);
    shared.metrics.beings.set(beings as f64);
    shared.metrics.pruned.increment(pruned.slots + pruned.beings);
    tracing::debug!(%namespace, slots = pruned.slots, beings = pruned.beings, "pruned");
    Ok(pruned)
}
