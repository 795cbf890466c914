//! What is known about one name.

use super::clock::Millis;
use super::name::Name;
use super::outcome::EndedDevice;
use super::slab::{Linked, Links};
use super::timing::Timing;
use crate::event::Cause;
use crate::name::Device;

/// One name, online or remembered; 80 bytes if it is an id, as a million of them should be small.
///
/// All times that end something include the grace time already: nothing happens when a device is
/// lost, only when the name it kept online goes offline.
#[derive(Debug)]
pub(super) struct TrackedName<N> {
    pub(super) name: N,
    /// Until when heartbeats without a device, and devices that ended, keep the name online.
    until: Millis,
    /// The last sign of life.
    seen: Millis,
    /// The devices that beat or are held. Boxed: most names have none.
    #[expect(clippy::box_collection, reason = "one word for the many names without devices")]
    devices: Option<Box<Vec<TrackedDevice>>>,
    links: Links,
    pub(super) online: bool,
    /// Whether the ledger is done with the arrival; never while offline.
    pub(super) settled: bool,
    /// Whether `until` was set by a device that ended.
    ended: bool,
}

#[derive(Debug)]
struct TrackedDevice {
    device: Device,
    /// `HELD` while nothing is to happen.
    until: Millis,
}

impl<N: Name> TrackedName<N> {
    pub(super) fn new(name: N) -> Self {
        Self {
            name,
            until: 0,
            seen: 0,
            devices: None,
            links: Links::LOOSE,
            online: false,
            settled: false,
            ended: false,
        }
    }

    /// Returns when the name goes offline if nothing else happens; `None` while a device is held.
    pub(super) fn deadline(&self) -> Option<Millis> {
        let deadline = self.sources().iter().map(|source| source.until).fold(self.until, Millis::max);
        (deadline != HELD).then_some(deadline)
    }

    /// Says whether the deadline has passed after a device was ended at `now`.
    ///
    /// Times are cut to milliseconds, so that a deadline in this one may be yet to come, unless it
    /// is the end of that device.
    pub(super) fn is_over(&self, now: Millis, timing: Timing) -> bool {
        let at_once =
            self.ended && timing.grace == 0 && self.sources().iter().all(|source| source.until < now);
        self.deadline().is_some_and(|deadline| deadline < now || (deadline == now && at_once))
    }

    /// Returns why the name goes offline at its deadline.
    pub(super) fn departure_cause(&self) -> Cause {
        if self.ended && self.deadline() == Some(self.until) { Cause::Ended } else { Cause::Expired }
    }

    pub(super) fn seen(&self, now: Millis) -> Millis {
        if self.online && self.deadline().is_none() { now } else { self.seen }
    }

    #[inline]
    pub(super) fn beat(&mut self, now: Millis, timing: Timing) {
        self.seen = now;
        // With a very short TTL a heartbeat would end before the grace time of a device that was
        // ended. The later of the two counts.
        let until = now + timing.ttl + timing.grace;
        if until >= self.until {
            self.until = until;
            self.ended = false;
        }
    }

    /// Reads a little of each end, which brings the entry into the cache.
    #[inline]
    pub(super) fn touch(&self) -> u64 {
        self.until ^ u64::from(self.online) ^ self.name.touch()
    }

    pub(super) fn beat_device(&mut self, device: &Device, now: Millis, timing: Timing) {
        self.seen = now;
        let source = self.source(device, now);
        if source.until != HELD {
            source.until = now + timing.ttl + timing.grace;
        }
    }

    pub(super) fn hold_device(&mut self, device: &Device, now: Millis) {
        self.seen = now;
        self.source(device, now).until = HELD;
    }

