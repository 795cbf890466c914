//! The error of the client.

use std::borrow::Cow;
use std::sync::Arc;
use std::{error, fmt};

/// Why something was not done.
///
/// It is cheap to clone, as everybody who waits for a lost connection gets it.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    missed: Option<u64>,
    source: Option<Box<dyn error::Error + Send + Sync>>,
}

/// What a caller can do about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A setting is out of its bounds, or is no address or certificate: change it.
    Config,
    /// The input can never work: a name that is too long, for one.
    InvalidInput,
    /// There is no connection to the hub, and nothing was sent.
    ///
    /// The client comes back by itself: try again later.
    Unavailable,
    /// The connection was lost on the way: nobody knows whether it arrived.
    Uncertain,
    /// The hub did not answer, or took nothing, in time.
    Timeout,
    /// The hub does not want this client.
    ///
    /// Another login, or its user, has to change that. The client does not come back; begin with a
    /// new one.
    Refused,
    /// There is as much of it under way as there may be: wait for something to end.
    Busy,
    /// Events were dropped, since they were not read in time.
    ///
    /// All of them are older than the next one, [`Error::missed`] says how many they were, and the
    /// stream goes on.
    Lagged,
    /// The subscription was closed since it did not read what came, as its policy says.
    Overflow,
    /// A stream ended before all of it was there.
    ///
    /// Its sender gave up or was lost, or the client has unbound from the channel.
    Aborted,
    /// The other side does not speak the protocol.
    Protocol,
    /// The client was shut down.
    Closed,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Arc::new(Inner { kind, message: message.into(), missed: None, source: None }))
    }

    pub(crate) fn with_source(
        kind: ErrorKind,
        message: impl Into<Cow<'static, str>>,
        source: impl Into<Box<dyn error::Error + Send + Sync>>,
    ) -> Self {
        Self(Arc::new(Inner { kind, message: message.into(), missed: None, source: Some(source.into()) }))
    }

    /// So many events were dropped.
    pub(crate) fn lagged(missed: u64) -> Self {
        let message =
            format!("{missed} events were dropped because they were not read in time; newer ones follow");
        Self(Arc::new(Inner {
            kind: ErrorKind::Lagged,
            message: message.into(),
            missed: Some(missed),
            source: None,
        }))
    }

    /// Whoever waits for an answer on a connection that has ended hears this.
    pub(crate) fn unknown(hub: &str) -> Self {
        let text = format!(
            "the connection to the hub at {hub} was lost before its answer came; the outcome is unknown, so ask \
             the hub what was done before you repeat it"
        );
        Self::new(ErrorKind::Uncertain, text)
    }

    /// Whoever was sending or reading something on a connection that has ended hears this.
    pub(crate) fn lost(hub: &str) -> Self {
        let text = format!("the connection to the hub at {hub} was lost on the way");
        Self::new(ErrorKind::Uncertain, text)
    }

    /// Whoever waits for a client that was shut down hears this.
    pub(crate) fn closed() -> Self {
        Self::new(ErrorKind::Closed, "the client was shut down")
    }

    /// Returns what the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns how many events a lagging stream has lost.
    #[must_use]
    pub fn missed(&self) -> Option<u64> {
        self.0.missed
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, message, source, missed: _ } = &*self.0;
        f.debug_struct("Error").field("kind", kind).field("message", message).field("source", source).finish()
    }
}

impl fmt::Display for Error {
    /// Writes what happened; with `{:#}` also what caused it, for a line of a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if !f.alternate() {
            return Ok(());
        }
        let (mut said, mut cause) = (String::from(&*self.0.message), error::Error::source(self));
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

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

impl From<Error> for std::io::Error {
    /// Makes it an error of a reader, with the error itself inside.
    fn from(error: Error) -> Self {
        let kind = match error.kind() {
            ErrorKind::Aborted => std::io::ErrorKind::UnexpectedEof,
            ErrorKind::Uncertain | ErrorKind::Unavailable => std::io::ErrorKind::ConnectionAborted,
            ErrorKind::Timeout => std::io::ErrorKind::TimedOut,
            _ => std::io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}
