//! The task that writes the bits of all beings of this process.
//!
//! ```text
//!  slot ├──────┬─────────────────────────────┤ next slot
//!         offset: one update with the bits of all who live
//!              ▲ a start or a kill: an update at once, with what the slot lacks
//! ```
//!
//! What failed is tried again in the same slot, after waits that grow. In the next slot only that
//! one's bits are of use.

use std::sync::Arc;

use tokio::time::{Instant, sleep, sleep_until};

use crate::error::{Error, ErrorKind};
use crate::local_beings::{Due, Flush};
use crate::shared::Shared;
use crate::slots::TimeSlot;
use crate::space::Space;

/// Writes until the base is closed and nobody waits any more.
pub(crate) async fn run(shared: Arc<Shared>, space: Arc<Space>) {
    let period = shared.clock.period();
    // The processes of an application do not all write at the same time.
    let offset = (period.length() / 4).mul_f64(fastrand::f64());
    let mut backoff = shared.backoff();
    loop {
        let slot = match shared.clock.slot() {
            Ok(slot) => slot,
            Err(error) => {
                space.beings.failed(Instant::now(), &error);
                if space.beings.is_left() {
                    return;
                }
                sleep(backoff.failed()).await;
                continue;
            }
        };
        let Due { is_urgent, is_complete } = space.beings.due(slot);
        if space.beings.is_left() {
            return;
        }
        let ping_at = shared.clock.instant_in(slot, offset);
        if is_urgent || !is_complete && ping_at <= Instant::now() {
            match flush(&shared, &space, slot).await {
                Ok(()) => backoff.reset(),
                Err(_told) => sleep(backoff.failed()).await,
            }
            continue;
        }
        let wake = if is_complete { shared.clock.instant_in(period.next(slot), offset) } else { ping_at };
        // The server's clock may be set meanwhile, or a primary with another clock be elected, and
        // the next slot begin sooner: watchers trust the first whole slot after that.
        let look = Instant::now() + period.length() / 4;
        tokio::select! {
            () = sleep_until(wake.min(look)) => {}
            () = space.beings.urgent.notified() => {}
        }
    }
}

/// Writes all that a slot lacks.
async fn flush(shared: &Shared, space: &Space, slot: TimeSlot) -> Result<(), Error> {
    let flush = space.beings.flush(slot);
    let begun = Instant::now();
    let written = write(shared, space, &flush).await;
    let took = begun.elapsed();
    shared.metrics.flush.record(took);
    if took > shared.clock.period().length() / 2 {
        // Others may have been as slow: a bit that is missing says nothing.
        shared.clock.disturb();
    }
    match &written {
        Ok(()) => {
            space.beings.written(&flush);
            tracing::debug!(namespace = %space.namespace, %slot, slots = flush.writes.len(), ?took, "pinged");
        }
        Err(error) => {
            shared.metrics.flush_failures.increment(1);
            // What this user may not do keeps nobody else from it.
            if error.kind() != ErrorKind::Refused {
                shared.clock.disturb();
            }
            space.beings.failed(Instant::now(), error);
            tracing::debug!(namespace = %space.namespace, %slot, ?took, "{error:#}");
        }
    }
    space.pingers.set(space.beings.living());
    written
}

async fn write(shared: &Shared, space: &Space, flush: &Flush) -> Result<(), Error> {
    if !flush.beings.is_empty() {
        // Those that are taken by others were so at the start, too, and were numbered again.
        shared.store.insert_beings(&space.namespace, &flush.beings).await?;
    }
    for (slot, bits) in &flush.writes {
        shared.store.write_slot(&space.namespace, *slot, bits).await?;
        shared.metrics.updates.increment(1);
    }
    Ok(())
}
