//! How long things last, as the seed wants it.

use std::time::Duration;

use fastrand::Rng;
use tokio::time::sleep;

/// Waits for 0.1 to 8 s, or what is allowed.
pub(crate) async fn pause(rng: &mut Rng, longest: Duration) {
    sleep(Duration::from_millis(rng.u64(100..8_000)).min(longest)).await;
}

/// Waits for 12 to 15 s, or what is allowed: longer than a call may take.
pub(crate) async fn long_pause(rng: &mut Rng, longest: Duration) {
    sleep(Duration::from_millis(rng.u64(12_000..15_000)).min(longest)).await;
}

/// Waits for 0.3 to 1.5 s, or what is allowed.
///
/// Others write meanwhile, and nobody puts right that a replica hears nothing.
pub(crate) async fn moment(rng: &mut Rng, longest: Duration) {
    sleep(Duration::from_millis(rng.u64(300..1_500)).min(longest)).await;
}
