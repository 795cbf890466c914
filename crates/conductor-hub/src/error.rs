//! The error of the hub.

use std::borrow::Cow;
use std::sync::Arc;
use std::{error, fmt};

/// Why the hub did not do what it was asked to.
///
/// Its [`kind`](Self::kind) says what the caller can do, its text what happened, and its
/// [`source`](error::Error::source) why, where another error caused it. Cloning shares the source.
#[derive(Clone)]
pub struct Error {
    kind: ErrorKind,
    message: Cow<'static, str>,
    source: Option<Arc<dyn error::Error + Send + Sync>>,
}

/// What a caller can do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A value in the configuration is out of its bounds: change it.
    Config,
    /// The input can never work: a name too long to encode, for one.
    InvalidInput,
    /// The connection was closed, or the hub was shut down.
    Closed,
    /// The connection does not read fast enough; it is being closed.
    Overflow,
    /// There is as much of it as there may be: end something else first.
    Full,
    /// A queue is full, or what is wanted is in use: try again in a moment.
    Busy,
    /// An address or a file cannot be had at the moment.
    ///
    /// Free or mend it, then try again.
    Unavailable,
}

impl Error {
    /// Creates an error.
    ///
    /// This is for programs that implement a trait of this crate, such as a transport of sisters.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// Creates an error with what caused it.
    ///
    /// It is for the same programs as [`new`](Self::new).
    #[must_use]
    pub fn with_source(
        kind: ErrorKind,
        message: impl Into<Cow<'static, str>>,
        source: impl error::Error + Send + Sync + 'static,
    ) -> Self {
        Self { kind, message: message.into(), source: Some(Arc::new(source)) }
    }

    /// Returns what the caller can do.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl fmt::Display for Error {
    /// Writes what happened; with `{:#}` also what caused it, for a line of a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !f.alternate() {
            return Ok(());
        }
        let (mut said, mut cause) = (String::from(&*self.message), error::Error::source(self));
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
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.kind).field("message", &self.message);
        if let Some(source) = &self.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn a_clone_says_the_same_and_shares_the_source() {
        let cause = std::io::Error::other("the cause");
        let error = Error::with_source(ErrorKind::InvalidInput, "the name is too long", cause);
        let clone = error.clone();
        assert_eq!((clone.kind(), clone.to_string()), (error.kind(), error.to_string()));
        assert_eq!(clone.source().map(ToString::to_string).as_deref(), Some("the cause"));
        assert_eq!(format!("{error:#}"), "the name is too long: the cause");
    }
}
