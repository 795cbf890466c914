//! How a store is.

use std::fmt;
use std::sync::Arc;

/// How a store is, as readiness checks and pages show it.
///
/// ```text
///          a write fails                      opening again fails
///  Well ────────────────► ReadOnly or Down ◄──────────────────────┐
///   ▲                            │   │                            │
///   └── it takes sends again ────┴───┼ tried again with backoff ──┘
///                                    ▼
///                                  Lost: something hangs that this process cannot end
/// ```
///
/// The reason is a sentence for the person on call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Reads and sends are served.
    Well,
    /// Reads are served, sends are refused.
    ReadOnly {
        /// What happened, and what ends it.
        reason: Arc<str>,
    },
    /// Nothing is served.
    Down {
        /// What happened, and what ends it.
        reason: Arc<str>,
    },
    /// Nothing is served, and only a restart of the process helps: end it.
    ///
    /// What was acknowledged is safe.
    Lost {
        /// What happened.
        reason: Arc<str>,
    },
}

impl State {
    /// Returns the state in which sends are refused because of `reason`.
    pub fn read_only(reason: impl Into<Arc<str>>) -> Self {
        Self::ReadOnly { reason: reason.into() }
    }

    /// Returns the state in which nothing is served because of `reason`.
    pub fn down(reason: impl Into<Arc<str>>) -> Self {
        Self::Down { reason: reason.into() }
    }

    /// Returns the state that only a restart ends, because of `reason`.
    pub fn lost(reason: impl Into<Arc<str>>) -> Self {
        Self::Lost { reason: reason.into() }
    }

    /// Returns whether reads and sends are served.
    #[must_use]
    pub fn is_well(&self) -> bool {
        matches!(self, Self::Well)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Well => f.write_str("the timeline store is well"),
            Self::ReadOnly { reason } => write!(f, "the timeline store takes no messages: {reason}"),
            Self::Down { reason } => write!(f, "the timeline store is down: {reason}"),
            Self::Lost { reason } => {
                write!(f, "the timeline store is down until this process is restarted: {reason}")
            }
        }
    }
}
