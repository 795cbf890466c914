//! Errors of the client as errors of presence.

use std::error::Error as _;

use presence_core::{Error, ErrorKind};
use redis::RedisError;

/// What a failed command is to a caller: something to try again later, with Redis's words as the source.
pub(crate) fn unavailable(error: RedisError) -> Error {
    let message = match error.code() {
        Some("OOM") => "redis is out of memory: give it more `maxmemory`, or let users leave",
        Some("LOADING") => "redis is loading its data",
        Some("READONLY") => "redis is a replica and takes no writes: it is not the master any more",
        Some("MISCONF") => {
            "redis takes no writes since it cannot save its data: look at its log and its disk"
        }
        Some("NOREPLICAS") => {
            "redis takes no writes since too few replicas follow it: see its `min-replicas-to-write`"
        }
        Some("NOAUTH" | "WRONGPASS") => "redis wants another password",
        Some("NOPERM") => "redis does not permit it: give the user of the address what its layout needs",
        Some("CLUSTERDOWN" | "MASTERDOWN") => "a part of the redis cluster is down",
        _ if error.is_timeout() => "redis did not answer in time",
        _ if error.is_io_error() => "redis cannot be reached",
        _ => "redis failed",
    };
    Error::with_source(ErrorKind::Unavailable, message, error)
}

/// Returns the code of an answer by which Redis refuses writes, if the error is one: it is there, and answers reads.
pub(crate) fn refusal(error: &Error) -> Option<&str> {
    let error = error.source().and_then(|source| source.downcast_ref::<RedisError>())?;
    let code = error.code()?;
    ["OOM", "READONLY", "MISCONF", "NOREPLICAS", "NOPERM"].contains(&code).then_some(code)
}

/// The same where a program starts: what will not mend itself is a wrong setting.
pub(super) fn at_start(address: &str, error: RedisError) -> Error {
    let wrong = matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "NOPERM"))
        || matches!(
            error.kind(),
            redis::ErrorKind::AuthenticationFailed | redis::ErrorKind::InvalidClientConfig
        );
    let kind = if wrong { ErrorKind::Config } else { ErrorKind::Unavailable };
    Error::with_source(kind, format!("no redis to be had at {address}"), error)
}
