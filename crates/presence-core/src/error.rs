//! What can go wrong, by what the caller can do about it.

use std::borrow::Cow;
use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use crate::name::InvalidName;

/// Why a call, or a stream, could not do what it was asked.
///
/// Cheap to clone, so that one cause can be given to every id of a batch.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

/// What the caller of a failed call can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The store did not answer in time: try again later.
    ///
    /// Whether the call took effect is open.
    Unavailable,
    /// An argument is wrong: change it.
    InvalidInput,
    /// Somebody shut the backend down: stop.
    Closed,
    /// A setting is wrong: change it and start again.
    Config,
    /// Events are gone that this stream had not given yet: take a new snapshot.
    Lagged,
}

impl Error {
    /// Creates an error.
    ///
    /// This is for backends.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Arc::new(Inner { kind, message: message.into(), missed: None, source: None }))
    }

    /// Creates an error with what caused it.
    ///
    /// This is for backends.
    #[must_use]
    pub fn with_source(
        kind: ErrorKind,
        message: impl Into<Cow<'static, str>>,
        source: impl StdError + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner { kind, message: message.into(), missed: None, source: Some(Box::new(source)) }))
    }

    /// Creates the error of a stream that lost events.
    ///
    /// `missed` is their number, if it is known. This is for backends.
    #[must_use]
    pub fn lagged(missed: Option<u64>) -> Self {
        let message: Cow<'static, str> = match missed {
            Some(missed) => format!("{missed} events were lost; take a new snapshot").into(),
            None => "events were lost, and it is not known how many; take a new snapshot".into(),
        };
        Self(Arc::new(Inner { kind: ErrorKind::Lagged, message, missed, source: None }))
    }

    /// Returns what the caller can do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns how many events a lagging stream lost, if it is known.
    #[must_use]
    pub fn missed(&self) -> Option<u64> {
        self.0.missed
    }
}

impl fmt::Display for Error {
    /// Writes what happened; with `{:#}` also what caused it, for a line of a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if !f.alternate() {
            return Ok(());
        }
        let (mut said, mut cause) = (String::from(&*self.0.message), self.source());
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
            .field("kind", &self.0.kind)
            .field("message", &self.0.message)
            .field("source", &self.0.source)
            .finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<InvalidName> for Error {
    fn from(invalid: InvalidName) -> Self {
        Self::new(ErrorKind::InvalidInput, invalid.to_string())
    }
}

impl From<Infallible> for Error {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    missed: Option<u64>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn a_line_of_a_log_has_every_cause_once() {
        let refused = Error::with_source(
            ErrorKind::Unavailable,
            "redis at db:6379 cannot be reached",
            io::Error::other("connection refused"),
        );
        let message = format!("a count needs all shards: {refused}");
        let error = Error::with_source(ErrorKind::Unavailable, message.clone(), refused);
        assert_eq!(error.to_string(), message);
        assert_eq!(format!("{error:#}"), format!("{message}: connection refused"));
    }
}
