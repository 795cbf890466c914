//! The one table of what clients are told when a call fails.

use crate::ErrorKind;

/// How a failure looks on the wire. A number or a reason that was used is never given another
/// meaning.
///
/// | [`ErrorKind`] | HTTP | gRPC | reason | try again |
/// |---|---|---|---|---|
/// | `InvalidInput` | 400 | 3 `INVALID_ARGUMENT` | `TIMELINE_INVALID_PARAM` | no |
/// | `Conflict` | 409 | 6 `ALREADY_EXISTS` | `TIMELINE_CONFLICT` | no |
/// | `Forbidden` | 403 | 7 `PERMISSION_DENIED` | `TIMELINE_FORBIDDEN` | no |
/// | `NotFound` | 404 | 5 `NOT_FOUND` | `TIMELINE_NOT_FOUND` | no |
/// | `Unavailable` | 503 | 14 `UNAVAILABLE` | `TIMELINE_UNAVAILABLE` | later, with the same message id |
/// | `UnknownOutcome` | 503 | 14 `UNAVAILABLE` | `UNKNOWN_OUTCOME` | with the message id that the metadata name |
/// | `Closed` | 503 | 14 `UNAVAILABLE` | `TIMELINE_CLOSED` | at another node |
/// | `Config` | 500 | 13 `INTERNAL` | `TIMELINE_CONFIG` | no |
/// | `Corrupt` | 500 | 15 `DATA_LOSS` | `TIMELINE_CORRUPT` | no |
/// | no room for another answer | 503 | 8 `RESOURCE_EXHAUSTED` | `TIMELINE_BUSY` | after a second |
/// | no place for another watch | 503 | 8 `RESOURCE_EXHAUSTED` | `TOO_MANY_WATCHES` | later |
/// | no place for another watch of this member | 429 | 8 `RESOURCE_EXHAUSTED` | `TOO_MANY_WATCHES` | after one of them ended |
/// | nobody is known to call | 401 | 16 `UNAUTHENTICATED` | `UNAUTHENTICATED` | after a login |
/// | the caller calls too often | 429 | 8 `RESOURCE_EXHAUSTED` | `TOO_MANY_REQUESTS` | after the time that is told |
/// | callers cannot be told apart | 503 | 14 `UNAVAILABLE` | `UNAVAILABLE` | later |
#[derive(Debug, Clone, Copy)]
pub(crate) struct Code {
    #[cfg(feature = "http")]
    pub(crate) http: u16,
    #[cfg(feature = "grpc")]
    pub(crate) grpc: i32,
    pub(crate) reason: &'static str,
}

impl Code {
    /// There is no room for another answer, because too many wait for their readers.
    pub(crate) const BUSY: Self = Self::new(503, 8, "TIMELINE_BUSY");

    /// There are as many watches as there may be.
    pub(super) const WATCHES_FULL: Self = Self::new(503, 8, "TOO_MANY_WATCHES");

    /// There are as many watches of one member as there may be.
    pub(super) const WATCHES_OF_MEMBER: Self = Self::new(429, 8, "TOO_MANY_WATCHES");

    /// The program does not know who calls.
    pub(super) const UNAUTHENTICATED: Self = Self::new(401, 16, "UNAUTHENTICATED");

    /// The caller calls too often.
    pub(super) const TOO_MANY_REQUESTS: Self = Self::new(429, 8, "TOO_MANY_REQUESTS");

    /// The program cannot find out who calls.
    pub(super) const CALLERS_UNAVAILABLE: Self = Self::new(503, 14, "UNAVAILABLE");

    const fn new(_http: u16, _grpc: i32, reason: &'static str) -> Self {
        Self {
            #[cfg(feature = "http")]
            http: _http,
            #[cfg(feature = "grpc")]
            grpc: _grpc,
            reason,
        }
    }
}

impl From<ErrorKind> for Code {
    fn from(kind: ErrorKind) -> Self {
        let (http, grpc, reason) = match kind {
            ErrorKind::InvalidInput => (400, 3, "TIMELINE_INVALID_PARAM"),
            ErrorKind::Conflict => (409, 6, "TIMELINE_CONFLICT"),
            ErrorKind::Forbidden => (403, 7, "TIMELINE_FORBIDDEN"),
            ErrorKind::NotFound => (404, 5, "TIMELINE_NOT_FOUND"),
            ErrorKind::Unavailable => (503, 14, "TIMELINE_UNAVAILABLE"),
            ErrorKind::UnknownOutcome => (503, 14, "UNKNOWN_OUTCOME"),
            ErrorKind::Closed => (503, 14, "TIMELINE_CLOSED"),
            ErrorKind::Config => (500, 13, "TIMELINE_CONFIG"),
            ErrorKind::Corrupt => (500, 15, "TIMELINE_CORRUPT"),
        };
        Self::new(http, grpc, reason)
    }
}
