//! The one place that reads the time of day.

#[cfg(feature = "contract")]
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

/// Returns the milliseconds since 1970, 0 before.
#[expect(clippy::disallowed_methods, reason = "this is the one place")]
pub(crate) fn unix_ms() -> u64 {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).saturating_add_signed(ahead_ms())
}

/// By how much the clock is wrong, for tests of nodes whose clocks differ.
#[cfg(feature = "contract")]
static AHEAD_MS: AtomicI64 = AtomicI64::new(0);

/// Sets the clock of all stores of this process ahead of the machine's.
///
/// It is behind with a negative number. Programs that test a store by several processes set the
/// clocks of these apart by it; no law calls it.
#[cfg(feature = "contract")]
pub fn set_clock_ahead(ahead_ms: i64) {
    AHEAD_MS.store(ahead_ms, Ordering::Relaxed);
}

#[cfg(feature = "contract")]
fn ahead_ms() -> i64 {
    AHEAD_MS.load(Ordering::Relaxed)
}

#[cfg(not(feature = "contract"))]
const fn ahead_ms() -> i64 {
    0
}
