//! What a multiplexer counts.

use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};

/// Handles of the metrics, made once. They go to the recorder that is installed when the multiplexer starts.
pub(crate) struct Metrics {
    pub(crate) names: Gauge,
    pub(crate) connected: Gauge,
    pub(crate) connections: Counter,
    pub(crate) losses: Counter,
    pub(crate) messages: Counter,
    pub(crate) bytes: Counter,
    pub(crate) drops: Counter,
    pub(crate) dispatch: Histogram,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        describe_gauge!("mpx_names", "Channels and patterns that somebody wants.");
        describe_gauge!("mpx_connected", "Connections that there are.");
        describe_counter!("mpx_connections_total", "Connections made.");
        describe_counter!("mpx_connections_lost_total", "Connections lost.");
        describe_counter!("mpx_messages_total", "Messages received from Redis.");
        describe_counter!("mpx_bytes_total", "Bytes received from Redis.");
        describe_counter!("mpx_messages_dropped_total", "Messages that subscriptions did not read in time.");
        describe_histogram!(
            "mpx_dispatch_seconds",
            "Time from a read to the end of the dispatch of all it brought."
        );
        Self {
            names: gauge!("mpx_names"),
            connected: gauge!("mpx_connected"),
            connections: counter!("mpx_connections_total"),
            losses: counter!("mpx_connections_lost_total"),
            messages: counter!("mpx_messages_total"),
            bytes: counter!("mpx_bytes_total"),
            drops: counter!("mpx_messages_dropped_total"),
            dispatch: histogram!("mpx_dispatch_seconds"),
        }
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
