//! The names in their stripes, and the calls about single ones.

use std::sync::atomic::{AtomicBool, Ordering};

use foldhash::quality::RandomState;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use super::STRIPES;
use super::clock::{Clock, Millis};
use super::ledger::{Ledger, Transition};
use super::name::HashedName;
use super::outcome::{Beat, EndedDevice, OnlineName};
use super::stripe::Stripe;
use super::timing::Timing;
use crate::name::Device;

/// Who is online in this process, through which devices, and until when.
///
/// Every call is one critical section per name and waits for nothing else. Deadlines need one task
/// that runs [`sweep`](Self::sweep).
#[derive(Debug)]
pub struct Tracker<L: Ledger> {
    clock: Clock,
    ledger: L,
    shards: Box<[Mutex<Stripe<L::Name>>]>,
    keys: RandomState,
    /// Whether the sweeper waits for a deadline to begin.
    idle: AtomicBool,
    wake: Notify,
}

impl<L: Ledger> Tracker<L> {
    /// Creates a table in which nobody is online.
    ///
    /// About `remembered_max` names that went offline are remembered for [`seen`](Self::seen), the
    /// first to leave are forgotten first; 0 forgets each at once.
    #[must_use]
    pub fn new(timing: Timing, remembered_max: usize, ledger: L) -> Self {
        let keys = RandomState::default();
        let remembered_max = remembered_max.div_ceil(STRIPES);
        let shard = || Mutex::new(Stripe::new(timing, remembered_max, keys.clone()));
        Self {
            clock: Clock::start(),
            ledger,
            shards: std::iter::repeat_with(shard).take(STRIPES).collect(),
            keys,
            idle: AtomicBool::new(false),
            wake: Notify::new(),
        }
    }

    /// Returns what writes the transitions down.
    pub fn ledger(&self) -> &L {
        &self.ledger
    }

    /// Returns the clock that deadlines follow.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Returns the stripe of a name, which is less than [`STRIPES`].
    pub fn stripe(&self, name: &L::Name) -> usize {
        self.stripe_of(self.key(name))
    }

    /// Gives a device a heartbeat; a held one stays held.
    pub fn beat_device(&self, name: &L::Name, device: &Device) -> Beat {
        self.beat_device_with(name, device, L::record)
    }

