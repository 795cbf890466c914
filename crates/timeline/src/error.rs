//! The one error of the crate.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The result of every fallible call of the crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed call: what the caller can do about it, and why it failed.
///
/// Its [`kind`](Self::kind) says what the caller can do, its text what happened, and its
/// [`source`](std::error::Error::source) why, where another error caused it. Cloning shares the
/// source.
#[derive(Clone)]
pub struct Error {
    kind: ErrorKind,
    message: Cow<'static, str>,
    // Shared, because one failed commit fails every send that waited for it.
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    // A text, as ids know this error.
    message_id: Option<Box<str>>,
}

/// What the caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument is outside its bounds; the same call fails again.
    InvalidInput,
    /// What the call makes is there already, or would contradict what is there.
    ///
    /// The message id was used before in this conversation for something else, the group exists
    /// already, or it would be left without an owner.
    Conflict,
    /// The caller may not do this; somebody else may.
    Forbidden,
    /// The group or the member that is named does not exist.
    NotFound,
    /// The store does not take calls now: try again later.
    ///
    /// Whether a send took effect is unknown; repeat it with its message id.
    Unavailable,
    /// The store did not say in time whether the call took effect.
    ///
    /// Repeat a send with its [message id](Error::message_id), which the error names also where the
    /// sender gave none: it has one effect then.
    UnknownOutcome,
    /// The timeline was shut down.
    Closed,
    /// The configuration or the place it names cannot be used.
    Config,
    /// What is stored cannot be read; restore it from a copy.
    Corrupt,
}

impl Error {
    /// Creates an error of `kind` that says `message`.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self { kind, message: message.into(), source: None, message_id: None }
    }

    /// Creates an error with what caused it.
    #[must_use]
    pub fn with_source(
        kind: ErrorKind,
        message: impl Into<Cow<'static, str>>,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self { kind, message: message.into(), source: Some(Arc::new(source)), message_id: None }
    }

    /// Returns what the caller can do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Returns the message id with which to repeat a send of unknown outcome.
    ///
    /// It is the one that the sender gave, or else the one that the store gave the message. None
    /// for other errors, and where a repetition needs no id.
    #[must_use]
    pub fn message_id(&self) -> Option<&str> {
        self.message_id.as_deref()
    }

    /// Adds with which message id to repeat the send.
    #[cfg(feature = "mongo")]
    pub(crate) fn of_message(self, message_id: &str, is_made: bool) -> Self {
        let text = if is_made {
            format!(
                "{}; it was sent without a message id and was given {message_id}: repeat it with that one, \
                 and it is stored once",
                self.message
            )
        } else {
            format!("{}; repeat it with the same message id, and it is stored once", self.message)
        };
        Self { message: text.into(), message_id: Some(message_id.into()), ..self }
    }

    /// Puts the name of the field at fault in front of the message.
    #[must_use]
    pub fn in_field(self, field: &str) -> Self {
        Self { message: format!("{field}: {}", self.message).into(), ..self }
    }

    /// Returns the error of who waits for a store that has ended.
    ///
    /// It was shut down, or has lost what it cannot do without.
    pub(crate) fn closed() -> Self {
        Self::new(ErrorKind::Closed, "the timeline store has ended; try again when its server runs again")
    }

    pub(crate) fn invalid(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }
}

impl fmt::Display for Error {
    /// Writes what happened; with `{:#}` also what caused it, for a line of a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if !f.alternate() {
            return Ok(());
        }
        let (mut said, mut cause) = (String::from(&*self.message), std::error::Error::source(self));
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

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source.as_ref() as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_log_has_each_cause_once() {
        let cause = || std::io::Error::other("the disk is full");
        let error = Error::with_source(ErrorKind::Unavailable, "the store takes no writes", cause());
        assert_eq!(error.to_string(), "the store takes no writes");
        assert_eq!(format!("{error:#}"), "the store takes no writes: the disk is full");
        let told = format!("the marker cannot be written: {}", cause());
        let error = Error::with_source(ErrorKind::Unavailable, told, cause());
        assert_eq!(format!("{error:#}"), error.to_string());
    }
}
