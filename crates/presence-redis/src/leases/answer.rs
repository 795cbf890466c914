//! What a script answers.

use presence_core::{Error, ErrorKind};
use redis::{FromRedisValue, Value};

/// What a shard says to a process that knows it no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lost {
    /// The data is not that of the epoch that the process knew.
    Epoch,
    /// Others are letting go of what the process held.
    Lease,
}

/// The answer of a shard, or why there is none.
pub(super) type Answered<T> = Result<Result<T, Lost>, Error>;

pub(super) fn ok<T: FromRedisValue, R>(answer: Value, read: impl FnOnce(T) -> R) -> Answered<R> {
    let lost = match &answer {
        Value::Array(items) => match items.first() {
            Some(Value::BulkString(word)) if word == b"life" => Some(Lost::Epoch),
            Some(Value::BulkString(word)) if word == b"lease" => Some(Lost::Lease),
            _ => None,
        },
        _ => None,
    };
    match lost {
        Some(lost) => Ok(Err(lost)),
        None => Ok(Ok(read(decode(answer)?))),
    }
}

pub(super) fn decode<T: FromRedisValue>(answer: Value) -> Result<T, Error> {
    redis::from_redis_value(answer).map_err(|error| {
        Error::with_source(ErrorKind::Unavailable, "redis sent an answer that presence cannot read", error)
    })
}
