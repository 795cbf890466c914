//! Which parts of Redis are left alone, and when they are tried again.
//!
//! ```text
//!  a call fails ──► away ──► a probe after 1 s, 2 s, 4 s, then every 5 s ──► back
//!                    ▲                                                        │
//!                    └──── a call fails within 10 s: the waits go on ─────────┘
//! ```
//!
//! A part is what one server has: all hash tags, or in a cluster those of one master. This module
//! is pure but for the wait between probes.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::script::TAGS;

/// All hash tags.
pub(super) const ALL: u64 = u64::MAX;

/// The time in which one server gives out no sequences.
#[derive(Debug, Clone)]
pub(super) struct RedisOutage {
    /// The server's name, for people.
    pub(super) server: String,
    /// A bit for each hash tag that it had.
    pub(super) tags: u64,
    pub(super) since: Instant,
    /// How many probes failed before it began, in outages shortly before.
    failed_before: u32,
}

/// The outages that go on, of different hash tags.
#[derive(Debug, Default)]
pub(super) struct Outages {
    open: Vec<RedisOutage>,
    /// When the last one ended, and how many probes had failed by then.
    last: Option<(Instant, u32)>,
}

/// How long the waits before probes are: the first, and any.
const WAIT_FIRST: Duration = Duration::from_secs(1);
const WAIT_MAX: Duration = Duration::from_secs(5);

/// After how long Redis counts as well: an outage that begins sooner goes on with longer waits.
const STEADY: Duration = Duration::from_secs(10);

impl Outages {
    /// Whether the server of a hash tag is left alone.
    pub(super) fn is_away(&self, tag: u32) -> bool {
        self.away() & bit(tag) != 0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// Begins an outage of those of `tags` that are not away yet; none if all of them are.
    pub(super) fn begin(&mut self, server: &str, tags: u64, now: Instant) -> Option<RedisOutage> {
        let tags = tags & !self.away();
        if tags == 0 {
            return None;
        }
        let recent = self.last.filter(|(ended, _)| now.saturating_duration_since(*ended) < STEADY);
        let failed_before = recent.map_or(0, |(_, failed)| failed.saturating_add(1));
        let outage = RedisOutage { server: server.to_owned(), tags, since: now, failed_before };
        self.open.push(outage.clone());
        Some(outage)
    }

    /// Ends an outage after so many failed probes.
    pub(super) fn end(&mut self, outage: &RedisOutage, failed: u32, now: Instant) {
        self.open.retain(|open| open.tags != outage.tags);
        self.last = Some((now, outage.failed_before.saturating_add(failed)));
    }

    fn away(&self) -> u64 {
        self.open.iter().fold(0, |tags, outage| tags | outage.tags)
    }
}

impl RedisOutage {
    /// One of the hash tags, by which the server is tried.
    pub(super) fn tag(&self) -> u32 {
        self.tags.trailing_zeros().min(TAGS - 1)
    }

    /// Probes after each wait until a probe succeeds; returns how many failed.
    pub(super) async fn probed<F: Future<Output = bool>>(&self, mut probe: impl FnMut() -> F) -> u32 {
        let mut failed = 0;
        loop {
            sleep(wait(self.failed_before.saturating_add(failed))).await;
            if probe().await {
                return failed;
            }
            failed = failed.saturating_add(1);
        }
    }
}

/// Returns the bit of a hash tag.
pub(super) fn bit(tag: u32) -> u64 {
    1_u64.checked_shl(tag).unwrap_or(0)
}

fn wait(failed: u32) -> Duration {
    WAIT_FIRST.saturating_mul(1 << failed.min(8)).min(WAIT_MAX)
}

#[cfg(test)]
mod tests {
    use std::future::ready;

    use tokio::time::advance;

    use super::*;

    fn tags(tags: &[u32]) -> u64 {
        tags.iter().fold(0, |all, tag| all | bit(*tag))
    }

    #[tokio::test(start_paused = true)]
    async fn one_master_of_several_is_left_alone() {
        let mut outages = Outages::default();
        let now = Instant::now();
        let outage = outages.begin("a:1", tags(&[3, 63]), now).unwrap();
        assert_eq!((outage.tag(), outage.tags), (3, tags(&[3, 63])));
        assert!(outages.is_away(3) && outages.is_away(63) && !outages.is_away(4));
        // Other calls that fail with it tell nothing new.
        assert!(outages.begin("a:1", tags(&[3]), now).is_none());
        let other = outages.begin("b:1", tags(&[3, 4]), now).unwrap();
        assert_eq!(other.tags, tags(&[4]));
        outages.end(&outage, 0, now);
        assert!(!outages.is_away(3) && outages.is_away(4) && !outages.is_empty());
        outages.end(&other, 0, now);
        assert!(outages.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn probes_come_after_1_2_4_and_then_every_5_seconds() {
        let outage = Outages::default().begin("a:1", ALL, Instant::now()).unwrap();
        let mut times = Vec::new();
        let failed = outage.probed(|| {
            times.push(outage.since.elapsed().as_secs());
            ready(times.len() == 5)
        });
        assert_eq!(failed.await, 4);
        assert_eq!(times, [1, 3, 7, 12, 17]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_redis_that_comes_and_goes_is_tried_less_often() {
        let mut outages = Outages::default();
        let mut waits = Vec::new();
        for _ in 0..4 {
            let outage = outages.begin("a:1", ALL, Instant::now()).unwrap();
            let failed = outage.probed(|| ready(true)).await;
            waits.push(outage.since.elapsed().as_secs());
            outages.end(&outage, failed, Instant::now());
        }
        assert_eq!(waits, [1, 2, 4, 5]);
        advance(STEADY).await;
        let outage = outages.begin("a:1", ALL, Instant::now()).unwrap();
        outage.probed(|| ready(true)).await;
        assert_eq!(outage.since.elapsed().as_secs(), 1);
    }
}
