//! Seconds since 1970, as tokens have them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last second of the year 9999. What is later is a mistake, such as milliseconds.
pub(crate) const SECONDS_MAX: u64 = 253_402_300_799;

/// Cuts a time down to the second; what is before 1970 is 0.
pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()).min(SECONDS_MAX)
}

/// The first second that is not before a time.
pub(crate) fn seconds_after(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    (since.as_secs() + u64::from(since.subsec_nanos() > 0)).min(SECONDS_MAX)
}

/// The time of a second.
pub(crate) fn time(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds.min(SECONDS_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_cut_down_or_up_to_the_second() {
        let half = UNIX_EPOCH + Duration::from_millis(7_500);
        assert_eq!((seconds(half), seconds_after(half)), (7, 8));
        assert_eq!((seconds(time(7)), seconds_after(time(7))), (7, 7));
        assert_eq!(seconds(UNIX_EPOCH - Duration::from_secs(1)), 0);
        assert_eq!(seconds(time(u64::MAX)), SECONDS_MAX);
    }
}
