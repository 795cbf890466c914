//! The error of pingers and watchers.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;
use std::{error, fmt};

/// Why something was not done.
///
/// It is cheap to clone, as every watcher of a base gets it.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    /// It ends with what the source says, if there is one.
    message: Cow<'static, str>,
    source: Option<mongo_link::Error>,
}

/// What a caller can do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The database did not answer in time, or has no primary: try again.
    ///
    /// Whether a write took effect is open. What pings goes on by itself.
    Unavailable,
    /// A [`sync`](crate::Watcher::sync) waited too long for a stream that nobody reads.
    Timeout,
    /// The pinger has been started already.
    Started,
    /// A key or the name of a namespace can never be used.
    InvalidInput,
    /// A setting is out of its bounds, or the database refuses the log-in: change it.
    Config,
    /// The database does not let this user do it.
    Refused,
    /// The watcher has ended, or the base was shut down.
    Closed,
    /// Changes may have been missed; each key's state follows if it is another one.
    Lagged,
    /// The database answered that something is wrong with what it was asked.
    Protocol,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Arc::new(Inner { kind, message: message.into(), source: None }))
    }

    /// Says what could not be done and why, with the name of the server.
    pub(crate) fn of_link(what: &str, source: mongo_link::Error) -> Self {
        let kind = match source.kind() {
            mongo_link::ErrorKind::Unavailable => ErrorKind::Unavailable,
            mongo_link::ErrorKind::Refused => ErrorKind::Refused,
            mongo_link::ErrorKind::Config => ErrorKind::Config,
            mongo_link::ErrorKind::Closed => ErrorKind::Closed,
            mongo_link::ErrorKind::Lagged => ErrorKind::Lagged,
            _ => ErrorKind::Protocol,
        };
        let message = format!("{what}: {source}");
        Self(Arc::new(Inner { kind, message: message.into(), source: Some(source) }))
    }

    /// Returns the error of what was not acknowledged in time; it says why the last attempt failed.
    pub(crate) fn late(what: &str, limit: Duration, last: Option<&Self>) -> Self {
        let (why, source) = last.map_or(("no attempt has ended yet", None), |last| {
            let Inner { message, source, kind: _ } = &*last.0;
            (&**message, source.clone())
        });
        let message = format!("{what} was not acknowledged within {limit:?}: {why}");
        Self(Arc::new(Inner { kind: ErrorKind::Unavailable, message: message.into(), source }))
    }

    /// Returns the error of what was asked for after the end of the base.
    pub(crate) fn shut_down() -> Self {
        Self::new(ErrorKind::Closed, "the base of the pingers and watchers was shut down")
    }

    /// Returns what the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, message, source } = &*self.0;
        f.debug_struct("Error").field("kind", kind).field("message", message).field("source", source).finish()
    }
}

impl fmt::Display for Error {
    /// Writes what happened and what caused it, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    /// "pings cannot be written" alone in a log said neither where nor why.
    #[test]
    fn an_error_names_the_server_once_and_why() {
        let refused = mongodb::error::Error::from(io::Error::from(io::ErrorKind::ConnectionRefused));
        let error = Error::of_link("pings cannot be written", mongo_link::Error::of("db:27017", refused));
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        let told = error.to_string();
        assert!(
            told.starts_with("pings cannot be written: mongodb at db:27017 cannot be reached: "),
            "{told}"
        );
        assert_eq!(told.matches("db:27017").count(), 1, "{told}");
        assert_eq!(format!("{error:#}"), told, "nothing is said twice");

        let late = Error::late("the start", Duration::from_secs(1), Some(&error)).to_string();
        assert!(late.ends_with(&told), "{late}");
    }
}
