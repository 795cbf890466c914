//! Ends readers when what waits for all of them has no room.

use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;

use crate::Disconnect;
use crate::outbox_memory::OutboxMemory;
use crate::registry::Registry;

/// How long connections that were ended have to give their memory back before others are ended.
const ROUND: Duration = Duration::from_millis(20);

/// A connection that has read nothing for so long, although something waits, stands still.
const STANDS_STILL: Duration = Duration::from_millis(250);

/// How often the log says that there is no room.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

/// Ends slow readers when memory is short, and notes when it did so last.
#[derive(Debug, Default)]
pub(crate) struct SlowReaders {
    rounds: Mutex<Rounds>,
}

/// When readers were ended last, and what the log was told of it.
#[derive(Debug, Default)]
struct Rounds {
    last: Option<Instant>,
    told: Option<Instant>,
    ended: usize,
}

impl SlowReaders {
    /// Ends readers, if there is no room: first those who stand still, then who holds most.
    ///
    /// Returns how many. No lock of the registry or of an outbox may be held.
    pub(crate) fn make_room(&self, memory: &OutboxMemory, registry: &Registry) -> usize {
        if memory.is_full() { self.end_readers(memory, registry, false) } else { 0 }
    }

    /// Blocks the thread until there is room for more, for a bounded time; those who stand still
    /// are ended when that does not help. Returns how many.
    pub(crate) fn wait(&self, memory: &OutboxMemory, registry: &Registry) -> usize {
        if memory.wait() { 0 } else { self.end_readers(memory, registry, true) }
    }

    /// Ends readers who stand still until half of the room is free, then others until there is any;
    /// returns how many.
    fn end_readers(&self, memory: &OutboxMemory, registry: &Registry, only_who_stands_still: bool) -> usize {
        let now = Instant::now();
        let Some(mut rounds) = self.round(now) else { return 0 };
        // Read once: readers that are ended give back later, and `freed` is what they will.
        let held = memory.held();
        let mut freed = 0;
        let mut readers = Vec::new();
        for connection in registry.all_connections() {
            let outbox = &connection.outbox;
            let pending = outbox.pending();
            if outbox.is_closing() {
                // This connection is closing already and is about to give back what it holds.
                freed += pending;
            } else if pending > 0 {
                let still = Duration::from_millis(outbox.still_ms(memory.time(now)).into());
                // Connections that stand still are ended in the order of what they hold. The others
                // may still read: they are ended in the order of how long they have taken nothing.
                let rank = if still >= STANDS_STILL { (STANDS_STILL, pending) } else { (still, pending) };
                readers.push((rank, connection));
            }
        }
        readers.sort_unstable_by_key(|&(rank, _)| std::cmp::Reverse(rank));
        let mut ended = 0;
        for ((still, pending), connection) in readers {
            let stands_still = still >= STANDS_STILL;
            // Connections that still read are ended only until the total is below its bound; those
            // that stand still, until half of it is free.
            let enough = if stands_still { memory.half() } else { memory.bytes_max() };
            if held.saturating_sub(freed) <= enough || (only_who_stands_still && !stands_still) {
                break;
            }
            connection.close(Disconnect::SlowReader);
            freed += pending;
            ended += 1;
        }
        rounds.tell(ended, memory.bytes_max(), now);
        ended
    }

    /// Takes the turn to end readers, unless somebody does or just did.
    fn round(&self, now: Instant) -> Option<MutexGuard<'_, Rounds>> {
        // Publishers do not wait for each other: who finds the turn taken goes on.
        let mut rounds = self.rounds.try_lock()?;
        if rounds.last.is_some_and(|last| now < last + ROUND) {
            return None;
        }
        rounds.last = Some(now);
        Some(rounds)
    }
}

impl Rounds {
    fn tell(&mut self, ended: usize, bytes_max: usize, now: Instant) {
        self.ended += ended;
        if self.ended > 0 && self.told.is_none_or(|told| now >= told + TOLD_AGAIN) {
            tracing::warn!(
                connections = self.ended,
                bytes_max,
                "the messages waiting for all connections need more than outboxes_bytes_max; connections \
                 that do not read, or that hold the most, are closed with code 4000 and may come back"
            );
            (self.told, self.ended) = (Some(now), 0);
        }
    }
}
