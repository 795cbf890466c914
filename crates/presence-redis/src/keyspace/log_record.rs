//! What this process has heard, as its log keeps it.

use std::time::SystemTime;

use presence_core::{Cause, Error, Id};

/// Something that streams tell.
#[derive(Debug)]
pub(super) enum LogRecord {
    Transition {
        id: Id,
        cause: Cause,
        at: SystemTime,
    },
    /// The connection was lost.
    Lost(Error),
    /// The connection is back; what happened in between, nobody heard.
    Gap,
}
