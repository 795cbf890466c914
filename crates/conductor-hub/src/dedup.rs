//! Remembers the uuids of messages, so that a repetition is dropped.

use std::hash::BuildHasher;
use std::mem;
use std::time::Duration;

use foldhash::fast::RandomState;
use hashbrown::HashSet;
use parking_lot::Mutex;
use tokio::time::Instant;

const STRIPES: usize = 16;

/// The uuids seen lately, for each sender apart.
///
/// Two generations: a uuid is looked up in both and kept in the young one; when
/// the young one is as old as the ttl, or full, it becomes the old one. So a
/// uuid is remembered for one to two times the ttl, and memory has a bound in bytes: that of
/// the tables, full or not. What is kept is 128 bits of hash under secret keys, so nobody
/// can guess the uuids of another.
#[derive(Debug)]
pub(crate) struct Dedup {
    stripes: Box<[Mutex<DedupStripe>]>,
    keys: [RandomState; 2],
    ttl: Duration,
    generation_max: usize,
}

#[derive(Debug)]
struct DedupStripe {
    young: HashSet<(u64, u64), RandomState>,
    old: HashSet<(u64, u64), RandomState>,
    born: Instant,
}

impl Dedup {
    pub(crate) fn new(ttl: Duration, bytes_max: usize, now: Instant) -> Self {
        let stripe =
            || Mutex::new(DedupStripe { young: HashSet::default(), old: HashSet::default(), born: now });
        Self {
            stripes: (0..STRIPES).map(|_| stripe()).collect(),
            keys: [RandomState::default(), RandomState::default()],
            ttl,
            generation_max: uuids_in_table(bytes_max / (2 * STRIPES)),
        }
    }

    /// Remembers a uuid; returns false if this sender used it lately. An empty one is always new.
    pub(crate) fn is_new(&self, sender: u64, uuid: &str, now: Instant) -> bool {
        if uuid.is_empty() {
            return true;
        }
        let key = (self.keys[0].hash_one((sender, uuid)), self.keys[1].hash_one((sender, uuid)));
        #[expect(clippy::cast_possible_truncation, reason = "any bits of the hash will do")]
        let stripe = key.0 as usize % STRIPES;
        let mut stripe = self.stripes[stripe].lock();
        let age = now.saturating_duration_since(stripe.born);
        if age >= self.ttl || stripe.young.len() >= self.generation_max {
            stripe.old = mem::take(&mut stripe.young);
            // Nothing was added to it after its first ttl, so all of it is too old by now.
            if age >= self.ttl * 2 {
                stripe.old.clear();
            }
            stripe.born = now;
        }
        !stripe.old.contains(&key) && stripe.young.insert(key)
    }
}

/// How many uuids a table may have that is not to take more than so many bytes.
///
/// A table has a power of two of places, each of an entry and one byte, and grows when seven
/// eighths of them are taken.
fn uuids_in_table(bytes: usize) -> usize {
    let buckets = bytes / (size_of::<(u64, u64)>() + 1);
    let buckets = if buckets.is_power_of_two() { buckets } else { buckets.next_power_of_two() / 2 };
    buckets / 8 * 7
}

#[cfg(test)]
mod tests {
    use super::*;

    const TTL: Duration = Duration::from_secs(30);

    #[test]
    fn repetition_is_dropped_until_the_ttl_is_over() {
        let start = Instant::now();
        let dedup = Dedup::new(TTL, 64 * 1024, start);
        assert!(dedup.is_new(1, "a", start));
        assert!(!dedup.is_new(1, "a", start + TTL - Duration::from_millis(1)));
        assert!(!dedup.is_new(1, "a", start + TTL));
        assert!(dedup.is_new(1, "a", start + TTL * 4));
    }

    #[test]
    fn senders_do_not_suppress_each_other() {
        let now = Instant::now();
        let dedup = Dedup::new(TTL, 64 * 1024, now);
        assert!(dedup.is_new(1, "a", now));
        assert!(dedup.is_new(2, "a", now));
    }

    #[test]
    fn empty_uuid_is_always_new() {
        let now = Instant::now();
        let dedup = Dedup::new(TTL, 64 * 1024, now);
        assert!(dedup.is_new(1, "", now) && dedup.is_new(1, "", now));
    }

    #[test]
    fn memory_is_bounded_however_many_uuids_come() {
        let now = Instant::now();
        for bytes_max in [64 * 1024, 100_000, 1024 * 1024] {
            let dedup = Dedup::new(TTL, bytes_max, now);
            let mut most = 0;
            for uuid in 0..100_000 {
                dedup.is_new(1, &uuid.to_string(), now);
                if uuid % 1_000 == 0 {
                    let tables = dedup.stripes.iter().map(|stripe| {
                        let stripe = stripe.lock();
                        stripe.young.allocation_size() + stripe.old.allocation_size()
                    });
                    most = most.max(tables.sum());
                }
            }
            // Besides its places a table has a few bytes of its own.
            let most_allowed = bytes_max + 2 * STRIPES * 64;
            assert!((bytes_max / 4..=most_allowed).contains(&most), "{most} bytes of {bytes_max}");
        }
    }
}
