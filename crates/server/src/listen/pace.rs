//! How slowly something goes that others wait for.

use tokio::time::Instant;

/// What moves with fewer bytes a second, of late, is slow.
pub(super) const SLOW: u64 = 64 * 1024;

/// How slow a body or an answer is; the least of several is the one to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pace {
    bytes_per_second: u64,
    moved: Instant,
}

impl Pace {
    /// `None` if it is not slow.
    pub(super) fn of(bytes_per_second: u64, moved: Instant) -> Option<Self> {
        (bytes_per_second < SLOW).then_some(Self { bytes_per_second, moved })
    }
}
