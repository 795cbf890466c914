//! What a script answers.

use presence_core::Error;
use redis::Value;

/// What a shard says to a process that knows it no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// The data is not that of the epoch that the process knew.
    Epoch,
    /// Others are letting go of what the process held.
    Lease,
}

/// What a shard answers to a script.
#[derive(Debug)]
pub(super) enum Answer<T> {
    /// What it was asked for.
    Told(T),
    /// That it does not know the process as it was asked, and did nothing.
    Lost(Lost),
}

/// An answer, or why there is none.
pub(super) type Answered<T> = Result<Answer<T>, Error>;

impl<T> Answer<T> {
    /// Reads an answer, of which `read` makes what was asked for.
    pub(super) fn read(answer: Value, read: impl FnOnce(Value) -> Result<T, Error>) -> Answered<T> {
        let lost = match &answer {
            Value::Array(items) => match items.first() {
                Some(Value::BulkString(word)) if word == b"life" => Some(Lost::Epoch),
                Some(Value::BulkString(word)) if word == b"lease" => Some(Lost::Lease),
                _ => None,
            },
            _ => None,
        };
        match lost {
            Some(lost) => Ok(Self::Lost(lost)),
            None => read(answer).map(Self::Told),
        }
    }
}
