//! What the HTTP port answers while the start waits for something.

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;

use super::health::{healthz, readyz};
use crate::health::Health;

/// How long clients are to wait until they come again.
const AGAIN_SECONDS: &str = "5";

/// Answers that the process lives and is not ready, with what `health` says, and nothing else.
pub(crate) fn starting(health: Health) -> Router {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .fallback(not_yet)
        .with_state(health)
}

async fn not_yet() -> impl IntoResponse {
    let text = "the server waits for a database and takes nobody yet; /readyz says for which\n";
    (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, AGAIN_SECONDS)], text)
}
