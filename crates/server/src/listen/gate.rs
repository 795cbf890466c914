//! The outermost layer of both ports: counts a request for its seat, and answers only about health on a reserved one.

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tonic::Status;

use super::seats::Sitter;
use crate::http::answer;

/// What an operator asks, also of a server that is full.
const HEALTH: [&str; 4] = ["/healthz", "/readyz", "/metrics", "/grpc.health.v1.Health/Check"];

pub(crate) async fn gate(request: Request, next: Next) -> Response {
    let Some(sitter) = request.extensions().get::<Sitter>().cloned() else { return next.run(request).await };
    let busy = sitter.busy();
    let response = if sitter.is_reserved() && !HEALTH.contains(&request.uri().path()) {
        full(&request)
    } else {
        next.run(request).await
    };
    response.map(|body| busy.follow(body))
}

fn full(request: &Request) -> Response {
    const WHY: &str = "every place for a connection is busy; come back in a moment";
    let is_grpc = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    if is_grpc {
        return Status::unavailable(WHY).into_http();
    }
    let headers = [
        (header::CONNECTION, HeaderValue::from_static("close")),
        (header::RETRY_AFTER, HeaderValue::from_static("1")),
    ];
    (headers, answer::error(StatusCode::SERVICE_UNAVAILABLE, "FULL", WHY)).into_response()
}
