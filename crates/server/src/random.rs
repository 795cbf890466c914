//! Random times, for what many would otherwise do at the same moment.

use std::time::Duration;

use uuid::Uuid;

/// Returns a random time from zero up to `most`.
pub(crate) fn below(most: Duration) -> Duration {
    // The low half of a random UUID; the bits that say what it is lie at the top of that, and are
    // cut off.
    let chance = (Uuid::new_v4().as_u64_pair().1 << 8) as f64 / 2_f64.powi(64);
    most.mul_f64(chance)
}

/// Returns a random wait after so many failures in a row, counted from 1.
///
/// The longest possible one is `first` at first, and doubles with each failure up to `most`.
pub(crate) fn wait(failures: u32, first: Duration, most: Duration) -> Duration {
    below(longest(failures, first, most))
}

fn longest(failures: u32, first: Duration, most: Duration) -> Duration {
    let doubled = 1_u32.checked_shl(failures.saturating_sub(1)).unwrap_or(u32::MAX);
    first.saturating_mul(doubled).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let (first, most) = (Duration::from_millis(500), Duration::from_secs(10));
        let waits: Vec<u128> = (1..=7).map(|failures| longest(failures, first, most).as_millis()).collect();
        assert_eq!(waits, [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
        assert_eq!((longest(0, first, most), longest(u32::MAX, first, most)), (first, most));
    }

    #[test]
    fn times_are_spread_over_the_whole_range() {
        let times: Vec<Duration> = (0..1_000).map(|_| below(Duration::from_secs(10))).collect();
        assert!(times.iter().all(|time| *time <= Duration::from_secs(10)));
        for part in 0..10 {
            let range = Duration::from_secs(part)..Duration::from_secs(part + 1);
            let hits = times.iter().filter(|time| range.contains(*time)).count();
            assert!((40..=200).contains(&hits), "{hits} of 1,000 in {range:?}");
        }
    }
}
