//! Each transition of the tracker goes to the outbox of its shard.

use parking_lot::{Mutex, MutexGuard};
use presence_core::Cause;
use presence_core::tracker::{self, STRIPES, Transition};
use tokio::sync::Notify;
use xxhash_rust::xxh3::xxh3_64;

use super::outbox::{Outbox, StepKind, StepNumber};
use super::space::{Payloads, Space};

/// The outboxes of all shards, and what those show who are held here.
///
/// Locks are taken in the order stripe of the name, outbox. What is shown has a lock of its own,
/// under which nothing else is taken.
#[derive(Debug)]
pub(super) struct Outboxes<S: Space> {
    boxes: Vec<ShardOutbox<S>>,
    pub(super) payloads: S::Payloads,
}

#[derive(Debug)]
struct ShardOutbox<S: Space> {
    outbox: Mutex<Outbox<S>>,
    work: Notify,
}

impl<S: Space> Outboxes<S> {
    pub(super) fn new(shards: usize) -> Self {
        let slot = || ShardOutbox { outbox: Mutex::default(), work: Notify::new() };
        Self { boxes: std::iter::repeat_with(slot).take(shards).collect(), payloads: S::Payloads::default() }
    }

    /// The shard of a name: the same in every process and for ever.
    pub(super) fn shard(&self, name: &S::Name) -> usize {
        self.shard_at(S::home(name))
    }

    /// The shard of all names with the same home.
    pub(super) fn shard_at(&self, home: &[u8]) -> usize {
        stable(home) % self.boxes.len()
    }

    /// The stripes of the table that hold the names of a shard.
    pub(super) fn stripes(&self, shard: usize) -> impl Iterator<Item = usize> + use<S> {
        // Both come from the same hash: a name of stripe `s` is in shard `s` modulo the number of
        // shards.
        (shard..STRIPES).step_by(self.boxes.len())
    }

    pub(super) fn outbox(&self, shard: usize) -> MutexGuard<'_, Outbox<S>> {
        self.boxes[shard].outbox.lock()
    }

    pub(super) fn push(&self, shard: usize, name: S::Name, what: StepKind<S>) -> StepNumber {
        let slot = &self.boxes[shard];
        let ticket = slot.outbox.lock().push(name, what);
        slot.work.notify_one();
        ticket
    }

    /// Makes [`work`](Self::work) return once more.
    pub(super) fn stir(&self, shard: usize) {
        self.boxes[shard].work.notify_one();
    }

    /// Waits until there is something in an outbox that was not waited for before.
    pub(super) async fn work(&self, shard: usize) {
        self.boxes[shard].work.notified().await;
    }

    /// Writes a transition down, with what shows who arrives.
    pub(super) fn record_with(&self, transition: &Transition<'_, S::Name>, shown: S::Payload) -> bool {
        let (name, seen) = (transition.name, transition.seen);
        let what = match transition.cause {
            Cause::Heartbeat | Cause::Held => {
                self.payloads.show(name, &shown);
                StepKind::Arrive { held: transition.cause == Cause::Held, shown }
            }
            cause => {
                self.payloads.hide(name);
                StepKind::Depart { ended: cause == Cause::Ended, seen }
            }
        };
        self.push(self.shard(name), name.clone(), what);
        false
    }
}

impl<S: Space> tracker::Ledger for Outboxes<S> {
    type Name = S::Name;

    #[inline]
    fn stripe(&self, name: &S::Name, _hash: u64) -> usize {
        stable(S::home(name))
    }

    fn record(&self, transition: Transition<'_, S::Name>) -> bool {
        self.record_with(&transition, S::Payload::default())
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a remainder of a few")]
fn stable(home: &[u8]) -> usize {
    // Shards are a power of two of at most `STRIPES`, so that a stripe belongs to one shard.
    (xxh3_64(home) % STRIPES as u64) as usize
}
