//! Above which mark of an outbox a sender waits.

/// Above which part of a reader's outbox a sender waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WaitMark {
    /// One half, for all who send.
    Half,
    /// Three quarters, for who sent little lately.
    Upper,
}

impl WaitMark {
    /// Returns its place in an outbox with this limit, in bytes.
    pub(crate) const fn of(self, limit: usize) -> usize {
        match self {
            Self::Half => limit / 2,
            Self::Upper => limit / 4 * 3,
        }
    }
}
