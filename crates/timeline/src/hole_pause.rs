//! How far apart the reads of one reader at a hole are.
//!
//! This module is pure.

use std::time::Duration;

/// The first pause, and the longest.
const FIRST: Duration = Duration::from_millis(2);
const MAX: Duration = Duration::from_millis(25);

/// Returns how long a reader rests that has met the same hole so many times in a row.
///
/// Whatever is written behind a hole wakes its readers, and each finds the hole. So they read as
/// they are woken at first, as most holes are closed by a writer in a moment, and then now and
/// then, however much is written.
pub(crate) fn hole_pause(met: u32) -> Duration {
    match met.checked_sub(2) {
        None => Duration::ZERO,
        Some(more) => FIRST.saturating_mul(1 << more.min(10)).min(MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_rests_longer_at_a_hole_that_stays() {
        let pauses = [0, 1, 2, 3, 4, 5, 6, u32::MAX].map(|met| hole_pause(met).as_millis());
        assert_eq!(pauses, [0, 0, 2, 4, 8, 16, 25, 25]);
    }
}
