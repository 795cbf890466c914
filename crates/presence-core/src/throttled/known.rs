//! Which refreshes are remembered: asked before a call, learned after it, forgotten when it counts no more.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use foldhash::quality::RandomState;
use parking_lot::Mutex;

use super::config::{Config, JITTER_MAX, JITTER_MIN};
use super::entry::{Mark, Token};
use super::part::Part;
use crate::beings::{Clock, Groups, Key, Millis, PLACES, millis};
use crate::name::{Device, Id};

/// The table of what is answered without a call.
#[derive(Debug)]
pub(super) struct Known {
    clock: Clock,
    parts: Box<[Mutex<Part>]>,
    keys: RandomState,
    ttl: Millis,
    answered: Duration,
    /// Whether nobody says any more who goes offline, so that nothing may be remembered.
    deaf: AtomicBool,
}

/// What is to be done about an id before a call.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Nothing: it was refreshed in the meantime.
    Fresh,
    /// It has this place in the batch.
    Refresh(u32),
}

impl Known {
    pub(super) fn new(config: &Config) -> Self {
        let part = || Mutex::new(Part::new(config.known_max.div_ceil(PLACES)));
        Self {
            clock: Clock::start(),
            parts: std::iter::repeat_with(part).take(PLACES).collect(),
            keys: RandomState::default(),
            ttl: millis(config.ttl),
            answered: config.answered(),
            deaf: AtomicBool::new(false),
        }
    }

    pub(super) fn now(&self) -> Millis {
        self.clock.now()
    }

    /// Returns the places in `ids`, in their order, of those whose heartbeat has to go through.
    pub(super) fn stale(&self, ids: &[Id]) -> Vec<usize> {
        let now = self.now();
        if ids.len() < Groups::MIN {
            let stale = |id| {
                let key = self.key(id);
                !self.part(key).lock().is_fresh(key, now)
            };
            return (0..ids.len()).filter(|place| stale(&ids[*place])).collect();
        }
        let (mut all, mut others, mut found) = (Vec::new(), Vec::new(), Vec::new());
        for (first, ids) in (0..).step_by(Groups::MAX).zip(ids.chunks(Groups::MAX)) {
            let keys: Vec<_> = ids.iter().map(|id| self.key(id)).collect();
            let places: Vec<_> = keys.iter().map(|key| key.place()).collect();
            for (place, group) in Groups::new(&places).iter() {
                let group = group.iter().map(|number| (*number, keys[*number as usize]));
                self.parts[place].lock().stale(group, &mut found, now, |number| others.push(number));
            }
            others.sort_unstable();
            all.extend(others.drain(..).map(|number| first + number as usize));
        }
        all
    }

    /// Takes an id into the batch `token.batch`, at `token.place` unless it has a place there already.
    pub(super) fn ask(&self, id: &Id, token: Token) -> Ask {
        let (key, now) = (self.key(id), self.now());
        let mut part = self.part(key).lock();
        let entry = part.find_or_insert(key, now, now + self.ttl, |id| self.key(id).tag());
        match entry.own {
            mark if mark.is_fresh(now) => return Ask::Fresh,
            Mark::Asked { batch, place } if batch == token.batch => return Ask::Refresh(place),
            _ => entry.own = Mark::asked(token),
        }
        Ask::Refresh(token.place)
    }

    /// Remembers a refresh that was sent at `sent`, or that it failed.
    pub(super) fn learn(&self, id: &Id, token: Token, sent: Millis, refreshed: bool) {
        let (key, outcome) = (self.key(id), self.outcome(token, sent, refreshed));
        if let Some(entry) = self.part(key).lock().find(key) {
            entry.own.settle(token, outcome);
        }
    }

    /// Says whether the heartbeat of a device has to go through, which `token` then stands for.
    pub(super) fn ask_device(&self, id: &Id, device: &Device, token: Token) -> Ask {
        let (key, now) = (self.key(id), self.now());
        let mut part = self.part(key).lock();
        if part.find(key).and_then(|entry| entry.device(device)).is_some_and(|mark| mark.is_fresh(now)) {
            return Ask::Fresh;
        }
        let entry = part.find_or_insert(key, now, now + self.ttl, |id| self.key(id).tag());
        *entry.device_or_insert(device, now) = Mark::asked(token);
        Ask::Refresh(token.place)
    }

    /// Remembers a refresh of a device, or that it failed.
    pub(super) fn learn_device(&self, id: &Id, device: &Device, token: Token, sent: Millis, refreshed: bool) {
        let (key, outcome) = (self.key(id), self.outcome(token, sent, refreshed));
        if let Some(mark) = self.part(key).lock().find(key).and_then(|entry| entry.device(device)) {
            mark.settle(token, outcome);
        }
    }

    /// Forgets all that is known of an id; a refresh that is under way will not be remembered.
    pub(super) fn forget(&self, id: &Id) {
        let key = self.key(id);
        self.part(key).lock().forget(key);
    }

    pub(super) fn forget_device(&self, id: &Id, device: &Device) {
        let key = self.key(id);
        if let Some(mark) = self.part(key).lock().find(key).and_then(|entry| entry.device(device)) {
            *mark = Mark::Stale;
        }
    }

    pub(super) fn forget_all(&self) {
        self.parts.iter().for_each(|part| part.lock().clear());
    }

    /// Forgets everything for good: each heartbeat goes through from here on.
    pub(super) fn forget_for_good(&self) {
        self.deaf.store(true, Ordering::SeqCst);
        self.forget_all();
    }

    /// Returns a moment not before the last heartbeat of an id that was answered here, if any may have been.
    pub(super) fn seen(&self, id: &Id) -> Option<Millis> {
        let (key, now) = (self.key(id), self.now());
        let until = self.part(key).lock().find(key)?.answered_until();
        (until != 0).then(|| until.min(now))
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Refreshes that were sent together are due at different times.
    fn outcome(&self, token: Token, sent: Millis, refreshed: bool) -> Mark {
        if !refreshed || self.deaf.load(Ordering::SeqCst) {
            return Mark::Stale;
        }
        let random = self.keys.hash_one((token.batch, token.place));
        let random = f64::from(u32::try_from(random >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX);
        let jitter = JITTER_MIN + (JITTER_MAX - JITTER_MIN) * random;
        Mark::Fresh(sent + millis(self.answered.mul_f64(jitter)))
    }

    #[inline]
    fn key<'a>(&self, id: &'a Id) -> Key<'a, Id> {
        Key::new(id, &self.keys)
    }

    fn part(&self, key: Key<'_, Id>) -> &Mutex<Part> {
        &self.parts[key.place()]
    }
}
