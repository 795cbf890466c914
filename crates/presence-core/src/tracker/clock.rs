//! Time as deadlines count it: milliseconds since a start.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// Milliseconds since the start of a [`Clock`].
pub type Millis = u64;

/// Tokio's clock, which tests can pause; wall time is read only to tell people.
#[derive(Debug)]
pub struct Clock {
    start: Instant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Returns the time, cut to a millisecond that has begun and may not be over.
    #[must_use]
    pub fn now(&self) -> Millis {
        millis(self.start.elapsed())
    }

    /// Returns the instant of `at`.
    #[must_use]
    pub fn instant(&self, at: Millis) -> Instant {
        self.start + Duration::from_millis(at)
    }

    /// Returns the wall time of `at`, as seen from now.
    ///
    /// Corrections of the system's clock count at once.
    #[must_use]
    pub fn wall(&self, at: Millis) -> SystemTime {
        let ago = self.start.elapsed().saturating_sub(Duration::from_millis(at));
        let now = wall_now();
        now.checked_sub(ago).unwrap_or(now)
    }
}

/// Whole milliseconds; `u64` holds 584 million years of them.
pub(crate) fn millis(duration: Duration) -> Millis {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[expect(clippy::disallowed_methods, reason = "the one place where this crate reads wall time")]
pub(crate) fn wall_now() -> SystemTime {
    SystemTime::now()
}
