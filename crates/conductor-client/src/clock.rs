//! Wall time, which only dates in the answers of hubs are compared with.

use std::time::SystemTime;

/// Returns the time of this machine.
#[expect(clippy::disallowed_methods, reason = "the one place where this crate reads wall time")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}
