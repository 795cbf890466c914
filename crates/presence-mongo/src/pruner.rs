//! The task that removes what is of no use any more.

mod schedule;

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use self::schedule::Schedule;
use crate::clock::Clock;
use crate::error::Error;
use crate::prune::{first_ahead, first_kept, first_read, removable, staying, up_to};
use crate::shared::Shared;
use crate::slots::{Sequence, SlotBits, TimeSlot};
use crate::space::Space;

/// How many documents were removed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pruned {
    /// Time slots.
    pub slots: u64,
    /// Beings.
    pub beings: u64,
}

/// What one pruning came to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pruning {
    pub(crate) pruned: Pruned,
    /// No slot lies ahead any more that could make the dead alive.
    is_ahead_clear: bool,
}

/// Prunes again and again, until the base closes.
pub(crate) async fn run(shared: Arc<Shared>) {
    let Some(interval) = shared.prune_interval else { return shared.closing.cancelled().await };
    let mut schedule = Schedule::new(interval, shared.clock.period(), Instant::now());
    loop {
        tokio::select! {
            () = shared.closing.cancelled() => return,
            () = sleep_until(schedule.next()) => {
                let Some(is_ahead_clear) = prune_all(&shared).await else { return };
                schedule.pruned(Instant::now(), is_ahead_clear);
            }
            () = shared.clock.stepped.notified() => schedule.stepped(Instant::now()),
        }
    }
}

/// Prunes each namespace, and says whether nothing lies ahead in any; `None` if the base closes.
async fn prune_all(shared: &Shared) -> Option<bool> {
    let mut is_ahead_clear = true;
    for space in shared.spaces() {
        // A shutdown does not wait for it.
        match shared.closing.run_until_cancelled(prune(shared, &space)).await? {
            Ok(pruning) => is_ahead_clear &= pruning.is_ahead_clear,
            Err(error) => {
                // The next time comes.
                tracing::warn!(namespace = %space.namespace, "{error:#}");
                is_ahead_clear = false;
            }
        }
    }
    Some(is_ahead_clear)
}

/// Removes old slots, slots that lie ahead, and superseded beings of a namespace.
///
/// Superseded is whoever has no bit in the slots that stay. Where not everybody could write for a
/// while, those who live may have none either: then more slots stay, so that hardly anybody lacks a
/// bit in all of them, and whoever does writes its document again.
pub(crate) async fn prune(shared: &Shared, space: &Space) -> Result<Pruning, Error> {
    let (clock, store, namespace) = (&shared.clock, &shared.store, &space.namespace);
    let (period, current) = (clock.period(), clock.slot()?);
    let first = first_staying(clock, current);
    let stays = current.begin().saturating_sub(first.begin());
    let old = store.remove_slots_before(namespace, first, stays).await?;
    let ahead = remove_ahead(shared, space, current).await?;
    let mut pruned = Pruned { slots: old + ahead.unwrap_or(0), beings: 0 };
    let kept = read(shared, space, &staying(period, first, current)).await?;
    if let Some(up_to) = up_to(period, first, &kept) {
        let superseded = store.superseded(namespace, up_to).await?;
        pruned.beings = remove_silent(shared, space, &superseded, kept).await?;
    }
    let (slots, beings) = store.counts().await?;
    shared.metrics.slots.set(slots as f64);
    shared.metrics.beings.set(beings as f64);
    shared.metrics.pruned.increment(pruned.slots + pruned.beings);
    tracing::debug!(%namespace, slots = pruned.slots, beings = pruned.beings, "pruned");
    Ok(Pruning { pruned, is_ahead_clear: ahead.is_some() })
}

/// Returns the first slot that stays.
fn first_staying(clock: &Clock, current: TimeSlot) -> TimeSlot {
    let (period, first) = (clock.period(), first_kept(clock.period(), current));
    let is_healthy = clock.has_seen_health(first) && clock.was_healthy(period.before(current));
    if is_healthy { first } else { first_read(period, current) }
}

/// Removes the slots that lie ahead, and says how many they were; `None` says that it is too early.
///
/// They are left over when the server's clock was set back. The bits in them would make the dead
/// alive when their time comes. They go after a whole slot by that clock: until then others may not
/// have seen that it was set, and may read them.
async fn remove_ahead(shared: &Shared, space: &Space, current: TimeSlot) -> Result<Option<u64>, Error> {
    let (clock, period) = (&shared.clock, shared.clock.period());
    if !clock.is_the_only_one() {
        return Ok(Some(0));
    }
    if !clock.has_seen_health(period.before(current)) {
        return Ok(None);
    }
    let ahead = first_ahead(period, current);
    let removed = shared.store.remove_slots_ahead(&space.namespace, ahead, period.length()).await?;
    // By the time of the removal, which was not later than now.
    space.beings.nothing_after(period.next(clock.slot()?));
    Ok(Some(removed))
}

/// Removes those of the superseded who have no bit in the slots that stay: neither in those that
/// were read before the superseded were looked for, nor in those that stay by now.
async fn remove_silent(
    shared: &Shared,
    space: &Space,
    superseded: &[Sequence],
    mut kept: Vec<(TimeSlot, SlotBits)>,
) -> Result<u64, Error> {
    let (clock, period) = (&shared.clock, shared.clock.period());
    let (begun, current) = (Instant::now(), clock.slot()?);
    let slots = staying(period, first_staying(clock, current), current);
    kept.append(&mut read(shared, space, &slots).await?);
    // Whoever comes back after that writes its document twice, the second time more than a slot
    // later: that one must not be removed any more.
    let is_fresh = || begun.elapsed() < period.length() / 2;
    shared.store.remove_beings(&space.namespace, &removable(superseded, &kept), is_fresh).await
}

async fn read(
    shared: &Shared,
    space: &Space,
    slots: &[TimeSlot],
) -> Result<Vec<(TimeSlot, SlotBits)>, Error> {
    let read = shared.store.read_slots(&space.namespace, slots).await?;
    Ok(read.into_iter().map(|read| (read.slot, read.bits)).collect())
}
