//! What goes wrong.

use std::fmt;

use crate::random::Random;

/// One thing that goes wrong, or two at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing is left on the disk.
    DiskFull,
    /// No descriptor is left.
    Crowd,
    /// Neither is left.
    FullAndCrowd,
    /// The server stands still for a while.
    Frozen,
    /// The server ends without a word.
    Killed,
    /// The server ends without a word while nothing is left on the disk, and starts when there is
    /// room again.
    KilledWhenFull,
}

impl Fault {
    /// Every kind comes, in turn; the first that kill come only where they may.
    pub(crate) fn next(number: usize, may_kill: bool, random: &mut Random) -> Self {
        const GENTLE: [Fault; 4] = [Fault::DiskFull, Fault::Crowd, Fault::FullAndCrowd, Fault::Frozen];
        const HARSH: [Fault; 2] = [Fault::Killed, Fault::KilledWhenFull];
        if may_kill && number % 3 == 2 {
            HARSH[random.below(HARSH.len())]
        } else {
            GENTLE[number % GENTLE.len()]
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DiskFull => "disk full",
            Self::Crowd => "descriptors at the limit",
            Self::FullAndCrowd => "disk full and descriptors at the limit",
            Self::Frozen => "frozen",
            Self::Killed => "killed",
            Self::KilledWhenFull => "killed while the disk was full",
        })
    }
}
