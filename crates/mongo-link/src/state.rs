//! How a link is: whether MongoDB can be written to.

use std::fmt;
use std::sync::Arc;

/// Whether MongoDB answers, as readiness checks show it.
///
/// ```text
///         no primary answers                  no member answers
///  Well ─────────────────────► ReadOnly or Down ◄──────────────┐
///   ▲                                 │   │                    │
///   └──────── a primary answers ──────┘   └── asked again ─────┘
/// ```
///
/// A task asks the primary every few seconds, and at once when the driver sees the replica set
/// change or a call has failed; while the driver sees no primary there is nobody to ask. What
/// becomes of the writes of a user without rights is not known here. The reason is a sentence for
/// whoever has to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// A primary answers.
    Well,
    /// Members of the replica set answer, and none of them is a primary: writes fail.
    ///
    /// Reads fail, too, as they go to the primary.
    #[non_exhaustive]
    ReadOnly {
        /// What is away, and why.
        reason: Arc<str>,
    },
    /// Nobody answers, or not to this user, or the link was shut down.
    #[non_exhaustive]
    Down {
        /// What is away, and why.
        reason: Arc<str>,
    },
}

impl State {
    pub(crate) fn read_only(reason: impl Into<Arc<str>>) -> Self {
        Self::ReadOnly { reason: reason.into() }
    }

    pub(crate) fn down(reason: impl Into<Arc<str>>) -> Self {
        Self::Down { reason: reason.into() }
    }

    /// The state of a link that was shut down.
    pub(crate) fn closed() -> Self {
        Self::down("the link was shut down")
    }

    /// Returns whether a primary answers.
    #[must_use]
    pub fn is_well(&self) -> bool {
        matches!(self, Self::Well)
    }

    /// Returns why no primary answers; `None` if one does.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Well => None,
            Self::ReadOnly { reason } | Self::Down { reason } => Some(reason),
        }
    }
}

impl fmt::Display for State {
    /// Writes one sentence, without a full stop.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Well => f.write_str("mongodb is well"),
            Self::ReadOnly { reason } => write!(f, "mongodb takes no writes: {reason}"),
            Self::Down { reason } => write!(f, "mongodb is down: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_says_in_a_sentence_what_is_wrong() {
        let state = State::read_only("no member is primary");
        assert_eq!(state.to_string(), "mongodb takes no writes: no member is primary");
        assert_eq!(state.reason(), Some("no member is primary"));
        assert_eq!(State::closed().to_string(), "mongodb is down: the link was shut down");
        assert!(State::Well.is_well() && State::Well.reason().is_none());
    }
}