    /// Gives a device a heartbeat, with another record of an arrival.
    ///
    /// `record` takes the place of [`Ledger::record`] and is bound by its rules.
    pub fn beat_device_with<F>(&self, name: &L::Name, device: &Device, record: F) -> Beat
    where
        F: FnOnce(&L, Transition<'_, L::Name>) -> bool,
    {
        let (key, now) = (self.key(name), self.clock.now());
        let record = |cause| record(&self.ledger, Transition::new(name, cause, now));
        let beat = self.lock(self.stripe_of(key)).beat_device(key, device, now, record);
        if beat.arrived {
            self.announce();
        }
        beat
    }

    /// Gives a device of a name that is online a heartbeat; `None` if the name is not.
    pub fn beat_device_of_online(&self, name: &L::Name, device: &Device) -> Option<Beat> {
        let (key, now) = (self.key(name), self.clock.now());
        self.lock(self.stripe_of(key)).beat_device_of_online(key, device, now)
    }

    /// Holds a device until it is ended.
    pub fn hold_device(&self, name: &L::Name, device: &Device) -> Beat {
        self.hold_device_with(name, device, L::record)
    }

    /// Holds a device until it is ended, with another record of an arrival.
    ///
    /// `record` takes the place of [`Ledger::record`] and is bound by its rules.
    pub fn hold_device_with<F>(&self, name: &L::Name, device: &Device, record: F) -> Beat
    where
        F: FnOnce(&L, Transition<'_, L::Name>) -> bool,
    {
        let (key, now) = (self.key(name), self.clock.now());
        let record = |cause| record(&self.ledger, Transition::new(name, cause, now));
        let beat = self.lock(self.stripe_of(key)).hold_device(key, device, now, record);
        if beat.arrived {
            self.announce();
        }
        beat
    }

    /// Ends a device.
    ///
    /// The last one leaves its name online for the grace time, or lets it depart at once if there
    /// is none.
    pub fn end_device(&self, name: &L::Name, device: &Device) -> EndedDevice {
        let (key, now) = (self.key(name), self.clock.now());
        let (ended, departed) = {
            let mut shard = self.lock(self.stripe_of(key));
            let (ended, departure) = shard.end_device(key, device, now);
            if let Some((cause, seen)) = departure {
                self.ledger.record(Transition::new(name, cause, seen));
            }
            (ended, departure.is_some())
        };
        if departed {
            self.announce();
        } else {
            // The grace time has begun, and the sweeper may be resting.
            self.wake_sweeper();
        }
        ended
    }

    /// Ends every device of each name, without grace, and returns how many were online.
    pub fn end_all(&self, names: &[L::Name]) -> usize {
        let now = self.clock.now();
        let mut ended = 0;
        for name in names {
            let key = self.key(name);
            let mut shard = self.lock(self.stripe_of(key));
            if let Some((cause, seen)) = shard.end(key, now) {
                self.ledger.record(Transition::new(name, cause, seen));
                ended += 1;
            }
        }
        if ended > 0 {
            self.announce();
        }
        ended
    }

    /// Lets a name go without a record, if `under_lock` says so.
    ///
    /// Returns whether the name was online. `under_lock` hears whether the name is online here. It
    /// runs while the stripe of the name is locked, under the rules of [`Ledger::record`].
    pub fn forget_if(&self, name: &L::Name, under_lock: impl FnOnce(bool) -> bool) -> bool {
        let (key, now) = (self.key(name), self.clock.now());
        let mut shard = self.lock(self.stripe_of(key));
        let online = shard.is_online(key);
        // Nothing is announced, as nothing was recorded: no stream has anything to read by this.
        under_lock(online) && shard.end(key, now).is_some()
    }

    /// Settles a name, if it is online.
    pub fn settle(&self, name: &L::Name) {
        self.settle_if(name, || true);
    }

    /// Settles a name, if it is online and `under_lock` says so.
    ///
    /// Returns whether the name is online. `under_lock` runs while the stripe of the name is
    /// locked, under the rules of [`Ledger::record`]: a ledger can see there that the name has not
    /// left and come back since.
    pub fn settle_if(&self, name: &L::Name, under_lock: impl FnOnce() -> bool) -> bool {
        let key = self.key(name);
        self.lock(self.stripe_of(key)).settle_if(key, under_lock)
    }

    /// Takes back the settlement of every name in a stripe.
    ///
    /// # Panics
    ///
    /// If `stripe` is not less than [`STRIPES`].
    pub fn unsettle(&self, stripe: usize) {
        self.lock(stripe).unsettle();
    }

    /// Says whether a name is online here.
    pub fn is_online(&self, name: &L::Name) -> bool {
        let key = self.key(name);
        self.lock(self.stripe_of(key)).is_online(key)
    }

    /// Returns the last sign of life of a name that is online or remembered.
    pub fn seen(&self, name: &L::Name) -> Option<Millis> {
        let (key, now) = (self.key(name), self.clock.now());
        self.lock(self.stripe_of(key)).seen(key, now)
    }

    /// Adds the names that are online in a stripe to `kept`, up to `limit`.
    ///
    /// Returns where to go on. `from` is 0 or what the page before returned. The stripe is locked
    /// for as long as a page takes.
    ///
    /// # Panics
    ///
    /// If `stripe` is not less than [`STRIPES`].
    pub fn list(
        &self,
        stripe: usize,
        from: u64,
        limit: usize,
        kept: &mut Vec<OnlineName<L::Name>>,
    ) -> Option<u64> {
        self.list_with(stripe, from, limit, kept, |_| ()).0
    }

    /// Does what [`list`](Self::list) does, and then calls `under_lock`.
    ///
    /// The stripe is still locked during that call, under the rules of [`Ledger::record`]. What
    /// `under_lock` hands on is true in between the transitions recorded before and those to come.
    ///
    /// # Panics
    ///
    /// If `stripe` is not less than [`STRIPES`].
    pub fn list_with<T>(
        &self,
        stripe: usize,
        from: u64,
        limit: usize,
        kept: &mut Vec<OnlineName<L::Name>>,
        under_lock: impl FnOnce(&mut Vec<OnlineName<L::Name>>) -> T,
    ) -> (Option<u64>, T) {
        let shard = self.lock(stripe);
        let next = shard.list(from, limit, kept);
        (next, under_lock(kept))
    }

    /// Returns how many are online in a stripe.
    ///
    /// # Panics
    ///
    /// If `stripe` is not less than [`STRIPES`].
    pub fn online(&self, stripe: usize) -> usize {
        self.lock(stripe).online()
    }

    #[inline]
    pub(super) fn key<'a>(&self, name: &'a L::Name) -> HashedName<'a, L::Name> {
        HashedName::new(name, &self.keys)
    }

    #[inline]
    pub(super) fn stripe_of(&self, key: HashedName<'_, L::Name>) -> usize {
        self.ledger.stripe(key.name, key.hash) % STRIPES
    }

    #[inline]
    pub(super) fn lock(&self, stripe: usize) -> MutexGuard<'_, Stripe<L::Name>> {
        self.shards[stripe].lock()
    }

    /// Tells that transitions were recorded; no stripe may be locked.
    pub(super) fn announce(&self) {
        self.ledger.announce();
        self.wake_sweeper();
    }

    /// Wakes the sweeper, should it rest: a deadline may have begun to run.
    fn wake_sweeper(&self) {
        // `rest` says why no wake-up is lost.
        if self.idle.load(Ordering::SeqCst) {
            self.wake.notify_one();
        }
    }

    /// Waits while no deadline is running.
    pub(super) async fn rest(&self) {
        // The order matters: `idle` is set before the stripes are looked at. A deadline that is
        // planned after its stripe was looked at here is planned in a later critical section of
        // that stripe, and `idle` is read later still. So either the deadline is seen here, or
        // `idle` is seen there.
        self.idle.store(true, Ordering::SeqCst);
        while self.shards.iter().all(|shard| shard.lock().is_idle()) {
            self.wake.notified().await;
        }
        self.idle.store(false, Ordering::SeqCst);
    }
}
