//! What became of a frame that was pushed.

/// What became of a frame of which only the newest matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Latest {
    Queued,
    /// It waits beside the queue.
    Kept,
    /// It took the place of one that waited there.
    Replaced,
}

/// Why a frame was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rejected {
    /// The connection is closing.
    Closed,
    /// The frame did not fit, so the connection is now closing as a slow reader.
    Overflow,
}
