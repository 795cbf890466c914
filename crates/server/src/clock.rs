//! Wall time, written as milliseconds since 1970.

use std::time::SystemTime;

/// The wall time.
#[expect(clippy::disallowed_methods, reason = "the one place where this crate reads wall time")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// Milliseconds since 1970.
pub(crate) fn unix_ms(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
