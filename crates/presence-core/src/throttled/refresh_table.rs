//! Which refreshes are remembered.
//!
//! It is asked before a call, learns after it, and forgets what counts no more.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use foldhash::quality::RandomState;
use parking_lot::Mutex;

use super::config::{Config, JITTER_MAX, JITTER_MIN};
use super::refresh_entry::{Freshness, HeartbeatSource, Owed, RefreshId, RefreshTiming};
use super::stripe::RefreshStripe;
use crate::name::{Device, Id};
use crate::tracker::{Clock, Groups, HashedName, Millis, STRIPES, millis};

/// The table of what is answered without a call.
#[derive(Debug)]
pub(super) struct RefreshTable {
    clock: Clock,
    parts: Box<[Mutex<RefreshStripe>]>,
    keys: RandomState,
    rhythm: RefreshTiming,
    answered: Duration,
    /// Whether nobody says who goes offline, so that nothing may be remembered.
    events_ended: AtomicBool,
    /// Until when those who are owed a heartbeat may have been ended elsewhere, unheard.
    doubt_until: AtomicU64,
}

/// What is to be done about an id before a call.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Nothing: it was refreshed in the meantime.
    Fresh,
    /// It has this index in the batch.
    Refresh(u32),
}

impl RefreshTable {
    pub(super) fn new(config: &Config) -> Self {
        let part = || Mutex::new(RefreshStripe::new(config.known_max.div_ceil(STRIPES)));
        Self {
            clock: Clock::start(),
            parts: std::iter::repeat_with(part).take(STRIPES).collect(),
            keys: RandomState::default(),
            rhythm: RefreshTiming { ttl: millis(config.ttl), retry: millis(config.retry()) },
            answered: config.answered(),
            events_ended: AtomicBool::new(false),
            doubt_until: AtomicU64::new(0),
        }
    }

    pub(super) fn now(&self) -> Millis {
        self.clock.now()
    }

    /// Answers heartbeats, and returns the indices in `ids`, in their order, of those that have to
    /// go through.
    pub(super) fn stale(&self, ids: &[Id]) -> Vec<usize> {
        let now = self.now();
        if ids.len() < Groups::MIN {
            let stale = |id| {
                let key = self.key(id);
                !self.part(key).lock().answer(key, now)
            };
            return (0..ids.len()).filter(|index| stale(&ids[*index])).collect();
        }
        let (mut all, mut others, mut found) = (Vec::new(), Vec::new(), Vec::new());
        for (first, ids) in (0..).step_by(Groups::MAX).zip(ids.chunks(Groups::MAX)) {
            let keys: Vec<_> = ids.iter().map(|id| self.key(id)).collect();
            let stripes: Vec<_> = keys.iter().map(|key| key.stripe()).collect();
            for (stripe, group) in Groups::new(&stripes).iter() {
                let group = group.iter().map(|number| (*number, keys[*number as usize]));
                self.parts[stripe].lock().answer_many(group, &mut found, now, |number| others.push(number));
            }
            // They were found by stripe, and are to come in the order of the input.
            others.sort_unstable();
            all.extend(others.drain(..).map(|number| first + number as usize));
        }
        all
    }

    /// Takes an id into the batch `token.batch`, at `token.index` unless it has an index there
    /// already.
    pub(super) fn ask(&self, id: &Id, token: RefreshId) -> Ask {
        let (key, now) = (self.key(id), self.now());
        let mut part = self.part(key).lock();
        if let Some(entry) = part.find_or_insert(key, now + self.rhythm.retry) {
            if entry.own.answer(now) {
                return Ask::Fresh;
            }
            match entry.own.mark {
                Freshness::Asked { batch, index } if batch == token.batch => return Ask::Refresh(index),
                // A refresh of another batch may be under way. Of the two only this later one is
                // remembered.
                _ => entry.own.mark = Freshness::asked(token),
            }
        }
        Ask::Refresh(token.index)
    }

    /// Remembers a refresh that was sent at `sent`, or that it failed.
    pub(super) fn learn(
        &self,
        id: &Id,
        device: Option<&Device>,
        token: RefreshId,
        sent: Millis,
        refreshed: bool,
    ) {
        let outcome = self.outcome(token, sent, refreshed);
        self.with(id, device, |source| source.settle(token, outcome));
    }

    /// Says whether the heartbeat of a device has to go through, which `token` then stands for.
    pub(super) fn ask_device(&self, id: &Id, device: &Device, token: RefreshId) -> Ask {
        let (key, now) = (self.key(id), self.now());
        let mut part = self.part(key).lock();
        if let Some(entry) = part.find_or_insert(key, now + self.rhythm.retry) {
            let source = entry.device_or_insert(device, now, self.rhythm);
            if source.answer(now) {
                return Ask::Fresh;
            }
            source.mark = Freshness::asked(token);
        }
        Ask::Refresh(token.index)
    }

