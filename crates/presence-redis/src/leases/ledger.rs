//! What the table of beings tells: each transition goes to the outbox of its shard.

use parking_lot::{Mutex, MutexGuard};
use presence_core::beings::{self, PLACES, Transition};
use presence_core::{Cause, Id};
use tokio::sync::Notify;
use xxhash_rust::xxh3::xxh3_64;

use super::outbox::{Outbox, Ticket, What};

/// The outboxes of all shards.
///
/// Locks are taken in the order place of the id, outbox.
#[derive(Debug)]
pub(super) struct Ledger {
    boxes: Vec<Slot>,
}

#[derive(Debug, Default)]
struct Slot {
    outbox: Mutex<Outbox>,
    work: Notify,
}

impl Ledger {
    pub(super) fn new(shards: usize) -> Self {
        Self { boxes: std::iter::repeat_with(Slot::default).take(shards).collect() }
    }

    /// The shard of an id: the same in every process and for ever.
    pub(super) fn shard(&self, id: &Id) -> usize {
        Self::stable(id) % self.boxes.len()
    }

    /// The places of the table that hold the ids of a shard.
    pub(super) fn places(&self, shard: usize) -> impl Iterator<Item = usize> + use<> {
        (shard..PLACES).step_by(self.boxes.len())
    }

    pub(super) fn outbox(&self, shard: usize) -> MutexGuard<'_, Outbox> {
        self.boxes[shard].outbox.lock()
    }

    pub(super) fn push(&self, shard: usize, id: Id, what: What) -> Ticket {
        let slot = &self.boxes[shard];
        let ticket = slot.outbox.lock().push(id, what);
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

    #[expect(clippy::cast_possible_truncation, reason = "a remainder of a few")]
    fn stable(id: &Id) -> usize {
        // Shards are a power of two of at most `PLACES`, so that a place belongs to one shard.
        (xxh3_64(id.as_bytes()) % PLACES as u64) as usize
    }
}

impl beings::Ledger for Ledger {
    type Name = Id;

    #[inline]
    fn place(&self, id: &Id, _hash: u64) -> usize {
        Self::stable(id)
    }

    fn record(&self, transition: Transition<'_, Id>) -> bool {
        let what = match transition.cause {
            Cause::Heartbeat => What::Arrive { held: false },
            Cause::Held => What::Arrive { held: true },
            Cause::Ended => What::Depart { ended: true, seen: transition.seen },
            _ => What::Depart { ended: false, seen: transition.seen },
        };
        self.push(self.shard(transition.name), transition.name.clone(), what);
        false
    }
}
