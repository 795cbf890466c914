//! What the backend, its sweeper and its streams share.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, Ordering};

use foldhash::quality::RandomState;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use super::clock::{Clock, Millis};
use super::config::{Config, Timing};
use super::log::Log;
use super::shard::{Key, Shard};
use crate::error::{Error, ErrorKind};
use crate::event::Cause;
use crate::name::Id;

/// The ids in their shards and the log of their events.
///
/// Locks are taken in the order shard, log. An event is written while its shard is locked, which makes a transition and its
/// event one, and orders the events of each id.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) clock: Clock,
    pub(super) log: Mutex<Log>,
    /// Cancelled when the backend is closed or dropped.
    pub(super) stop: CancellationToken,
    shards: Box<[Mutex<Shard>]>,
    hasher: RandomState,
    /// Tells streams that the log has grown.
    news: watch::Sender<()>,
    /// Whether the sweeper waits for a deadline to begin.
    idle: AtomicBool,
    wake: Notify,
    /// The same as `stop`, at the price of one load.
    closed: AtomicBool,
}

impl Core {
    pub(super) fn new(config: &Config, timing: Timing) -> Self {
        let hasher = RandomState::default();
        let remembered_max = config.remembered_max.div_ceil(Config::SHARDS);
        let shard = || Mutex::new(Shard::new(timing, remembered_max, hasher.clone()));
        // Random, so that a position does not survive the events that it counts.
        let epoch = std::hash::RandomState::new().hash_one(std::process::id());
        Self {
            clock: Clock::start(),
            log: Mutex::new(Log::new(epoch, config.events_max)),
            stop: CancellationToken::new(),
            shards: std::iter::repeat_with(shard).take(Config::SHARDS).collect(),
            hasher,
            news: watch::Sender::new(()),
            idle: AtomicBool::new(false),
            wake: Notify::new(),
            closed: AtomicBool::new(false),
        }
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.stop.cancel();
    }

    pub(super) fn check_open(&self) -> Result<(), Error> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Closed, "presence is closed"));
        }
        Ok(())
    }

    pub(super) fn shards(&self) -> &[Mutex<Shard>] {
        &self.shards
    }

    #[inline]
    pub(super) fn key<'a>(&self, id: &'a Id) -> Key<'a> {
        Key::new(id, &self.hasher)
    }

    /// Returns the number of the shard that holds an id.
    #[inline]
    pub(super) fn place(key: Key<'_>) -> usize {
        // The index of a shard uses the lower half.
        ((key.hash >> 32) % Config::SHARDS as u64) as usize
    }

    #[inline]
    pub(super) fn shard(&self, key: Key<'_>) -> MutexGuard<'_, Shard> {
        self.shards[Self::place(key)].lock()
    }

    /// Gives each id a heartbeat, and says whether anybody came online.
    ///
    /// Those who are online already, nearly all, go first: a shard at a time, for one lock each. The rest follows in
    /// input order, so that events have it, too.
    pub(super) fn beat(&self, ids: &[Id]) -> bool {
        let now = self.clock.now();
        if ids.len() < GROUPED_MIN {
            return self.beat_one_by_one(ids.iter(), now);
        }
        ids.chunks(GROUPED_MAX).fold(false, |changed, ids| changed | self.beat_grouped(ids, now))
    }

    fn beat_grouped(&self, ids: &[Id], now: Millis) -> bool {
        let keys: Vec<_> = ids.iter().map(|id| self.key(id)).collect();
        // A counting sort by shard: where each group ends, then each number into its group.
        let mut ends = [0_u32; Config::SHARDS];
        for key in &keys {
            ends[Self::place(*key)] += 1;
        }
        let mut start = 0;
        for end in &mut ends {
            start += std::mem::replace(end, start);
        }
        let mut order = vec![0_u32; keys.len()];
        for (number, key) in (0..).zip(&keys) {
            let end = &mut ends[Self::place(*key)];
            order[*end as usize] = number;
            *end += 1;
        }
        let (mut others, mut found, mut start) = (Vec::new(), Vec::new(), 0);
        for (shard, end) in self.shards.iter().zip(ends) {
            let group = &order[start..end as usize];
            start = end as usize;
            if !group.is_empty() {
                let group = group.iter().map(|number| (*number, keys[*number as usize]));
                shard.lock().beat_online(group, &mut found, now, |number| others.push(number));
            }
        }
        others.sort_unstable();
        self.beat_one_by_one(others.iter().map(|number| &ids[*number as usize]), now)
    }

    fn beat_one_by_one<'a>(&self, ids: impl Iterator<Item = &'a Id>, now: Millis) -> bool {
        let mut changed = false;
        for id in ids {
            let key = self.key(id);
            let mut shard = self.shard(key);
            if let Some(cause) = shard.beat(key, now) {
                self.record(id, cause);
                changed = true;
            }
        }
        changed
    }

    /// Writes the event of a transition. The shard of `id` must still be locked; afterwards, when it is not,
    /// comes [`announce`](Self::announce).
    pub(super) fn record(&self, id: &Id, cause: Cause) {
        let at = super::clock::wall_now();
        self.log.lock().append(id.clone(), cause, at);
    }

    /// Wakes the streams.
    pub(super) fn announce(&self) {
        self.news.send_replace(());
        // A deadline may have begun to run. See `rest` for why it is seen.
        if self.idle.load(Ordering::SeqCst) {
            self.wake.notify_one();
        }
    }

    pub(super) fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// Waits while no deadline is running.
    pub(super) async fn rest(&self) {
        // Whoever plans a deadline after a shard was looked at here, does it in a critical section after ours, and reads
        // `idle` later still; so either it is seen here or `idle` is seen there.
        self.idle.store(true, Ordering::SeqCst);
        while self.shards.iter().all(|shard| shard.lock().is_idle()) {
            self.wake.notified().await;
        }
        self.idle.store(false, Ordering::SeqCst);
    }
}

/// From how many ids on a batch is grouped by shard.
const GROUPED_MIN: usize = 64;
/// How many ids are grouped at once, so that what is kept about them stays in the cache.
const GROUPED_MAX: usize = 4096;
