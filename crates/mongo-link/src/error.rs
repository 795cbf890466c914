//! Why a call was not done, by what the caller can do about it.

mod cause;
mod refusal;
mod said;

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mongodb::error::Error as DriverError;

pub(crate) use self::said::said;

/// Why a call was not done, or a feed does not go on.
///
/// It displays with the hosts of the address and, in a few words, what the driver or the server
/// said. It has no [`source`](StdError::source), which would say that again with all that the
/// driver knows: see [`driver`](Self::driver).
#[derive(Clone)]
pub struct Error(Arc<Inner>);

/// What the caller of a failed call can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// No primary answered in time, or a majority did not confirm a write: try again.
    ///
    /// Whether the call took effect is open. After the start it is also a login that is refused:
    /// the driver does not tell a wrong password from a server that is about to stop.
    Unavailable,
    /// A unique index has it already: look at what is there.
    Conflict,
    /// The server does not let this user do it: grant it.
    Refused,
    /// The server said what is wrong with the call.
    ///
    /// Or a document cannot be read or written.
    Answered,
    /// A setting is wrong, or no tokio runtime is there: change it and start again.
    ///
    /// At a start it is also a login that is refused.
    Config,
    /// Somebody shut the link down: stop.
    Closed,
    /// Changes may be gone that a feed had not given yet: read everything again.
    Lagged,
}

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    source: Option<DriverError>,
}

impl Error {
    /// Creates the error of a call that went to a server, as the driver gave it.
    ///
    /// For calls of the driver that a [`Link`](crate::Link) did not make; `server` is for people.
    #[must_use]
    pub fn of(server: &str, error: DriverError) -> Self {
        Self::of_cause(server, None, error)
    }

    /// The error of a call by a user who is looked for in the database `auth_source`.
    pub(crate) fn of_user(server: &str, auth_source: &str, error: DriverError) -> Self {
        Self::of_cause(server, Some(auth_source), error)
    }

    fn of_cause(server: &str, auth_source: Option<&str>, error: DriverError) -> Self {
        let (kind, what) = cause::classify(&error, auth_source);
        Self::new(kind, format!("mongodb at {server} {what}"), Some(error))
    }

    /// The error of a call for which no primary was found, with what is known of the servers.
    pub(crate) fn selection(server: &str, reason: impl fmt::Display, source: DriverError) -> Self {
        Self::new(ErrorKind::Unavailable, format!("mongodb at {server} {reason}"), Some(source))
    }

    pub(crate) fn config(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::Config, message, None)
    }

    /// The error of calls to a link that was shut down.
    pub(crate) fn closed() -> Self {
        Self::new(ErrorKind::Closed, "the link to mongodb was shut down", None)
    }

    /// The error of a call that the driver had when time was up.
    pub(crate) fn late(server: &str, limit: Duration) -> Self {
        Self::unavailable(server, format!("did not answer within {limit:?}"))
    }

    /// The error of a call that was not begun, as its caller had no time left for it.
    pub(crate) fn spent(server: &str) -> Self {
        let what = "was asked, so nothing was done there; try again, with more time";
        let message = format!("the time of the call was used up before mongodb at {server} {what}");
        Self::new(ErrorKind::Unavailable, message, None)
    }

    /// The error of a call that waited for a place when time was up.
    pub(crate) fn crowded(server: &str, limit: Duration) -> Self {
        let what = "has as many calls of this process under way as there may be, and none of them ended";
        Self::unavailable(server, format!("{what} within {limit:?}"))
    }

    pub(crate) fn unavailable(server: &str, what: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Unavailable, format!("mongodb at {server} {what}"), None)
    }

    pub(crate) fn answered(server: &str, what: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Answered, format!("mongodb at {server} {what}"), None)
    }

    /// The error of a feed that lost its place.
    pub(crate) fn lagged(server: &str, source: Option<DriverError>) -> Self {
        let what = "no longer has the changes that come next; read everything again";
        Self::new(ErrorKind::Lagged, format!("mongodb at {server} {what}"), source)
    }

    /// The same where a program starts: a login that is refused will not mend itself.
    pub(crate) fn at_start(self) -> Self {
        if !self.is_login() {
            return self;
        }
        Self::new(ErrorKind::Config, self.0.message.clone(), self.0.source.clone())
    }

    /// Whether user or password are wrong.
    pub(crate) fn is_login(&self) -> bool {
        self.0.source.as_ref().is_some_and(cause::is_login)
    }

    fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>, source: Option<DriverError>) -> Self {
        Self(Arc::new(Inner { kind, message: message.into(), source }))
    }

    /// Returns what the caller can do.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the code of the server's answer, such as 11000, if it gave one.
    ///
    /// Of several writes it is that of the first which failed.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.0.source.as_ref().and_then(cause::code)
    }

    /// Returns the driver's error, if this comes from one.
    ///
    /// It has what became of each of several writes, the labels, and the whole of the answer.
    #[must_use]
    pub fn driver(&self) -> Option<&DriverError> {
        self.0.source.as_ref()
    }
}

impl fmt::Display for Error {
    /// Writes what happened, in one line.
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

impl StdError for Error {}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn error_names_the_server_and_what_can_be_done() {
        let error =
            Error::of("db:27017", DriverError::from(io::Error::from(io::ErrorKind::ConnectionRefused)));
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().starts_with("mongodb at db:27017 cannot be reached: "), "{error}");
        assert!(error.driver().is_some() && error.code().is_none());
        assert_eq!(format!("{error:#}"), error.to_string(), "nothing is said twice");

        let late = Error::of("db:27017", DriverError::from(io::Error::from(io::ErrorKind::TimedOut)));
        assert_eq!(late.to_string(), "mongodb at db:27017 did not answer in time");
        let custom = Error::of("db:27017", DriverError::custom("mine".to_owned()));
        assert_eq!(custom.kind(), ErrorKind::Answered);
    }

    #[test]
    fn error_of_a_start_is_a_wrong_setting_only_if_the_login_is_refused() {
        let away = Error::late("db:27017", Duration::from_secs(1));
        assert_eq!(away.at_start().kind(), ErrorKind::Unavailable);
    }
}
