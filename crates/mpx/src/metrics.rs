//! What a multiplexer counts.

use std::sync::atomic::{AtomicUsize, Ordering};

use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};

/// Handles of the metrics, made once. They go to the recorder that is installed when the
/// multiplexer starts.
pub(crate) struct Metrics {
    names: Gauge,
    /// What this multiplexer adds to it: there may be others.
    names_told: AtomicUsize,
    connected: Gauge,
    connections: Counter,
    pub(crate) losses: Counter,
    pub(crate) messages: Counter,
    pub(crate) bytes: Counter,
    pub(crate) drops: Counter,
    pub(crate) dispatch: Histogram,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        describe_gauge!("mpx_names", "Channels and patterns with at least one subscriber.");
        describe_gauge!("mpx_connected", "Open connections to Redis.");
        describe_counter!("mpx_connections_total", "Connections to Redis that were opened.");
        describe_counter!("mpx_connections_lost_total", "Connections to Redis that were lost.");
        describe_counter!("mpx_messages_total", "Messages received from Redis.");
        describe_counter!("mpx_bytes_total", "Bytes received from Redis.");
        describe_counter!(
            "mpx_messages_dropped_total",
            "Messages dropped because a subscription did not read them in time."
        );
        describe_histogram!(
            "mpx_dispatch_seconds",
            "Time from a read of a connection until all its messages were handed out."
        );
        Self {
            names: gauge!("mpx_names"),
            names_told: AtomicUsize::new(0),
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

impl Metrics {
    /// So many names there are.
    pub(crate) fn names(&self, count: usize) {
        let before = self.names_told.swap(count, Ordering::Relaxed);
        if count != before {
            self.names.increment(count as f64 - before as f64);
        }
    }

    /// There is a connection, until what is returned is dropped.
    pub(crate) fn connection(&self) -> impl Drop + use<> {
        self.connections.increment(1);
        self.connected.increment(1.0);
        Connected(self.connected.clone())
    }
}

struct Connected(Gauge);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
