//! Errors of the client as errors of presence.

use presence_core::{Error, ErrorKind};
use redis::RedisError;

/// What a failed command is to a caller: something to try again later, with Redis's words as the source.
pub(crate) fn unavailable(error: RedisError) -> Error {
    let message = match error.code() {
        Some("OOM") => "redis is out of memory",
        Some("LOADING") => "redis is loading its data",
        Some("READONLY") => "redis is not the master any more",
        Some("NOAUTH" | "WRONGPASS") => "redis wants another password",
        Some("NOPERM") => "redis does not permit it",
        _ if error.is_timeout() => "redis did not answer in time",
        _ if error.is_io_error() => "redis cannot be reached",
        _ => "redis failed",
    };
    Error::with_source(ErrorKind::Unavailable, message, error)
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
