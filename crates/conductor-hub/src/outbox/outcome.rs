//! What became of a frame that was pushed, what the task took, and how much waits.

use crate::Disconnect;

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

/// What the task of a connection is told when it takes what is queued.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Taken {
    /// Why the outbox is closing, if it is.
    pub(crate) closing: Option<Disconnect>,
    /// Bytes of the first frame that are written already.
    pub(crate) begun: usize,
}

/// How much waits for a reader.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OutboxLoad {
    /// A quarter of the limit at most.
    Light,
    /// More than a quarter.
    Behind,
    /// More than half, so that senders wait.
    OverHalf,
}
