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

#[cfg(test)]
mod tests {
    use super::*;

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
