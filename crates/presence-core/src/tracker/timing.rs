//! The two times that decide how long somebody is online.

use std::time::Duration;

use super::clock::{self, Millis};
use crate::error::{Error, ErrorKind};

/// A time to live and a grace time, both checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    pub(super) ttl: Millis,
    pub(super) grace: Millis,
}

impl Timing {
    /// The shortest TTL.
    pub const TTL_MIN: Duration = Duration::from_millis(10);

    /// The longest TTL and grace time: 365 days.
    pub const TTL_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    /// The TTL of every backend, unless it is given another.
    pub const TTL: Duration = Duration::from_secs(30);

    /// The grace time of every backend of ours, unless it is given another.
    pub const GRACE: Duration = Duration::from_secs(5);

    /// Checks both times, which must be whole milliseconds.
    ///
    /// # Errors
    ///
    /// [`Config`](ErrorKind::Config) that names `ttl`, unless it is [`TTL_MIN`](Self::TTL_MIN) to
    /// [`TTL_MAX`](Self::TTL_MAX), or `grace`, unless it is 0 to [`TTL_MAX`](Self::TTL_MAX).
    pub fn new(ttl: Duration, grace: Duration) -> Result<Self, Error> {
        let ttl = whole("ttl", ttl, Self::TTL_MIN)?;
        let grace = whole("grace", grace, Duration::ZERO)?;
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
fn whole(name: &str, value: Duration, min: Duration) -> Result<Millis, Error> {
    let fault = if value < min || value > Timing::TTL_MAX {
        format!("{name} is {value:?}; it must be from {min:?} to {:?}", Timing::TTL_MAX)
    } else if !value.subsec_nanos().is_multiple_of(1_000_000) {
        format!("{name} is {value:?}; it must be a whole number of milliseconds")
    } else {
        return Ok(clock::millis(value));
    };
    Err(Error::new(ErrorKind::Config, fault))
}
