//! What this process has heard, as its log keeps it.

use std::time::SystemTime;

use presence_core::feed::Logged;
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

impl Logged for LogRecord {
    fn bytes(&self) -> usize {
        let id = match self {
            Self::Transition { id, .. } => id.as_bytes().len(),
            Self::Lost(_) | Self::Gap => 0,
        };
        size_of::<Self>() + id
    }
}
