//! How a key set is: whether it could be read.

use std::fmt;
use std::sync::Arc;

/// Whether the keys could be read the last time, as readiness checks show it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum JwksState {
    /// They could, and are as they were then.
    Well,
    /// They never could, since the start: no token is verified with them.
    #[non_exhaustive]
    Absent {
        /// Where they are, and why they cannot be read.
        reason: Arc<str>,
    },
    /// They could not: those of an earlier time are used.
    #[non_exhaustive]
    Stale {
        /// Where they are, and why they cannot be read.
        reason: Arc<str>,
    },
}

impl JwksState {
    /// Returns whether the keys could be read.
    #[must_use]
    pub fn is_well(&self) -> bool {
        matches!(self, Self::Well)
    }

    /// Returns why they could not; `None` if they could.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Well => None,
            Self::Absent { reason } | Self::Stale { reason } => Some(reason),
        }
    }
}

impl fmt::Display for JwksState {
    /// Writes one sentence, without a full stop.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Well => f.write_str("the key set is well"),
            Self::Absent { reason } => write!(f, "the key set has not been read yet: {reason}"),
            Self::Stale { reason } => write!(f, "the key set is of an earlier time: {reason}"),
        }
    }
}