    /// Returns heartbeats that are owed by now, `max` of ids or a few more; all of them, if it is
    /// less.
    pub(super) fn owed(&self, max: usize) -> Vec<Owed> {
        let (now, mut owed) = (self.now(), Vec::new());
        for part in &self.parts {
            while owed.len() < max && !part.lock().look(now, self.rhythm, &mut owed, |id| self.key(id).tag())
            {
            }
        }
        owed
    }

    /// Says whether a heartbeat is owed still, which `token` then stands for.
    pub(super) fn ask_owed(&self, owed: &Owed, token: RefreshId) -> bool {
        let asked = self.with(&owed.id, owed.device.as_ref(), |source| {
            let is_owed = source.is_owed(self.now(), self.rhythm.ttl);
            if is_owed {
                source.mark = Freshness::asked(token);
            }
            is_owed
        });
        asked.unwrap_or(false)
    }

    /// Forgets all that is known of an id; a refresh that is under way will not be remembered.
    pub(super) fn forget(&self, id: &Id) {
        let key = self.key(id);
        self.part(key).lock().forget(key);
    }

    pub(super) fn forget_device(&self, id: &Id, device: &Device) {
        self.with(id, Some(device), |source| *source = HeartbeatSource::UNKNOWN);
    }

    /// Answers for nobody that is known now, as some may have gone offline; what is owed stays
    /// owed.
    pub(super) fn doubt_all(&self) {
        // A heartbeat is owed for one TTL: by then those that were answered before now are over.
        self.doubt_until.store(self.now() + self.rhythm.ttl, Ordering::SeqCst);
        self.parts.iter().for_each(|part| part.lock().doubt());
    }

    /// Says whether somebody who is owed a heartbeat may have been ended elsewhere, unheard.
    pub(super) fn doubts(&self) -> bool {
        self.now() < self.doubt_until.load(Ordering::SeqCst)
    }

    /// Notes that nobody says who goes offline, for now: each heartbeat goes through.
    pub(super) fn hear_nothing(&self) {
        // The order matters: from here on no refresh is remembered, and then those that were are in
        // doubt.
        self.events_ended.store(true, Ordering::SeqCst);
        self.doubt_all();
    }

    /// Notes that somebody says again who goes offline, from here on.
    pub(super) fn hear_again(&self) {
        // The order matters: a refresh that was sent before the events began again is in doubt by
        // the time at which refreshes are remembered again.
        self.doubt_all();
        self.events_ended.store(false, Ordering::SeqCst);
    }

    /// Forgets everything for good: each heartbeat goes through from here on.
    pub(super) fn forget_for_good(&self) {
        self.events_ended.store(true, Ordering::SeqCst);
        self.parts.iter().for_each(|part| part.lock().clear());
    }

    /// Returns when the last heartbeat of an id came, if it was answered here and not passed on
    /// yet.
    pub(super) fn seen(&self, id: &Id) -> Option<Millis> {
        let key = self.key(id);
        let answered = self.part(key).lock().find(key)?.answered();
        (answered != 0).then_some(answered)
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Refreshes that were sent together are due at different times.
    fn outcome(&self, token: RefreshId, sent: Millis, refreshed: bool) -> Freshness {
        if !refreshed || self.events_ended.load(Ordering::SeqCst) {
            return Freshness::Stale;
        }
        // A hash in the place of dice: it takes no lock and keeps no state.
        let random = self.keys.hash_one((token.batch, token.index));
        let random = f64::from(u32::try_from(random >> 32).unwrap_or(u32::MAX)) / f64::from(u32::MAX);
        let jitter = JITTER_MIN + (JITTER_MAX - JITTER_MIN) * random;
        Freshness::Fresh(sent + millis(self.answered.mul_f64(jitter)))
    }

    fn with<T>(
        &self,
        id: &Id,
        device: Option<&Device>,
        act: impl FnOnce(&mut HeartbeatSource) -> T,
    ) -> Option<T> {
        let key = self.key(id);
        self.part(key).lock().find(key)?.source(device).map(act)
    }

    #[inline]
    fn key<'a>(&self, id: &'a Id) -> HashedName<'a, Id> {
        HashedName::new(id, &self.keys)
    }

    fn part(&self, key: HashedName<'_, Id>) -> &Mutex<RefreshStripe> {
        &self.parts[key.stripe()]
    }
}
