//! Remembers the uuids of messages, so that a repetition is dropped.

use std::hash::BuildHasher;
use std::mem;
use std::time::Duration;

use foldhash::fast::RandomState;
use hashbrown::HashSet;
use parking_lot::Mutex;
use tokio::time::Instant;

const SHARDS: usize = 16;

/// The uuids seen lately, for each sender apart.
///
/// Two generations: a uuid is looked up in both and kept in the young one; when
/// the young one is as old as the ttl, or full, it becomes the old one. So a
/// uuid is remembered for one to two times the ttl, and memory has a bound. What is
/// kept is 128 bits of hash under secret keys: a sender can neither guess nor
/// use up the uuids of another.
#[derive(Debug)]
pub(crate) struct Dedup {
    shards: Box<[Mutex<Shard>]>,
    keys: [RandomState; 2],
    ttl: Duration,
    generation_max: usize,
}

#[derive(Debug)]
struct Shard {
    young: HashSet<(u64, u64), RandomState>,
    old: HashSet<(u64, u64), RandomState>,
    born: Instant,
}

impl Dedup {
    pub(crate) fn new(ttl: Duration, uuids_max: usize, now: Instant) -> Self {
        let shard = || Mutex::new(Shard { young: HashSet::default(), old: HashSet::default(), born: now });
        Self {
            shards: (0..SHARDS).map(|_| shard()).collect(),
            keys: [RandomState::default(), RandomState::default()],
            ttl,
            generation_max: uuids_max.div_ceil(SHARDS),
        }
    }

    /// Remembers a uuid; returns false if this sender used it lately. An empty one is always new.
    pub(crate) fn is_new(&self, sender: u64, uuid: &str, now: Instant) -> bool {
        if uuid.is_empty() {
            return true;
        }
        let key = (self.keys[0].hash_one((sender, uuid)), self.keys[1].hash_one((sender, uuid)));
        #[expect(clippy::cast_possible_truncation, reason = "any bits of the hash will do")]
        let shard = key.0 as usize % SHARDS;
        let mut shard = self.shards[shard].lock();
        let age = now.saturating_duration_since(shard.born);
        if age >= self.ttl || shard.young.len() >= self.generation_max {
            shard.old = mem::take(&mut shard.young);
            if age >= self.ttl * 2 {
                shard.old.clear();
            }
            shard.born = now;
        }
        !shard.old.contains(&key) && shard.young.insert(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(30);

    #[test]
    fn repetition_is_dropped_until_the_ttl_is_over() {
        let start = Instant::now();
        let dedup = Dedup::new(TTL, 1_000, start);
        assert!(dedup.is_new(1, "a", start));
        assert!(!dedup.is_new(1, "a", start + TTL - Duration::from_millis(1)));
        assert!(!dedup.is_new(1, "a", start + TTL));
        assert!(dedup.is_new(1, "a", start + TTL * 4));
    }

    #[test]
    fn senders_do_not_suppress_each_other() {
        let now = Instant::now();
        let dedup = Dedup::new(TTL, 1_000, now);
        assert!(dedup.is_new(1, "a", now));
        assert!(dedup.is_new(2, "a", now));
    }

    #[test]
    fn empty_uuid_is_always_new() {
        let now = Instant::now();
        let dedup = Dedup::new(TTL, 1_000, now);
        assert!(dedup.is_new(1, "", now) && dedup.is_new(1, "", now));
    }

    #[test]
    fn memory_is_bounded_however_many_uuids_come() {
        let now = Instant::now();
        let dedup = Dedup::new(TTL, 1_000, now);
        for uuid in 0..100_000 {
            dedup.is_new(1, &uuid.to_string(), now);
        }
        let sizes = dedup.shards.iter().map(|shard| {
            let shard = shard.lock();
            shard.young.len() + shard.old.len()
        });
        let kept: usize = sizes.sum();
        assert!(kept <= 2 * (1_000 + SHARDS), "{kept} uuids are kept");
    }
}
