//! The one place that reads the time of day.

use std::time::SystemTime;

/// Returns the milliseconds since 1970, 0 before.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub(crate) fn unix_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX)
}
