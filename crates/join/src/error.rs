//! The error of the crate.

use std::borrow::Cow;
use std::sync::Arc;
use std::{error, fmt};

/// Why a part did not do what it was asked to, or cannot go on.
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
    /// A setting is wrong, or what it names cannot be used: change it and start again.
    Config,
    /// A store or another program cannot be reached: try again later.
    Unavailable,
    /// The part, or what it works on, was shut down.
    Closed,
    /// A task ended early five times within a minute and is not started again.
    ///
    /// End the program, so that whoever runs it starts it anew.
    Failed,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    #[cfg(feature = "webhook")]
    pub(crate) fn with_source(
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
