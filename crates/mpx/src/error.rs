//! The error of the multiplexer.

use std::borrow::Cow;
use std::sync::Arc;
use std::{error, fmt};

use crate::server::Server;

/// Why something was not done.
///
/// It is cheap to clone, as every subscription of a lost connection gets it.
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
    /// Redis cannot be reached, or the connection was lost.
    ///
    /// The connection comes back by itself.
    Unavailable,
    /// There was no answer in time: try again.
    Timeout,
    /// A setting is out of its bounds, or Redis refuses the log-in: change it.
    Config,
    /// A name or a pattern can never be used.
    InvalidInput,
    /// Redis refuses the name, or the command, to the user of the connection.
    Refused,
    /// The connection was lost before Redis answered.
    ///
    /// A message may have been published or not.
    Uncertain,
    /// Nobody listens to the channel: a request reached nobody.
    NoReceiver,
    /// The subscription was closed, or the multiplexer or the publisher was shut down.
    Closed,
    /// Messages were dropped, since they were not read in time.
    ///
    /// All of them are older than the next one, [`Error::missed`] says how many they were, and the
    /// stream goes on. Who needs them fetches them from elsewhere.
    Lagged,
    /// The subscription was closed since it did not read what came, as its policy says.
    Overflow,
    /// The server does not speak the protocol of Redis.
    Protocol,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Arc::new(Inner { kind, message: message.into(), missed: None, source: None }))
    }

    pub(crate) fn with_source(
        kind: ErrorKind,
        message: impl Into<Cow<'static, str>>,
        source: impl error::Error + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner { kind, message: message.into(), missed: None, source: Some(Box::new(source)) }))
    }

    /// So many messages were dropped.
    pub(crate) fn lagged(missed: u64) -> Self {
        let message = format!(
            "{missed} messages were dropped because the subscription did not read them in time; newer ones follow"
        );
        let (kind, missed) = (ErrorKind::Lagged, Some(missed));
        Self(Arc::new(Inner { kind, message: message.into(), missed, source: None }))
    }

    /// What a server said instead of an answer.
    pub(crate) fn of_reply(server: &Server, why: &[u8]) -> Self {
        let is = |words: &[&[u8]]| words.iter().any(|word| why.starts_with(word));
        // The text with `Protocol error` is what Redis says in the place of `NOAUTH` to a command
        // of many words.
        let kind = if is(&[b"NOAUTH", b"WRONGPASS", b"DENIED", b"ERR Protocol error: unauthenticated"]) {
            ErrorKind::Config
        } else if is(&[b"NOPERM", b"ERR"]) && !is(&[b"ERR max number of clients"]) {
            ErrorKind::Refused
        } else {
            // Redis is starting, busy, without a master, or the like.
            ErrorKind::Unavailable
        };
        // To a command that it does not know Redis repeats the arguments: in a log-in one is the
        // password.
        let why = String::from_utf8_lossy(why);
        let why =
            why.split("with args beginning with").next().unwrap_or_default().trim_end_matches([' ', ',']);
        Self::new(kind, format!("{server} answered {why}"))
    }

    /// Returns what the caller can do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns how many messages a lagging stream has lost, if it is known.
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
