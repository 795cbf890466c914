//! The clock that all processes have in common.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Returns what time it is, since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "what processes say is put in order by it")]
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
