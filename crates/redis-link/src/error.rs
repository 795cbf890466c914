//! Why a command was not done, by what the caller can do about it.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use redis::RedisError;

/// Why a command was not done, or a connection is not there.
#[derive(Clone)]
pub struct Error {
    kind: ErrorKind,
    message: Cow<'static, str>,
    source: Option<RedisError>,
}

/// What the caller of a failed command can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Nobody answered in time, or the server cannot answer now: try again later.
    ///
    /// Whether the command took effect is open.
    Unavailable,
    /// The server is there and answers reads, but takes no writes.
    ///
    /// It takes none now, none from this user, or none with the memory that it has.
    Refused,
    /// The server said what is wrong with the command.
    Answered,
    /// A setting is wrong, or no tokio runtime is there: change it and start again.
    Config,
    /// Somebody shut the link down: stop.
    Closed,
}

impl Error {
    pub(crate) fn config(message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind: ErrorKind::Config, message: message.into(), source: None }
    }

    /// The error of calls to a link that was shut down.
    pub(crate) fn closed() -> Self {
        Self { kind: ErrorKind::Closed, message: "the link to redis was shut down".into(), source: None }
    }

    /// The error of a command that a server had when time was up.
    pub(crate) fn late(server: &str, limit: Duration) -> Self {
        let message = format!("redis at {server} did not answer within {limit:?}");
        Self { kind: ErrorKind::Unavailable, message: message.into(), source: None }
    }

    /// Creates the error of a command that went to a server, as the client gave it.
    ///
    /// For errors of connections that a [`Link`](crate::Link) made for a purpose; without a name it
    /// is "redis" alone.
    #[must_use]
    pub fn of(server: &str, error: RedisError) -> Self {
        use ErrorKind::{Answered, Refused, Unavailable};
        let error = unquoted(error);
        // The client has no code for several commands sent together of which one has another error
        // than those that it knows.
        let first = first_answer(&error).map(|(code, _)| code);
        let (kind, what) = match error.code().or(first.as_deref()) {
            Some("OOM") => {
                (Refused, "is out of memory; raise its `maxmemory`, or delete data that nobody needs")
            }
            Some("READONLY") => (Refused, "is a replica and takes no writes; it is no longer the master"),
            Some("MISCONF") => {
                (Refused, "takes no writes because it cannot save its data; check its log and its disk")
            }
            Some("NOREPLICAS") => {
                (Refused, "takes no writes because too few replicas follow it; see `min-replicas-to-write`")
            }
            Some("NOPERM") => {
                (Refused, "does not let the user of the address do this; allow it with `ACL SETUSER`")
            }
            // At a start this is a wrong setting, which `at_start` makes of it.
            Some("NOAUTH" | "WRONGPASS") => {
                (Unavailable, "refused the login; check user and password of the address")
            }
            Some("LOADING") => (Unavailable, "is still loading its data; it answers once that is done"),
            Some("CLUSTERDOWN" | "MASTERDOWN" | "TRYAGAIN") => {
                (Unavailable, "cannot answer now because a part of its cluster is down or moving")
            }
            Some(_) => (Answered, "answered with an error"),
            None if error.is_timeout() => (Unavailable, "did not answer in time"),
            None if error.is_io_error() => (Unavailable, "cannot be reached"),
            None => (Unavailable, "gave no usable answer"),
        };
        let message =
            if server.is_empty() { format!("redis {what}") } else { format!("redis at {server} {what}") };
        Self { kind, message: message.into(), source: Some(error) }
    }

    /// The same where a program starts: what will not mend itself is a wrong setting.
    pub(crate) fn at_start(address: &str, error: Self) -> Self {
        let wrong = error.source.as_ref().is_some_and(|source| {
            matches!(source.code(), Some("NOAUTH" | "WRONGPASS" | "NOPERM"))
                || matches!(
                    source.kind(),
                    redis::ErrorKind::AuthenticationFailed | redis::ErrorKind::InvalidClientConfig
                )
        });
        let kind = if wrong { ErrorKind::Config } else { ErrorKind::Unavailable };
        let message = match error.code() {
            Some("NOPERM") => format!(
                "redis at {address} does not let the user of the address run a command that is needed to \
                 start; allow `INFO` with `ACL SETUSER <user> +info`, and for a cluster `+cluster` as well"
            ),
            _ if wrong => {
                format!(
                    "redis at {address} refused the user, the password or the TLS settings of the address"
                )
            }
            _ => format!(
                "no usable redis was found at {address}; check that it runs and that the address is right"
            ),
        };
        Self { kind, message: message.into(), source: error.source }
    }

    /// Returns what the caller can do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the code of the server's answer, such as `NOSCRIPT`, if it gave one.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.source.as_ref().and_then(RedisError::code)
    }

    /// Returns the client's error, if this comes from one.
    #[must_use]
    pub fn into_redis(self) -> Option<RedisError> {
        self.source
    }
}

/// The same error without the arguments of a command that the server does not know, which it
/// repeats: in a log-in one is the password.
pub(crate) fn unquoted(error: RedisError) -> RedisError {
    const QUOTED: &str = "with args beginning with";
    if !error.to_string().contains(QUOTED) {
        return error;
    }
    let detail = error.detail().and_then(|detail| detail.split(QUOTED).next()).unwrap_or_default();
    let detail = detail.trim_end_matches([' ', ',']).to_owned();
    redis::make_extension_error(error.code().unwrap_or("ERR").to_owned(), Some(detail))
}

/// The code and the text of the first error that the server gave, as it gave them.
fn first_answer(error: &RedisError) -> Option<(String, String)> {
    let errors = error.clone().into_server_errors()?;
    let (_, first) = errors.first()?;
    Some((first.code().to_owned(), first.details().unwrap_or_default().to_owned()))
}

impl fmt::Display for Error {
    /// Writes what happened; with `{:#}` also what caused it, for a line of a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !f.alternate() {
            return Ok(());
        }
        if let Some((code, text)) = self.source.as_ref().and_then(first_answer) {
            // The client's text has its own names for both, and of several commands their places.
            return write!(f, ": {}", format!("{code} {text}").trim_end());
        }
        let (mut said, mut cause) = (String::from(&*self.message), self.source());
        while let Some(error) = cause {
            let says = error.to_string();
            // Some errors say no more than their source.
            if !said.ends_with(&says) {
                write!(f, ": {says}")?;
                said = says;
            }
            cause = error.source();
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.kind)
            .field("message", &self.message)
            .field("source", &self.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_log_has_the_cause() {
        let cause = RedisError::from((redis::ErrorKind::Client, "the cause"));
        let error = Error::of("10.0.0.1:6379", cause.clone());
        let (short, long) = (error.to_string(), format!("{error:#}"));
        assert_eq!(long, format!("{short}: {cause}"));
    }

    #[test]
    fn what_the_server_said_is_given_in_its_own_words() {
        let refused =
            redis::make_extension_error("NOPERM".to_owned(), Some("no rights for 'publish'".to_owned()));
        let line = format!("{:#}", Error::of("10.0.0.1:6379", refused));
        assert!(line.ends_with("`ACL SETUSER`: NOPERM no rights for 'publish'"), "{line}");
        let bare = redis::make_extension_error("OOM".to_owned(), None);
        assert!(format!("{:#}", Error::of("", bare)).ends_with(": OOM"));
    }
}
