//! How a store is: whether it takes what is written.

use std::fmt;
use std::sync::Arc;

/// Whether a store takes what is written, and answers what is asked.
///
/// A [`Backend`](crate::Backend) says it by what became of its *writes*: a store that answers reads
/// and takes no writes is not well. It tries some by itself, so that it knows also while nobody
/// calls. Whatever is not [`Well`](Self::Well) has a reason, a sentence for whoever has to mend it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum State {
    /// Everything works.
    Well,
    /// Only a part works.
    ///
    /// Reads are answered and some or all writes are refused, or some of the store's servers are
    /// away.
    #[non_exhaustive]
    ReadOnly {
        /// What is refused, why, and what to do.
        reason: Arc<str>,
    },
    /// Nothing works: the store is away, or the backend was shut down.
    #[non_exhaustive]
    Down {
        /// What is away, and why.
        reason: Arc<str>,
    },
}

impl State {
    /// Creates a state in which a part works.
    ///
    /// This is for backends.
    pub fn read_only(reason: impl Into<Arc<str>>) -> Self {
        Self::ReadOnly { reason: reason.into() }
    }

    /// Creates a state in which nothing works.
    ///
    /// This is for backends.
    pub fn down(reason: impl Into<Arc<str>>) -> Self {
        Self::Down { reason: reason.into() }
    }

    /// Creates the state of a backend that was shut down.
    ///
    /// This is for backends.
    #[must_use]
    pub fn closed() -> Self {
        Self::down("it was shut down")
    }

    /// Returns whether everything works.
    #[must_use]
    pub fn is_well(&self) -> bool {
        matches!(self, Self::Well)
    }

    /// Returns why not everything works; `None` if it does.
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
            Self::Well => f.write_str("presence is well"),
            Self::ReadOnly { reason } => write!(f, "presence works only in part: {reason}"),
            Self::Down { reason } => write!(f, "presence is down: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_says_in_a_sentence_what_is_wrong() {
        let state = State::read_only("redis at db:6379 is a replica");
        assert_eq!(state.to_string(), "presence works only in part: redis at db:6379 is a replica");
        assert_eq!(state.reason(), Some("redis at db:6379 is a replica"));
        assert_eq!(State::closed().to_string(), "presence is down: it was shut down");
        assert!(State::Well.is_well() && State::Well.reason().is_none());
    }
}
