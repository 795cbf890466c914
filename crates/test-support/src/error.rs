//! The one error of this crate.

use std::error::Error as StdError;
use std::fmt;

/// A specialised result.
pub type Result<T> = std::result::Result<T, Error>;

/// Says why a server could not be had, or what it refused.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// What the caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The machine has no such server: run `cargo xtask setup`. Only this one is a reason to skip a
    /// test.
    Missing,
    /// The server is there and did not start, or the address in the environment does not answer.
    Unavailable,
    /// The server was asked and did not answer in time.
    Timeout,
    /// The server answered what was not expected, or refused.
    Protocol,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    pub(crate) fn because(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn StdError + Send + Sync>>,
    ) -> Self {
        Self { kind, message: message.into(), source: Some(source.into()) }
    }

    /// Returns what the caller can do about it.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the same error with the server's last words below its message.
    pub(crate) fn with_log(mut self, log: &str) -> Self {
        if !log.is_empty() {
            self.message = format!("{}; its last lines:\n{log}", self.message);
        }
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_ref().map(|source| &**source as &(dyn StdError + 'static))
    }
}
