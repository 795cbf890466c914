//! What the driver's error means for the caller.

use std::error::Error as StdError;

use mongodb::error::{
    Error as DriverError, ErrorKind as DriverErrorKind, RETRYABLE_WRITE_ERROR, TRANSIENT_TRANSACTION_ERROR,
    WriteFailure,
};

use super::ErrorKind;
use super::refusal::refusal;
use super::said::said;

/// Returns what the caller can do, and what there is to say after "mongodb at host".
///
/// `auth_source` is the database that the user of the address is looked for in, if it is known.
pub(super) fn classify(error: &DriverError, auth_source: Option<&str>) -> (ErrorKind, String) {
    use ErrorKind::{Answered, Conflict, Refused, Unavailable};
    let said = said(error);
    if is_login(error) {
        let place = auth_source
            .map(|source| format!(", which says that the user is in the database {source}"))
            .unwrap_or_default();
        let what =
            format!("refused the login; check user, password and authSource of the address{place}: {said}");
        return (Unavailable, what);
    }
    if chain(error).any(is_write_concern) {
        return (Unavailable, format!("did not confirm that a majority has the write: {said}"));
    }
    match code(error) {
        Some(11000 | 11001 | 12582) => (Conflict, format!("has another document of that key: {said}")),
        Some(13 | 8000) => (Refused, refusal(&said, auth_source)),
        Some(code) if PASSING.contains(&code) || LABELS.iter().any(|label| error.contains_label(label)) => {
            (Unavailable, format!("cannot do it now; a later try may succeed: {said}"))
        }
        Some(_) => (Answered, format!("answered with an error: {said}")),
        None => classify_without_code(error, &said),
    }
}

fn classify_without_code(error: &DriverError, said: &str) -> (ErrorKind, String) {
    use DriverErrorKind as Driver;
    use ErrorKind::{Answered, Closed, Config, Unavailable};
    match error.kind.as_ref() {
        Driver::Io(cause) if cause.kind() == std::io::ErrorKind::TimedOut => {
            (Unavailable, "did not answer in time".into())
        }
        Driver::Io(_) => (Unavailable, format!("cannot be reached: {said}")),
        // The driver says the whole topology here; a link says what it knows of each server.
        Driver::ServerSelection { .. } => (Unavailable, "has no primary that can be reached".into()),
        Driver::ConnectionPoolCleared { .. } => (Unavailable, format!("was lost: {said}")),
        Driver::DnsResolve { .. } => {
            (Unavailable, format!("cannot be found, as its name has no address: {said}"))
        }
        Driver::Internal { .. } => (Unavailable, format!("was lost by the driver: {said}")),
        Driver::Shutdown => (Closed, "is no longer connected to; the link was shut down".into()),
        Driver::InvalidTlsConfig { .. } => {
            (Config, format!("cannot be reached with the TLS settings of the address: {said}"))
        }
        Driver::Bson(_) | Driver::InvalidResponse { .. } => {
            (Answered, format!("has a document that cannot be read or written: {said}"))
        }
        _ => (Answered, format!("cannot do what it was asked: {said}")),
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

/// Returns the code of the server's answer; of several writes it is that of the first that failed.
pub(super) fn code(error: &DriverError) -> Option<i32> {
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

/// Whether user or password are wrong.
pub(super) fn is_login(error: &DriverError) -> bool {
    chain(error).any(|error| match error.kind.as_ref() {
        DriverErrorKind::Authentication { .. } => true,
        DriverErrorKind::Command(command) => command.code == 18,
        _ => false,
    })
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

#[cfg(test)]
mod tests {
    use mongodb::bson::{Document, deserialize_from_document, doc};
    use mongodb::error::CommandError;

    use super::*;

    fn answered(code: i32, name: &str, message: &str) -> DriverError {
        let answer: Document = doc! { "code": code, "codeName": name, "errmsg": message };
        DriverError::from(DriverErrorKind::Command(
            deserialize_from_document::<CommandError>(answer).unwrap(),
        ))
    }

    #[test]
    fn answers_of_a_server_are_told_by_what_can_be_done() {
        use ErrorKind::{Answered, Conflict, Refused, Unavailable};
        for (code, name, message, kind, told) in [
            (
                18,
                "AuthenticationFailed",
                "Authentication failed.",
                Unavailable,
                "refused the login; check user, password and authSource of the address, which says that the user \
                 is in the database users: Authentication failed. (AuthenticationFailed, code 18)",
            ),
            (
                10107,
                "NotWritablePrimary",
                "not primary",
                Unavailable,
                "cannot do it now; a later try may succeed: not primary (NotWritablePrimary, code 10107)",
            ),
            (
                11000,
                "DuplicateKey",
                "E11000 duplicate key error collection: a.b index: _id_ dup key: { _id: 1 }",
                Conflict,
                "has another document of that key: E11000 duplicate key error collection: a.b index: _id_ dup key: \
                 { _id: 1 } (DuplicateKey, code 11000)",
            ),
            (
                13,
                "Unauthorized",
                "not authorized on a to execute command { insert: \"b\", ordered: true, lsid: { id: 1 } }",
                Refused,
                "does not let the user of the address run insert on a.b; grant the user, who is in the database users, \
                 the role readWrite on the database a: db.getSiblingDB(\"users\").grantRolesToUser(\"USER\", \
                 [{ role: \"readWrite\", db: \"a\" }])",
            ),
            (
                59,
                "CommandNotFound",
                "no such command: 'x'",
                Answered,
                "answered with an error: no such command: 'x' \
              (CommandNotFound, code 59)",
            ),
        ] {
            assert_eq!(classify(&answered(code, name, message), Some("users")), (kind, told.to_owned()));
        }
    }

    #[test]
    fn nothing_of_the_shape_of_the_driver_is_told() {
        let topology =
            "Server selection timeout: No available servers. Topology: { Type: ReplicaSetNoPrimary }";
        let noisy = [
            DriverError::custom("mine"),
            answered(8, "UnknownError", topology),
            std::io::Error::from(std::io::ErrorKind::ConnectionReset).into(),
        ];
        for error in noisy {
            let (_, told) = classify(&error, None);
            for noise in ["RawDocumentBuf", "labels:", "source: None", "Kind:"] {
                assert!(!told.contains(noise), "{told}");
            }
        }
    }
}
