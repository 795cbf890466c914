//! The generic cell rate algorithm, which says whether a rate is kept.
//!
//! Source: ITU-T I.371, annex A; with virtual scheduling.

use std::time::Duration;

use tokio::time::Instant;

use crate::Rate;

/// What was used of one rate: the time at which all of it is there again.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Gcra {
    /// None, or one that is over, if nothing of the burst is used.
    full_at: Option<Instant>,
}

impl Gcra {
    /// Uses so much of a rate. If there is not enough, nothing is used, and the error says after
    /// which time there is.
    pub(crate) fn take(&mut self, rate: Rate, amount: usize, now: Instant) -> Result<(), Duration> {
        let full_at = self.full_at.map_or(now, |full_at| full_at.max(now));
        let used = Duration::from_nanos(rate.nanos_of(amount));
        let Some(full_at) = full_at.checked_add(used) else { return Err(used) };
        let burst = Duration::from_nanos(rate.burst_nanos());
        let over = (full_at - now).saturating_sub(burst);
        if over > Duration::ZERO {
            return Err(over);
        }
        self.full_at = Some(full_at);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    const SECOND: u128 = 1_000_000_000;

    /// A bucket that is counted out: what it has grows with the time, up to the burst.
    struct Bucket {
        per_second: u128,
        /// In units and billionths of them.
        burst: u128,
        has: u128,
    }

    impl Bucket {
        fn wait(&mut self, nanos: u64) {
            self.has = self.burst.min(self.has + self.per_second * u128::from(nanos));
        }

        fn take(&mut self, amount: usize) -> bool {
            let wanted = amount as u128 * SECOND;
            let enough = wanted <= self.has;
            self.has -= if enough { wanted } else { 0 };
            enough
        }
    }

    proptest! {
        #[test]
        fn a_rate_is_that_of_a_bucket_which_fills_up(
            // A second has a whole number of nanoseconds for each, so that nothing is rounded.
            per_second in proptest::sample::select(vec![1_u32, 2, 5, 16, 100, 1_000, 250_000, 1_000_000]),
            burst in 1_u32..3_000,
            asked in vec((0_u64..2_000_000_000, 0_usize..4_000), 1..100),
        ) {
            let rate = Rate::per_second(per_second).burst(burst);
            let burst = u128::from(burst) * SECOND;
            let mut bucket = Bucket { per_second: u128::from(per_second), burst, has: burst };
            let (mut gcra, mut now) = (Gcra::default(), Instant::now());
            for (nanos, amount) in asked {
                now += Duration::from_nanos(nanos);
                bucket.wait(nanos);
                let taken = gcra.take(rate, amount, now);
                prop_assert_eq!(taken.is_ok(), bucket.take(amount));
                if let Err(after) = taken && amount as u128 * SECOND <= bucket.burst {
                    // A moment before that it is still refused, and then there is enough.
                    let (mut early, mut later, then) = (gcra, gcra, now + after);
                    prop_assert!(early.take(rate, amount, then - Duration::from_nanos(1)).is_err());
                    prop_assert!(later.take(rate, amount, then).is_ok());
                }
            }
        }

        #[test]
        fn any_rate_allows_its_burst_at_once_and_no_more(per_second in 1_u32..1_000_000, burst in 1_u32..5_000) {
            let rate = Rate::per_second(per_second).burst(burst);
            let (mut gcra, now) = (Gcra::default(), Instant::now());
            let taken = (0..2 * burst).filter(|_| gcra.take(rate, 1, now).is_ok()).count();
            // Each is rounded down to a nanosecond.
            let more = u64::from(burst) * u64::from(per_second) / 1_000_000_000 + 1;
            prop_assert!(taken >= burst as usize && taken as u64 <= u64::from(burst) + more, "{taken}");
        }
    }

    #[test]
    fn the_state_of_a_rate_is_small_and_no_number_overflows_it() {
        assert!(size_of::<Gcra>() <= 16);
        let (mut gcra, now) = (Gcra::default(), Instant::now());
        assert!(gcra.take(Rate::per_second(1), usize::MAX, now).is_err());
        assert!(gcra.take(Rate::per_second(u32::MAX), u32::MAX as usize, now).is_ok());
        assert!(gcra.take(Rate::per_second(1).burst(u32::MAX), usize::MAX, now).is_err());
    }
}
