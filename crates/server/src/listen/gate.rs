//! The two layers that both ports have.
//!
//! The outermost follows each request of a connection, and the gate, inside of the headers, refuses
//! what finds no place or no room.
//!
//! They are two, so that a refusal has the headers of every other answer.

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use tonic::Status;

use super::body::BodyEnd;
use super::permits::{Busy, ConnectionHandle};
use crate::http::answer;

/// What an operator asks, also of a server that is full.
const HEALTH: [&str; 5] = ["/healthz", "/readyz", "/metrics", "/grpc.health.v1.Health/Check", WATCH];

/// Calls that last for as long as their client likes, so that they may keep no place. The streams
/// of presence and the watches of inboxes do as well, and are counted: they are fewer than the
/// places (`Streams`, `watches_max`).
const ENDLESS: [&str; 3] = [
    WATCH,
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
];

const WATCH: &str = "/grpc.health.v1.Health/Watch";

/// The outermost layer: the connection is busy until the last byte of the answer is written.
pub(crate) async fn follow(mut request: Request, next: Next) -> Response {
    let Some(handle) = request.extensions().get::<ConnectionHandle>().cloned() else {
        return next.run(request).await;
    };
    let busy = if ENDLESS.contains(&request.uri().path()) { handle.resting() } else { handle.busy() };
    let leaves = !is_grpc(&request) && !is_about_health(&request) && !handle.has_place();
    request.extensions_mut().insert(busy.clone());
    let mut response = next.run(request).await;
    if leaves {
        // Not only refusals: a preflight is answered before the gate, and would keep the place.
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response.map(|body| busy.follow(body))
}

/// The gate: on a reserved place only what is about health passes, and a body that was given up is
/// answered with the reason.
pub(crate) async fn gate(mut request: Request, next: Next) -> Response {
    let handle = request.extensions().get::<ConnectionHandle>().cloned();
    // It is taken out of the request: a handler that keeps the request, as for a WebSocket, would
    // keep the connection busy with it.
    let (Some(handle), Some(busy)) = (handle, request.extensions_mut().remove::<Busy>()) else {
        return next.run(request).await;
    };
    let is_grpc = is_grpc(&request);
    if !is_about_health(&request) && !handle.has_place() {
        return refusal(is_grpc, StatusCode::SERVICE_UNAVAILABLE, "FULL", FULL);
    }
    request.extensions_mut().insert(handle.connection());
    let answer = next.run(request.map(|body| busy.arriving(body))).await;
    match busy.ended() {
        None => answer,
        Some(BodyEnd::TooSlow) => refusal(is_grpc, StatusCode::REQUEST_TIMEOUT, "TIMEOUT", TOO_SLOW),
        Some(BodyEnd::NoRoom) => refusal(is_grpc, StatusCode::SERVICE_UNAVAILABLE, "BUSY", NO_ROOM),
    }
}

fn is_about_health(request: &Request) -> bool {
    HEALTH.contains(&request.uri().path())
}

const FULL: &str = "all places for connections are busy; try again in a moment";
const TOO_SLOW: &str = "the body came too slowly while others waited for its memory; send it again";
const NO_ROOM: &str = "too many bytes of request bodies are on their way; send it again in a second";

fn is_grpc(request: &Request) -> bool {
    let kind = request.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// What a client is told that should come again, over another connection.
fn refusal(is_grpc: bool, status: StatusCode, reason: &str, why: &str) -> Response {
    if is_grpc {
        return match status {
            StatusCode::SERVICE_UNAVAILABLE if reason == "FULL" => Status::unavailable(why).into_http(),
            _ => Status::resource_exhausted(why).into_http(),
        };
    }
    let headers = [
        (header::CONNECTION, HeaderValue::from_static("close")),
        (header::RETRY_AFTER, HeaderValue::from_static("1")),
    ];
    (headers, answer::error(status, reason, why)).into_response()
}
