//! The body of an error.

use std::time::Duration;

use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::service::in_flight::Full;
use crate::service::{Code, NotRead, NotWatched, in_flight};
use crate::{CallRefused, Error, ErrorKind};

/// A failed request: `{"code":400,"reason":"…","message":"…","metadata":{}}` with the code as
/// status.
///
/// A send of unknown outcome has the id to repeat it with: `"metadata":{"messageId":"7f1c"}`.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    code: u16,
    reason: &'static str,
    message: String,
    metadata: Metadata,
    // It is sent as the header `Retry-After`, and not in the body.
    #[serde(skip)]
    retry_after: Option<Duration>,
}

/// Mostly `{}`.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
}

impl Problem {
    /// The body, the query or the content type cannot be read.
    pub(super) fn codec(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "CODEC", message)
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "there is nothing at this path")
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "METHOD_NOT_ALLOWED",
            "this path does not take this method; the header Allow names those it takes",
        )
    }

    pub(super) fn too_large(most: usize) -> Self {
        let message = format!("the body is too large; at most {most} bytes are allowed");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", message)
    }

    /// The reply has no form in JSON.
    pub(super) fn unwritable(error: &serde_json::Error) -> Self {
        let message = format!("the reply cannot be written as JSON: {error}");
        Error::new(ErrorKind::Corrupt, message).into()
    }

    fn new(status: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        let (code, message) = (status.as_u16(), message.into());
        Self { code, reason, message, metadata: Metadata::default(), retry_after: None }
    }

    /// What the table of codes says of a failure.
    fn of(code: Code, message: String, retry_after: Option<Duration>) -> Self {
        Self { code: code.http, reason: code.reason, message, metadata: Metadata::default(), retry_after }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let metadata = Metadata { message_id: error.message_id().map(str::to_owned) };
        Self { metadata, ..Self::of(error.kind().into(), error.to_string(), None) }
    }
}

/// The call is not taken from its caller.
impl From<CallRefused> for Problem {
    fn from(refused: CallRefused) -> Self {
        Self::of(refused.kind().into(), refused.to_string(), refused.retry_after())
    }
}

/// A read found no room for its answer.
impl From<Full> for Problem {
    fn from(_: Full) -> Self {
        Self::of(Code::BUSY, in_flight::FULL.to_owned(), Some(in_flight::PATIENCE))
    }
}

/// A page is not read.
impl From<NotRead> for Problem {
    fn from(why: NotRead) -> Self {
        match why {
            NotRead::Error(error) => error.into(),
            NotRead::Full(full) => full.into(),
        }
    }
}

/// An inbox is not watched.
impl From<NotWatched> for Problem {
    fn from(why: NotWatched) -> Self {
        match why {
            NotWatched::Error(error) => error.into(),
            NotWatched::NoPlace(none) => {
                Self::of(none.code(), none.text().to_owned(), Some(none.retry_after()))
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after.map(|after| [(header::RETRY_AFTER, seconds(after).to_string())]);
        // A 401 has to name a way to log in.
        let login = (status == StatusCode::UNAUTHORIZED).then_some([(header::WWW_AUTHENTICATE, "Bearer")]);
        (status, retry_after, login, Json(self)).into_response()
    }
}

/// Rounds up: whoever comes back after the time is not refused again.
fn seconds(after: Duration) -> u64 {
    after.as_secs().saturating_add(u64::from(after.subsec_nanos() > 0))
}
