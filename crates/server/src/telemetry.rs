//! Metrics of the process.

use std::time::Duration;

use anyhow::Context as _;
use metrics::Gauge;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio_util::sync::CancellationToken;

use crate::log;

/// Seconds; from a memory hit to a disk that struggles.
const BUCKETS: &[f64] =
    &[0.000_1, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// How often samples are folded into their buckets when nobody scrapes, so that they never pile up.
const UPKEEP: Duration = Duration::from_secs(5);

/// Collects the metrics of every crate in this process.
pub(crate) fn metrics() -> anyhow::Result<PrometheusHandle> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), BUCKETS)
        .and_then(PrometheusBuilder::install_recorder)
        .inspect(|_| describe())
        .context("metrics cannot be set up")
}

fn describe() {
    metrics::describe_counter!(
        "tidings_log_lines_lost_total",
        "Lines of the log that were lost, because the error output was full, closed or not read"
    );
    metrics::describe_counter!(
        "tidings_part_restarts_total",
        "How often a part ended unexpectedly and was started again"
    );
    metrics::describe_counter!(
        "tidings_panics_total",
        "Panics, each a fault of this program that ended a task"
    );
    metrics::describe_counter!("tidings_refused_tokens_total", "Tokens that were not accepted, by reason");
    metrics::describe_gauge!("tidings_revocations", "Revocations that this server knows");
}

/// Connections open, by port.
#[derive(Debug)]
pub(crate) struct Connections {
    pub(crate) http: Gauge,
    pub(crate) grpc: Gauge,
}

/// Counts what is open.
pub(crate) fn connections() -> Connections {
    let (http, grpc) = ("tidings_http_connections", "tidings_grpc_connections");
    metrics::describe_gauge!(http, "Open HTTP connections, without those of the hub");
    metrics::describe_gauge!(grpc, "Open gRPC connections");
    Connections { http: metrics::gauge!(http), grpc: metrics::gauge!(grpc) }
}

/// Keeps the metrics tidy until `stop`.
pub(crate) async fn keep_up(handle: PrometheusHandle, stop: CancellationToken) {
    let mut tick = tokio::time::interval(UPKEEP);
    while stop.run_until_cancelled(tick.tick()).await.is_some() {
        handle.run_upkeep();
    }
}

/// The metrics as Prometheus reads them.
pub(crate) fn render(handle: &PrometheusHandle) -> String {
    // The log counts these itself, and may do so before there are metrics.
    metrics::counter!("tidings_log_lines_lost_total").absolute(log::lines_lost());
    handle.render()
}
