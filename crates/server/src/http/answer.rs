//! Errors as JSON, in the shape that the timeline calls have too.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use serde_json::json;
use tidings::presence::{Error, ErrorKind};
use tidings::timeline::AnswerPermit;

/// A byte of a name or a payload is six of JSON at most, as a control character is.
pub(super) const JSON_PER_BYTE: usize = 6;

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

/// Returns status and reason of a failure. A store that cannot be read gives an error, and never a
/// status of somebody such as offline.
pub(super) fn fault(kind: ErrorKind, invalid: &str) -> (StatusCode, &str) {
    match kind {
        ErrorKind::InvalidInput => (StatusCode::BAD_REQUEST, invalid),
        _ => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
    }
}

/// An answer in the room that was reserved for it, which it has until it is written.
pub(super) fn held(status: StatusCode, room: AnswerPermit, answer: &impl Serialize) -> Response {
    let json = serde_json::to_vec(answer).expect("texts, numbers and JSON are always JSON");
    let Some(body) = room.into_body(&json) else { return busy() };
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    (status, kind, body).into_response()
}

/// What is answered while there is no room for an answer.
pub(super) fn busy() -> Response {
    let answer = error(
        StatusCode::SERVICE_UNAVAILABLE,
        "BUSY",
        "too many answers are being made or wait to be read; ask again in a second",
    );
    ([(header::RETRY_AFTER, HeaderValue::from_static("1"))], answer).into_response()
}

/// What every unknown path answers.
pub(crate) async fn not_found() -> Response {
    error(StatusCode::NOT_FOUND, "NOT_FOUND", "there is nothing at this path")
}

/// What a known path answers to a method it does not have.
pub(crate) async fn wrong_method() -> Response {
    error(
        StatusCode::METHOD_NOT_ALLOWED,
        "METHOD_NOT_ALLOWED",
        "this path does not take this method; the header Allow names those it takes",
    )
}
