//! `/healthz` and `/readyz`: whether the process lives, and may be sent users.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde_json::Value;

use crate::health::Health;

pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// Every part with what is wrong with it, also for the page.
pub(super) async fn readyz(State(health): State<Health>) -> (StatusCode, Json<Value>) {
    let report = health.report();
    let status = if report.is_ready() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(report.to_json()))
}