    /// Ends a device, which leaves the name online for the grace time at most.
    pub(super) fn end_device(&mut self, device: &Device, now: Millis, timing: Timing) -> EndedDevice {
        let Some(sources) = &mut self.devices else { return EndedDevice::Unknown };
        let Some(at) = sources.iter().position(|source| source.device == *device) else {
            return EndedDevice::Unknown;
        };
        let source = sources.swap_remove(at);
        if sources.is_empty() {
            self.devices = None;
        }
        self.seen = now;
        // A device that was lost already keeps what is left of its grace time.
        let until = source.until.min(now + timing.grace);
        if until >= self.until {
            self.until = until;
            self.ended = true;
        }
        if source.until == HELD { EndedDevice::Held } else { EndedDevice::Beating }
    }

    /// Ends everything, and returns the last sign of life.
    pub(super) fn go_offline(&mut self, now: Millis) -> Millis {
        self.seen = self.seen(now);
        self.until = 0;
        self.ended = false;
        self.online = false;
        self.settled = false;
        self.devices = None;
        self.seen
    }

    fn sources(&self) -> &[TrackedDevice] {
        self.devices.as_ref().map_or(&[], |sources| sources.as_slice())
    }

    /// Finds or adds a device. Those whose time is over go, so that names that never return do not
    /// pile up.
    fn source(&mut self, device: &Device, now: Millis) -> &mut TrackedDevice {
        let sources = self.devices.get_or_insert_default();
        if let Some(at) = sources.iter().position(|source| source.device == *device) {
            return &mut sources[at];
        }
        sources.retain(|source| source.until >= now);
        // Exactly one: the second device of a name is rare, and four places would be 192 bytes.
        sources.reserve_exact(1);
        sources.push(TrackedDevice { device: device.clone(), until: 0 });
        sources.last_mut().expect("pushed above")
    }
}

impl<N> Linked for TrackedName<N> {
    fn links_mut(&mut self) -> &mut Links {
        &mut self.links
    }
}

const HELD: Millis = Millis::MAX;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Id;

    const TIMING: Timing = Timing { ttl: 1_000, grace: 100 };

    fn entry() -> TrackedName<Id> {
        TrackedName::new(Id::new("a").unwrap())
    }

    fn device(name: &str) -> Device {
        Device::new(name).unwrap()
    }

    #[test]
    fn entry_takes_eighty_bytes() {
        assert_eq!(size_of::<Option<TrackedName<Id>>>(), 80);
    }

    #[test]
    fn name_stays_for_the_last_of_its_devices() {
        let mut entry = entry();
        entry.beat(0, TIMING);
        entry.beat_device(&device("phone"), 500, TIMING);
        assert_eq!(entry.deadline(), Some(1_600));
        entry.hold_device(&device("tab"), 600);
        entry.beat_device(&device("tab"), 700, TIMING);
        assert_eq!(entry.deadline(), None);
        assert_eq!(entry.end_device(&device("tab"), 900, TIMING), EndedDevice::Held);
        assert_eq!((entry.deadline(), entry.departure_cause()), (Some(1_600), Cause::Expired));
        assert_eq!(entry.end_device(&device("phone"), 1_000, TIMING), EndedDevice::Beating);
        // The heartbeat without a device and the grace of the phone end together; the phone came
        // later.
        assert_eq!((entry.deadline(), entry.departure_cause()), (Some(1_100), Cause::Ended));
        assert_eq!(entry.end_device(&device("phone"), 1_000, TIMING), EndedDevice::Unknown);
    }

    #[test]
    fn ending_a_lost_device_does_not_lengthen_its_grace() {
        let mut entry = entry();
        entry.beat_device(&device("phone"), 0, TIMING);
        assert_eq!(entry.end_device(&device("phone"), 1_050, TIMING), EndedDevice::Beating);
        assert_eq!(entry.deadline(), Some(1_100));
    }

    #[test]
    fn devices_whose_time_is_over_are_forgotten() {
        let mut entry = entry();
        for now in 0..100 {
            entry.beat_device(&device(&now.to_string()), now * 2_000, TIMING);
        }
        assert_eq!(entry.sources().len(), 1);
    }
}
