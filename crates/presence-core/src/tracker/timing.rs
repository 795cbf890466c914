//! The two times that decide how long somebody is online.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::bounds::within;
use super::clock::{self, Millis};
use crate::error::{Error, ErrorKind};

/// A time to live and a grace time, both checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    pub(super) ttl: Millis,
    pub(super) grace: Millis,
}

impl Timing {
    /// The longest TTL and grace time.
    pub const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    /// The TTL of every backend, unless it is given another.
    pub const TTL_DEFAULT: Duration = Duration::from_secs(30);

    /// Between what a TTL is.
    pub const TTL_BOUNDS: RangeInclusive<Duration> = Duration::from_millis(10)..=Self::LONGEST;

    /// The grace time of every backend of ours, unless it is given another.
    pub const GRACE_DEFAULT: Duration = Duration::from_secs(5);

    /// Between what a grace time is.
    pub const GRACE_BOUNDS: RangeInclusive<Duration> = Duration::ZERO..=Self::LONGEST;

    /// Checks both times, which must be whole milliseconds.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) that names `ttl`, unless it is within
    /// [`TTL_BOUNDS`](Self::TTL_BOUNDS), or `grace`, unless it is within
    /// [`GRACE_BOUNDS`](Self::GRACE_BOUNDS).
    pub fn new(ttl: Duration, grace: Duration) -> Result<Self, Error> {
        let ttl = whole("ttl", ttl, &Self::TTL_BOUNDS)?;
        let grace = whole("grace", grace, &Self::GRACE_BOUNDS)?;
        Ok(Self { ttl, grace })
    }

    /// Returns how long one heartbeat keeps a name online.
    #[must_use]
    pub fn ttl(self) -> Duration {
        Duration::from_millis(self.ttl)
    }

    /// Returns how long a name stays online after its last device was lost or ended.
    #[must_use]
    pub fn grace(self) -> Duration {
        Duration::from_millis(self.grace)
    }
}

/// Refuses what would be rounded: a TTL that is silently another one has been seen to cost days.
fn whole(name: &str, value: Duration, bounds: &RangeInclusive<Duration>) -> Result<Millis, Error> {
    within(ErrorKind::Config, name, &value, bounds)?;
    if !value.subsec_nanos().is_multiple_of(1_000_000) {
        let fault = format!("{name} is {value:?}; it must be a whole number of milliseconds");
        return Err(Error::new(ErrorKind::Config, fault));
    }
    Ok(clock::millis(value))
}
