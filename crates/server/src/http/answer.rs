//! Errors as JSON, in the shape that the timeline calls have too.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;
use tidings::presence::{Error, ErrorKind};

/// An error with its reason in capitals for programs and a sentence for people.
pub(crate) fn error(status: StatusCode, reason: &str, message: &str) -> Response {
    let body = json!({ "code": status.as_u16(), "reason": reason, "message": message, "metadata": {} });
    (status, Json(body)).into_response()
}

/// What presence could not do; `invalid` is the reason when it is the request's fault.
pub(super) fn failed(error: &Error, invalid: &str) -> Response {
    let (status, reason) = fault(error.kind(), invalid);
    self::error(status, reason, &error.to_string())
}

/// Returns status and reason of a failure. A store that cannot be read is never an answer about
/// somebody.
pub(super) fn fault(kind: ErrorKind, invalid: &str) -> (StatusCode, &str) {
    match kind {
        ErrorKind::InvalidInput => (StatusCode::BAD_REQUEST, invalid),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
    }
}

/// What every unknown path answers.
pub(super) async fn not_found() -> Response {
    error(StatusCode::NOT_FOUND, "NOT_FOUND", "there is nothing at this path")
}

/// What a known path answers to a method it does not have.
pub(super) async fn wrong_method() -> Response {
    error(
        StatusCode::METHOD_NOT_ALLOWED,
        "METHOD_NOT_ALLOWED",
        "this path does not take this method; the header Allow names those it takes",
    )
}
