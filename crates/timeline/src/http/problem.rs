//! The error body.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::Error;
use crate::service::Code;

/// A failed request: `{"code":400,"reason":"…","message":"…","metadata":{}}` with the code as status.
#[derive(Debug, Serialize)]
pub(super) struct Problem {
    code: u16,
    reason: &'static str,
    message: String,
    metadata: Metadata,
}

/// Always `{}`.
#[derive(Debug, Serialize)]
struct Metadata {}

impl Problem {
    /// The body, the query or the content type cannot be read.
    pub(super) fn codec(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "CODEC", message)
    }

    pub(super) fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "page not found", "page not found")
    }

    pub(super) fn method_not_allowed() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", "the path takes another method")
    }

    pub(super) fn too_large(most: usize) -> Self {
        let message = format!("the body is too large, at most {most} bytes are allowed");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "BODY_TOO_LARGE", message)
    }

    fn new(status: StatusCode, reason: &'static str, message: impl Into<String>) -> Self {
        Self { code: status.as_u16(), reason, message: message.into(), metadata: Metadata {} }
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let code = Code::from(error.kind());
        Self { code: code.http, reason: code.reason, message: error.to_string(), metadata: Metadata {} }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Json(self)).into_response()
    }
}
