//! The uuids seen lately, in tables with a bound.

use std::hash::BuildHasher;
use std::mem;
use std::time::Duration;

use foldhash::fast::RandomState;
use hashbrown::HashSet;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{Config, Dedup, Error, Sender};

const STRIPES: usize = 16;

/// A [`Dedup`] that remembers uuids in memory, for a time and within a bound.
///
/// A uuid is remembered for one to two times
/// [`dedup_ttl`](crate::Config::dedup_ttl), and all of them take
/// [`dedup_bytes_max`](crate::Config::dedup_bytes_max) at most: that of the tables, full or not. A
/// sender has a sixteenth of that. Who sends more forgets its own uuids early, and those of senders
/// that share its part, and not all others'. What is kept is 128 bits of hash under secret keys, so
/// nobody can make uuids that look like those of another.
#[derive(Debug)]
pub struct StandardDedup {
    stripes: Box<[Mutex<DedupStripe>]>,
    keys: [RandomState; 2],
    ttl: Duration,
    generation_max: usize,
}

/// Two generations: a uuid is looked up in both and kept in the young one. When the young one is as
/// old as the ttl, or full, it becomes the old one.
#[derive(Debug)]
struct DedupStripe {
    young: HashSet<DedupKey, RandomState>,
    old: HashSet<DedupKey, RandomState>,
    born: Instant,
}

type DedupKey = (u64, u64);

impl StandardDedup {
    /// Creates an empty one with the time and the bound of these settings.
    ///
    /// # Errors
    ///
    /// [`Config`](crate::ErrorKind::Config), naming the value that is out of its bounds.
    pub fn new(config: &Config) -> Result<Self, Error> {
        config.validate()?;
        Ok(Self::of(config))
    }

    /// Creates one by settings that are checked.
    pub(crate) fn of(config: &Config) -> Self {
        let now = Instant::now();
        let stripe =
            || Mutex::new(DedupStripe { young: HashSet::default(), old: HashSet::default(), born: now });
        Self {
            stripes: (0..STRIPES).map(|_| stripe()).collect(),
            keys: [RandomState::default(), RandomState::default()],
            ttl: config.dedup_ttl,
            generation_max: uuids_in_table(config.dedup_bytes_max / (2 * STRIPES)),
        }
    }

    /// Returns what a uuid is remembered by, and the part of its sender.
    fn key(&self, sender: &Sender<'_>, uuid: &str) -> (DedupKey, &Mutex<DedupStripe>) {
        let sender = (self.keys[0].hash_one(sender), self.keys[1].hash_one(sender));
        let key = (self.keys[0].hash_one((sender.0, uuid)), self.keys[1].hash_one((sender.1, uuid)));
        #[expect(clippy::cast_possible_truncation, reason = "any bits of the hash will do")]
        let stripe = sender.0 as usize % STRIPES;
        (key, &self.stripes[stripe])
    }
}

impl Dedup for StandardDedup {
    fn add(&self, sender: &Sender<'_>, uuid: &str) -> bool {
        let (key, stripe) = self.key(sender, uuid);
        let mut stripe = stripe.lock();
        stripe.age(Instant::now(), self.ttl, self.generation_max);
        !stripe.old.contains(&key) && stripe.young.insert(key)
    }

    fn is_duplicate(&self, sender: &Sender<'_>, uuid: &str) -> bool {
        let (key, stripe) = self.key(sender, uuid);
        let mut stripe = stripe.lock();
        stripe.age(Instant::now(), self.ttl, usize::MAX);
        stripe.old.contains(&key) || stripe.young.contains(&key)
    }

    fn remove(&self, sender: &Sender<'_>, uuid: &str) {
        let (key, stripe) = self.key(sender, uuid);
        let mut stripe = stripe.lock();
        stripe.old.remove(&key);
        stripe.young.remove(&key);
    }
}

impl DedupStripe {
    /// Makes the young generation the old one, if it is as old as the ttl, or full.
    fn age(&mut self, now: Instant, ttl: Duration, generation_max: usize) {
        let age = now.saturating_duration_since(self.born);
        if age < ttl && self.young.len() < generation_max {
            return;
        }
        self.old = mem::take(&mut self.young);
        // Nothing was added to it after its first ttl, so all of it is too old by now.
        if age >= ttl * 2 {
            self.old.clear();
        }
        self.born = now;
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
    use crate::ConnectionId;

    const TTL: Duration = Duration::from_secs(30);
    const ALICE: Sender<'_> = Sender::User("alice");
    const BOB: Sender<'_> = Sender::User("bob");

    fn dedup(bytes_max: usize) -> StandardDedup {
        StandardDedup::new(&Config::default().dedup_ttl(TTL).dedup_bytes_max(bytes_max)).unwrap()
    }

    #[tokio::test(start_paused = true)]
    async fn repetition_is_dropped_until_the_ttl_is_over() {
        let dedup = dedup(64 * 1024);
        assert!(dedup.add(&ALICE, "a") && dedup.is_duplicate(&ALICE, "a"));
        tokio::time::advance(TTL - Duration::from_millis(1)).await;
        assert!(!dedup.add(&ALICE, "a"));
        tokio::time::advance(Duration::from_millis(1)).await;
        assert!(!dedup.add(&ALICE, "a"));
        tokio::time::advance(TTL * 3).await;
        assert!(!dedup.is_duplicate(&ALICE, "a") && dedup.add(&ALICE, "a"));
    }

    #[test]
    fn senders_do_not_suppress_each_other() {
        let dedup = dedup(64 * 1024);
        let one = ConnectionId(1);
        for sender in
            [ALICE, BOB, Sender::Connection(one), Sender::Connection(ConnectionId(2)), Sender::User("1")]
        {
            assert!(dedup.add(&sender, "a"), "{sender:?}");
        }
    }

    #[test]
    fn what_is_removed_may_come_again() {
        let dedup = dedup(64 * 1024);
        assert!(dedup.add(&ALICE, "a") && dedup.add(&BOB, "a"));
        dedup.remove(&ALICE, "a");
        assert!(!dedup.is_duplicate(&ALICE, "a") && dedup.is_duplicate(&BOB, "a"));
        assert!(dedup.add(&ALICE, "a"));
    }

    #[test]
    fn a_sender_of_many_uuids_makes_few_others_forgotten() {
        let dedup = dedup(1024 * 1024);
        let names: Vec<_> = (0..100).map(|number| format!("user {number}")).collect();
        assert!(names.iter().all(|name| dedup.add(&Sender::User(name), "a")));
        for uuid in 0..100_000 {
            dedup.add(&ALICE, &uuid.to_string());
        }
        let kept = names.iter().filter(|name| dedup.is_duplicate(&Sender::User(name), "a")).count();
        assert!(kept >= 70, "{kept} of 100 are remembered");
    }

    #[test]
    fn memory_is_bounded_however_many_uuids_come() {
        for bytes_max in [64 * 1024, 100_000, 1024 * 1024] {
            let dedup = dedup(bytes_max);
            let mut most = 0;
            for uuid in 0..100_000_u64 {
                dedup.add(&Sender::Connection(ConnectionId(uuid % 1_000)), &uuid.to_string());
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
