//! One limit with a state for each key, of which there are only so many.
//!
//! The arithmetic (GCRA: a time for each key, up to which what it took is paid for) is governor's.
//! Its own tables grow with whoever comes, so the table is ours: keys are 8 bytes, and who comes
//! when there is no room shares one state with all others who do.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;
use governor::{Quota, RateLimiter};
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::config::BURST_SECONDS;

/// How many keys have a state of their own; each takes some 20 bytes.
pub(super) const KEYS_MAX: usize = 100_000;

/// How often room is made for new keys at most: it looks at all of them.
const ROOM_EVERY: Duration = Duration::from_secs(1);

/// One limit for many keys.
#[derive(Debug)]
pub(super) struct Table {
    limiter: RateLimiter<u64, States, PausableClock, NoOpMiddleware<Nanos>>,
    states: States,
    clock: PausableClock,
    /// What one key may take at once.
    burst: NonZeroU32,
    /// When room was made last.
    made_room: Mutex<Option<Instant>>,
}

impl Table {
    /// Creates the table of a limit; `None` if there is none.
    pub(super) fn new(per_second: u32) -> Option<Self> {
        let rate = NonZeroU32::new(per_second)?;
        let burst = NonZeroU32::new(per_second.saturating_mul(BURST_SECONDS))?;
        let (states, clock) = (States::default(), PausableClock { start: Instant::now() });
        let quota = Quota::per_second(rate).allow_burst(burst);
        let limiter = RateLimiter::new(quota, states.clone(), clock.clone());
        Some(Self { limiter, states, clock, burst, made_room: Mutex::default() })
    }

    /// Takes `cost` of what the key may have, or says when to try again. What nobody may take at
    /// once takes all that there is.
    pub(super) fn take(&self, key: u64, cost: u32) -> Result<(), Duration> {
        let Some(cost) = NonZeroU32::new(cost) else { return Ok(()) };
        if self.states.0.is_full.load(Ordering::Relaxed) {
            self.make_room();
        }
        match self.limiter.check_key_n(&key, cost.min(self.burst)) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(later)) => Err(later.wait_time_from(self.clock.now())),
            // Not met, as the cost is no more than the burst.
            Err(_) => Err(Duration::from_secs(u64::from(BURST_SECONDS))),
        }
    }

    /// Takes the rest of what one was taken of already, at most all that may come at once with it.
    pub(super) fn take_rest(&self, key: u64, cost: u32) -> Result<(), Duration> {
        self.take(key, cost.min(self.burst.get() - 1))
    }

    /// Forgets the keys that may take as much as new ones.
    pub(super) fn forget(&self) {
        self.limiter.retain_recent();
    }

    /// Forgets, unless that was done just now: then those who are new have to share.
    fn make_room(&self) {
        let now = Instant::now();
        {
            let mut made_room = self.made_room.lock();
            if made_room.is_some_and(|last| now.duration_since(last) < ROOM_EVERY) {
                return;
            }
            *made_room = Some(now);
        }
        self.forget();
    }
}

/// Tokio's clock, which tests can pause.
#[derive(Debug, Clone)]
struct PausableClock {
    start: Instant,
}

impl Clock for PausableClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        self.start.elapsed().into()
    }
}

/// Up to when each key has paid for what it took; clones share it.
#[derive(Debug, Clone, Default)]
struct States(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    locked: Mutex<Locked>,
    /// Whether new keys have to share; read without the lock.
    is_full: AtomicBool,
}

#[derive(Debug, Default)]
struct Locked {
    of_keys: HashMap<u64, Nanos>,
    /// Of all keys that found no room.
    of_others: Option<Nanos>,
}

impl StateStore for States {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut locked = self.0.locked.lock();
        let Locked { of_keys, of_others } = &mut *locked;
        if let Some(state) = of_keys.get_mut(key) {
            let (outcome, next) = decide(Some(*state))?;
            *state = next;
            return Ok(outcome);
        }
        if of_keys.len() >= KEYS_MAX {
            let (outcome, next) = decide(*of_others)?;
            *of_others = Some(next);
            return Ok(outcome);
        }
        let (outcome, next) = decide(None)?;
        of_keys.insert(*key, next);
        self.0.is_full.store(of_keys.len() >= KEYS_MAX, Ordering::Relaxed);
        Ok(outcome)
    }
}

impl ShrinkableKeyedStateStore<u64> for States {
    fn retain_recent(&self, drop_below: Nanos) {
        let mut locked = self.0.locked.lock();
        locked.of_keys.retain(|_, state| *state > drop_below);
        // A crowd that has gone leaves no table of its size.
        if locked.of_keys.len() < locked.of_keys.capacity() / 4 {
            locked.of_keys.shrink_to_fit();
        }
        self.0.is_full.store(locked.of_keys.len() >= KEYS_MAX, Ordering::Relaxed);
    }

    fn len(&self) -> usize {
        self.0.locked.lock().of_keys.len()
    }

    fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
