//! How long to wait before trying again: full jitter, longer with each failure.

use std::time::Duration;

/// The longest possible wait after the first failure.
const FIRST: Duration = Duration::from_millis(200);
/// The longest possible wait after any.
const MOST: Duration = Duration::from_secs(30);

/// Returns a random wait after so many failures in a row, counted from 1.
pub(super) fn wait(failures: u32) -> Duration {
    most(failures).mul_f64(fastrand::f64())
}

/// The longest wait after so many failures in a row, counted from 1.
fn most(failures: u32) -> Duration {
    let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    FIRST.saturating_mul(doubled).min(MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let waits: Vec<u128> = (1..=9).map(|failures| most(failures).as_millis()).collect();
        assert_eq!(waits, [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000]);
        assert_eq!((most(0), most(33), most(u32::MAX)), (FIRST, MOST, MOST));
    }
}
