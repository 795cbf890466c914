//! `/healthz` and `/readyz`: whether the process lives, and whether it should be sent users.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::State;
use axum::http::StatusCode;
use tidings::presence::Presence;

/// Whether new users are welcome; off from the first moment of a clean stop.
#[derive(Debug, Clone, Default)]
pub(crate) struct Readiness {
    ready: Arc<AtomicBool>,
}

impl Readiness {
    pub(crate) fn turn_on(&self) {
        self.ready.store(true, Ordering::Release);
    }

    pub(crate) fn turn_off(&self) {
        self.ready.store(false, Ordering::Release);
    }

    pub(super) fn is_on(&self) -> bool {
        self.ready.load(Ordering::Acquire)
    }
}

pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

pub(super) async fn readyz(
    State(readiness): State<Readiness>,
    State(presence): State<Presence>,
) -> (StatusCode, &'static str) {
    if !readiness.is_on() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n");
    }
    match presence.count().await {
        Ok(_) => (StatusCode::OK, "ready\n"),
        Err(error) => {
            tracing::debug!(%error, "presence is unavailable");
            (StatusCode::SERVICE_UNAVAILABLE, "presence is unavailable\n")
        }
    }
}
