//! Why a call was not done, by what the caller can do about it.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use mongodb::error::{
    Error as DriverError, ErrorKind as DriverErrorKind, RETRYABLE_WRITE_ERROR, TRANSIENT_TRANSACTION_ERROR,
    WriteFailure,
};

/// Why a call was not done, or a feed does not go on.
///
/// It displays with the hosts of the address and what the driver or the server said.
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
        let (kind, what) = classify(&error);
        Self::new(kind, format!("mongodb at {server} {what}"), Some(error))
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

    /// The error of a call that waited for a place when time was up.
    pub(crate) fn crowded(server: &str, limit: Duration) -> Self {
        let what = "has as many calls under way as `calls_max` allows, and none of them ended";
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
        self.0.source.as_ref().is_some_and(|error| chain(error).any(is_login))
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
        self.0.source.as_ref().and_then(code)
    }

    /// Returns the driver's error, if this comes from one.
    ///
    /// It has what became of each of several writes, and the labels.
    #[must_use]
    pub fn driver(&self) -> Option<&DriverError> {
        self.0.source.as_ref()
    }
}

/// What the caller can do, and what there is to say after "mongodb at host".
fn classify(error: &DriverError) -> (ErrorKind, Cow<'static, str>) {
    use ErrorKind::{Answered, Conflict, Refused, Unavailable};
    let said = said(error);
    if chain(error).any(is_login) {
        return (
            Unavailable,
            format!("refused the login; check user, password and authSource of the address: {said}").into(),
        );
    }
    if chain(error).any(is_write_concern) {
        return (Unavailable, format!("did not confirm that a majority has the write: {said}").into());
    }
    match code(error) {
        Some(11000 | 11001 | 12582) => (Conflict, format!("has another document of that key: {said}").into()),
        Some(13 | 8000) => {
            (Refused, format!("does not let the user of the address do this; grant the role: {said}").into())
        }
        Some(code) if PASSING.contains(&code) || LABELS.iter().any(|label| error.contains_label(label)) => {
            (Unavailable, format!("cannot do it now; a later try may succeed: {said}").into())
        }
        Some(_) => (Answered, format!("answered with an error: {said}").into()),
        None => classify_without_code(error, &said),
    }
}

fn classify_without_code(error: &DriverError, said: &str) -> (ErrorKind, Cow<'static, str>) {
    use DriverErrorKind as Driver;
    use ErrorKind::{Answered, Closed, Config, Unavailable};
    match error.kind.as_ref() {
        Driver::Io(cause) if cause.kind() == std::io::ErrorKind::TimedOut => {
            (Unavailable, "did not answer in time".into())
        }
        Driver::Io(_) => (Unavailable, format!("cannot be reached: {said}").into()),
        Driver::ServerSelection { .. } => {
            (Unavailable, format!("has no primary that can be reached: {said}").into())
        }
        Driver::ConnectionPoolCleared { .. } => (Unavailable, format!("was lost: {said}").into()),
        Driver::DnsResolve { .. } => {
            (Unavailable, format!("cannot be found, as its name has no address: {said}").into())
        }
        Driver::Internal { .. } => (Unavailable, format!("was lost by the driver: {said}").into()),
        Driver::Shutdown => (Closed, "is no longer connected to; the link was shut down".into()),
        Driver::InvalidTlsConfig { .. } => {
            (Config, format!("cannot be reached with the TLS settings of the address: {said}").into())
        }
        Driver::Bson(_) | Driver::InvalidResponse { .. } => {
            (Answered, format!("has a document that cannot be read or written: {said}").into())
        }
        _ => (Answered, format!("cannot do what it was asked: {said}").into()),
    }
}

/// Codes of a server that is no primary or about to stop, of a majority that is away, and of time
/// that was up: what another try may find mended.
///
/// Source: <https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml>
const PASSING: &[i32] =
    &[6, 7, 24, 50, 64, 89, 91, 112, 133, 134, 189, 202, 262, 9001, 10058, 10107, 11600, 11602, 13435, 13436];

/// Labels by which the server itself says that another try may succeed.
const LABELS: [&str; 2] = [RETRYABLE_WRITE_ERROR, TRANSIENT_TRANSACTION_ERROR];

/// An error and its causes, as far as they are the driver's.
fn chain(error: &DriverError) -> impl Iterator<Item = &DriverError> {
    std::iter::successors(Some(error), |error| {
        let source = StdError::source(*error)?;
        // The driver keeps it in a box, which the derived method may show as it is.
        let boxed = source.downcast_ref::<Box<DriverError>>().map(|boxed| &**boxed);
        boxed.or_else(|| source.downcast_ref())
    })
}

fn code(error: &DriverError) -> Option<i32> {
    chain(error).find_map(|error| match error.kind.as_ref() {
        DriverErrorKind::Command(command) => Some(command.code),
        DriverErrorKind::Write(WriteFailure::WriteError(write)) => Some(write.code),
        DriverErrorKind::Write(WriteFailure::WriteConcernError(concern)) => Some(concern.code),
        DriverErrorKind::InsertMany(many) => {
            let first = many.write_errors.iter().flatten().next().map(|write| write.code);
            first.or_else(|| many.write_concern_error.as_ref().map(|concern| concern.code))
        }
        _ => None,
    })
}

/// What the server or the driver says, without the shape of the driver's types.
pub(crate) fn said(error: &DriverError) -> String {
    match error.kind.as_ref() {
        DriverErrorKind::Command(command) => command.message.clone(),
        DriverErrorKind::Write(WriteFailure::WriteError(write)) => write.message.clone(),
        DriverErrorKind::Write(WriteFailure::WriteConcernError(concern)) => concern.message.clone(),
        DriverErrorKind::InsertMany(many) => {
            let first = many.write_errors.iter().flatten().next().map(|write| write.message.clone());
            let concern = many.write_concern_error.as_ref().map(|concern| concern.message.clone());
            first.or(concern).unwrap_or_default()
        }
        kind => kind.to_string(),
    }
}

fn is_login(error: &DriverError) -> bool {
    match error.kind.as_ref() {
        DriverErrorKind::Authentication { .. } => true,
        DriverErrorKind::Command(command) => command.code == 18,
        _ => false,
    }
}

/// Whether the write was made by the primary, and not confirmed by a majority: it may be taken
/// back.
fn is_write_concern(error: &DriverError) -> bool {
    match error.kind.as_ref() {
        DriverErrorKind::Write(WriteFailure::WriteConcernError(_)) => true,
        // What is known of single writes says more.
        DriverErrorKind::InsertMany(many) => {
            many.write_errors.iter().flatten().next().is_none() && many.write_concern_error.is_some()
        }
        _ => false,
    }
}

impl fmt::Display for Error {
    /// Writes what happened; with `{:#}` also the driver's own error, for a line of a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        match &self.0.source {
            Some(source) if f.alternate() => write!(f, ": {source}"),
            _ => Ok(()),
        }
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
        self.0.source.as_ref().map(|source| source as _)
    }
}

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
        assert!(StdError::source(&error).is_some() && error.code().is_none());

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
