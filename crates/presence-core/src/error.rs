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
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
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
