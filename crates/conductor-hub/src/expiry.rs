//! When a login ends.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// What stands for a time that no clock reaches.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// The time at which a login ends.
///
/// It is made of an instant, or of a time of day such as a token has. A time of day is read once,
/// against the clock of that moment: whoever sets the clock later moves no expiry.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant, UNIX_EPOCH};
/// use conductor_hub::Admission;
///
/// let by_token = UNIX_EPOCH + Duration::from_secs(4_102_444_800);
/// let admission = Admission::user("alice").expires_at(by_token);
/// let an_hour = Admission::user("bob").expires_at(Instant::now() + Duration::from_secs(3_600));
/// # drop((admission, an_hour));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Expiry(Instant);

impl Expiry {
    /// Returns the end of a time that begins now.
    pub(crate) fn after(time: Duration) -> Self {
        let now = Instant::now();
        Self(now.checked_add(time).unwrap_or(now + FAR))
    }

    pub(crate) const fn instant(self) -> Instant {
        self.0
    }
}

impl From<std::time::Instant> for Expiry {
    fn from(at: std::time::Instant) -> Self {
        Self(Instant::from_std(at))
    }
}

impl From<SystemTime> for Expiry {
    /// Reads the time of day against the clock; a time that is over is now.
    fn from(at: SystemTime) -> Self {
        #[expect(clippy::disallowed_methods, reason = "the one place where this crate reads wall time")]
        let left = at.duration_since(SystemTime::now()).unwrap_or_default();
        Self::after(left)
    }
}
