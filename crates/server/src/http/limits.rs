//! How much one request may ask of us, and what we count about it.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use http_body_util::Limited;
use metrics::{Counter, Histogram};
use tidings::join::outage_log::OutageLog;
use tokio::time::{Instant, interval};
use tokio_util::sync::CancellationToken;

use super::answer;

/// The limits of one request, and the counters of all.
#[derive(Clone)]
pub(crate) struct Limits {
    body_bytes: usize,
    request_time: Duration,
    /// One for each class of status, 1xx to 5xx.
    answered: [Counter; 5],
    duration: Histogram,
    /// Requests that fail because of an error in this server.
    failing: Arc<OutageLog>,
}

/// How long no request may fail until the outage is over.
const QUIET: Duration = Duration::from_secs(10);

/// How often it is looked whether an outage is over: the next request may come hours later.
const LOOK: Duration = Duration::from_secs(1);

impl Limits {
    pub(crate) fn new(body_bytes: usize, request_time: Duration) -> Self {
        metrics::describe_counter!(
            "tidings_http_requests_total",
            "HTTP requests that were answered, by class of status"
        );
        metrics::describe_histogram!(
            "tidings_http_request_seconds",
            "Time from the head of a request to the head of its answer"
        );
        Self {
            body_bytes,
            request_time,
            answered: ["1xx", "2xx", "3xx", "4xx", "5xx"]
                .map(|status| metrics::counter!("tidings_http_requests_total", "status" => status)),
            duration: metrics::histogram!("tidings_http_request_seconds"),
            failing: Arc::new(OutageLog::new("requests fail because of an error in this server")),
        }
    }

    /// Tells when an outage is over, until `stop`.
    pub(crate) async fn watch(self, stop: CancellationToken) {
        let mut ticks = interval(LOOK);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.failing.over_if_quiet_for(QUIET);
        }
    }

    async fn run(&self, request: Request, next: Next) -> Response {
        // A length that is stated is refused by the head, before anything of the body is read. What
        // states none is cut off at the limit below.
        let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
        if length
            .and_then(|length| length.parse().ok())
            .is_some_and(|length: u64| length > self.body_bytes as u64)
        {
            return answer::error(
                StatusCode::PAYLOAD_TOO_LARGE,
                "BODY_TOO_LARGE",
                "the body is larger than --body-bytes allows",
            );
        }
        let request = request.map(|body| Body::new(Limited::new(body, self.body_bytes)));
        tokio::time::timeout(self.request_time, next.run(request)).await.unwrap_or_else(|_| {
            answer::error(
                StatusCode::REQUEST_TIMEOUT,
                "TIMEOUT",
                "the request took longer than --request-time allows; try again",
            )
        })
    }
}

/// The middleware around every route.
pub(super) async fn limit(State(limits): State<Limits>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = limits.run(request, next).await;
    let (status, taken) = (response.status(), started.elapsed());
    if let Some(counter) = limits.answered.get(usize::from(status.as_u16() / 100).saturating_sub(1)) {
        counter.increment(1);
    }
    limits.duration.record(taken);
    // A part that is unavailable logs that itself, once.
    if status.is_server_error() && status != StatusCode::SERVICE_UNAVAILABLE {
        limits.failing.note(&format_args!("{method} {path} was answered with {status}"));
    }
    tracing::debug!(%method, path, status = status.as_u16(), ?taken, "request");
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_over_also_if_nobody_asks_again() {
        let (limits, stop) = (Limits::new(1_024, Duration::from_secs(1)), CancellationToken::new());
        limits.failing.note(&"a request of the test");
        let watch = limits.clone().watch(stop.clone());
        tokio::pin!(watch);
        assert!(tokio::time::timeout(QUIET - LOOK, watch.as_mut()).await.is_err());
        assert!(limits.failing.is_on());
        assert!(tokio::time::timeout(LOOK * 3, watch.as_mut()).await.is_err());
        assert!(!limits.failing.is_on());
        stop.cancel();
        watch.await;
    }
}
