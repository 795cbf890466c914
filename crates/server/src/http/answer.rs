//! Errors as JSON, in the shape that the timeline calls have too.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::json;

/// An error with its reason in capitals for programs and a sentence for people.
pub(super) fn error(status: StatusCode, reason: &str, message: &str) -> Response {
    let body = json!({ "code": status.as_u16(), "reason": reason, "message": message, "metadata": {} });
    (status, Json(body)).into_response()
}

/// What every unknown path answers.
pub(super) async fn not_found() -> Response {
    error(StatusCode::NOT_FOUND, "NOT_FOUND", "there is nothing at this path")
}

/// What a known path answers to a method it does not have.
pub(super) async fn wrong_method() -> Response {
    error(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "this path does not have this method")
}
