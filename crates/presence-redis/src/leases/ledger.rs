//! What the table of beings tells: each transition goes to the outbox of its shard.

use parking_lot::{Mutex, MutexGuard};
use presence_core::Cause;
use presence_core::beings::{self, PLACES, Transition};
use tokio::sync::Notify;
use xxhash_rust::xxh3::xxh3_64;

use super::outbox::{Outbox, Ticket, What};
use super::space::{Faces, Space};

/// The outboxes of all shards, and what those show who are held here.
///
/// Locks are taken in the order place of the name, outbox. What is shown has a lock of its own,
/// under which nothing else is taken.
#[derive(Debug)]
pub(super) struct Ledger<S: Space> {
    boxes: Vec<Slot<S>>,
    pub(super) faces: S::Faces,
}

#[derive(Debug)]
struct Slot<S: Space> {
    outbox: Mutex<Outbox<S>>,
    work: Notify,
}

impl<S: Space> Ledger<S> {
    pub(super) fn new(shards: usize) -> Self {
        let slot = || Slot { outbox: Mutex::default(), work: Notify::new() };
        Self { boxes: std::iter::repeat_with(slot).take(shards).collect(), faces: S::Faces::default() }
    }

    /// The shard of a name: the same in every process and for ever.
    pub(super) fn shard(&self, name: &S::Name) -> usize {
        self.shard_at(S::home(name))
    }

    /// The shard of all names with the same home.
    pub(super) fn shard_at(&self, home: &[u8]) -> usize {
        stable(home) % self.boxes.len()
    }

    /// The places of the table that hold the names of a shard.
    pub(super) fn places(&self, shard: usize) -> impl Iterator<Item = usize> + use<S> {
        (shard..PLACES).step_by(self.boxes.len())
    }

    pub(super) fn outbox(&self, shard: usize) -> MutexGuard<'_, Outbox<S>> {
        self.boxes[shard].outbox.lock()
    }

    pub(super) fn push(&self, shard: usize, name: S::Name, what: What<S>) -> Ticket {
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
    pub(super) fn record_with(&self, transition: &Transition<'_, S::Name>, shown: S::Shown) -> bool {
        let (name, seen) = (transition.name, transition.seen);
        let what = match transition.cause {
            Cause::Heartbeat | Cause::Held => {
                self.faces.show(name, &shown);
                What::Arrive { held: transition.cause == Cause::Held, shown }
            }
            cause => {
                self.faces.hide(name);
                What::Depart { ended: cause == Cause::Ended, seen }
            }
        };
        self.push(self.shard(name), name.clone(), what);
        false
    }
}

impl<S: Space> beings::Ledger for Ledger<S> {
    type Name = S::Name;

    #[inline]
    fn place(&self, name: &S::Name, _hash: u64) -> usize {
        stable(S::home(name))
    }

    fn record(&self, transition: Transition<'_, S::Name>) -> bool {
        self.record_with(&transition, S::Shown::default())
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a remainder of a few")]
fn stable(home: &[u8]) -> usize {
    // Shards are a power of two of at most `PLACES`, so that a place belongs to one shard.
    (xxh3_64(home) % PLACES as u64) as usize
}
