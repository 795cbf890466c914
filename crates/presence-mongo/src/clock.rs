//! The server's time, and whether everybody could write.

mod health;
mod probe;
mod prober;
mod reading;

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use self::health::Health;
use self::probe::Probe;
pub(crate) use self::prober::{look, run};
use self::reading::{DRIFT, Reading};
use crate::error::{Error, ErrorKind};
use crate::slots::{Period, TimeSlot};

/// The server's time, as all tasks of a base share it.
///
/// The local wall clock is never looked at, so whoever sets it does no harm.
#[derive(Debug)]
pub(crate) struct Clock {
    period: Period,
    locked: Mutex<Locked>,
    /// The server's clock was set, or another server answers whose clock is another one.
    pub(crate) stepped: Notify,
}

#[derive(Debug)]
struct Locked {
    reading: Option<Reading>,
    /// A router answered last.
    is_router: bool,
    health: Health,
    /// Why the last probe failed.
    error: Option<Error>,
    /// When the server answered last.
    answered: Option<Instant>,
}

/// After this long without an answer the server's clock is reckoned on, and not known.
const SILENCE_MAX: Duration = Duration::from_secs(10);

impl Clock {
    pub(crate) fn new(period: Period) -> Self {
        let health = Health::new(period);
        let locked = Locked { reading: None, is_router: false, health, error: None, answered: None };
        Self { period, locked: Mutex::new(locked), stepped: Notify::new() }
    }

    pub(crate) fn period(&self) -> Period {
        self.period
    }

    /// Takes note of what the server answered.
    fn note(&self, probe: &Probe) {
        let mut locked = self.locked.lock();
        let Locked { reading, is_router, health, error, answered } = &mut *locked;
        // Routers answer in turn, and clocks that are a little apart keep nobody from pinging.
        let tolerance = if probe.is_router { self.period.length() / 8 } else { DRIFT };
        let stepped = match reading {
            Some(reading) => reading.renew(probe.time, tolerance),
            None => {
                *reading = Some(Reading::of(probe.time));
                false
            }
        };
        *error = None;
        *answered = Some(probe.answered);
        *is_router = probe.is_router;
        let reading = reading.as_ref().expect("one was made just now");
        health.note(reading.at(probe.sent), reading.at(probe.answered), probe.commits, stepped);
        drop(locked);
        if stepped && !probe.is_router {
            self.stepped.notify_one();
        }
    }

    /// Takes note of a probe that failed.
    fn failed(&self, error: Error) {
        let mut locked = self.locked.lock();
        locked.health.disturb();
        locked.error = Some(error);
    }

    /// Takes note that somebody could not write.
    pub(crate) fn disturb(&self) {
        self.locked.lock().health.disturb();
    }

    /// Returns the current slot.
    ///
    /// It is an error, which says why, while the server's clock could not be read.
    pub(crate) fn slot(&self) -> Result<TimeSlot, Error> {
        let locked = self.locked.lock();
        match (&locked.reading, &locked.error) {
            (Some(reading), _) => Ok(self.period.slot_at(reading.at(Instant::now()))),
            (None, Some(error)) => Err(error.clone()),
            (None, None) => {
                let message = "the clock of the database has not been read yet";
                Err(Error::new(ErrorKind::Unavailable, message))
            }
        }
    }

    /// Returns why the server's clock could not be read for a while, if so. A single attempt that
    /// fails does not count.
    pub(crate) fn outage(&self) -> Option<Error> {
        let locked = self.locked.lock();
        let is_silent = locked.answered.is_none_or(|answered| answered.elapsed() > SILENCE_MAX);
        locked.error.clone().filter(|_| is_silent)
    }

    /// Returns when a slot has lasted for so long, by the monotonic clock of this process; now if
    /// the server's clock is not known.
    pub(crate) fn instant_in(&self, slot: TimeSlot, after: Duration) -> Instant {
        let locked = self.locked.lock();
        let time = slot.begin().saturating_add(after);
        locked.reading.as_ref().map_or_else(Instant::now, |reading| reading.instant_of(time))
    }

    /// Says whether all processes go by this one clock: of several routers each has its own.
    pub(crate) fn is_the_only_one(&self) -> bool {
        !self.locked.lock().is_router
    }

    /// Says whether this process has seen that everybody could write, since a slot began.
    pub(crate) fn has_seen_health(&self, slot: TimeSlot) -> bool {
        self.locked.lock().health.has_seen(slot)
    }

    /// Says whether everybody could write for the whole of a slot that is over.
    pub(crate) fn was_healthy(&self, slot: TimeSlot) -> bool {
        self.locked.lock().health.covers(slot)
    }
}

#[cfg(test)]
mod tests {
    use bson::{DateTime, doc};
    use mongo_link::ServerTime;

    use super::*;

    /// Says whether slots are taken for spoilt when the second answer comes from a clock that is so
    /// much ahead of the first one's.
    fn spoils(is_router: bool, ahead_ms: i64) -> bool {
        let (clock, now) = (Clock::new(Period::new(30)), Instant::now());
        for millis in [1_000_000, 1_000_000 + ahead_ms] {
            let hello = doc! { "localTime": DateTime::from_millis(millis) };
            let time = ServerTime::of_hello(&hello, now, now).unwrap();
            clock.note(&Probe { sent: now, answered: now, time, commits: true, is_router });
        }
        !clock.was_healthy(TimeSlot::new(960))
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_not_read_for_a_while_is_told_and_one_failure_is_not() {
        let clock = Clock::new(Period::new(3_600));
        let answer = || {
            let now = Instant::now();
            let hello = doc! { "localTime": DateTime::from_millis(1_000_000) };
            let time = ServerTime::of_hello(&hello, now, now).unwrap();
            clock.note(&Probe { sent: now, answered: now, time, commits: true, is_router: false });
        };
        let fail = || clock.failed(Error::new(ErrorKind::Unavailable, "the test wants it"));
        fail();
        assert!(clock.outage().is_some(), "it never was read");
        answer();
        fail();
        assert!(clock.outage().is_none());
        tokio::time::advance(SILENCE_MAX * 2).await;
        assert!(clock.outage().is_some());
        answer();
        assert!(clock.outage().is_none());
    }

    /// No slot ever went well behind routers whose clocks were 50 ms apart, and nobody died.
    #[test]
    fn clocks_of_routers_may_be_a_little_apart() {
        assert!(!spoils(false, 10) && spoils(false, 200));
        assert!(!spoils(true, 200) && spoils(true, 10_000));
    }
}
