//! What is counted.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};

use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram, gauge,
    histogram,
};

/// Handles of the metrics, made once. They go to the recorder that is installed when a base starts.
pub(crate) struct Metrics {
    pub(crate) starts: Counter,
    pub(crate) kills: Counter,
    pub(crate) updates: Counter,
    pub(crate) flush: Histogram,
    pub(crate) flush_failures: Counter,
    pub(crate) sync: Histogram,
    pub(crate) sync_failures: Counter,
    pub(crate) beings_read: Counter,
    pub(crate) changes: Counter,
    pub(crate) lags: Counter,
    pub(crate) slot_bytes: Gauge,
    pub(crate) slots: Gauge,
    pub(crate) beings: Gauge,
    pub(crate) pruned: Counter,
    /// One if the change stream lives.
    pub(crate) streams: Share,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        describe();
        Self {
            starts: counter!("presence_mongo_starts_total"),
            kills: counter!("presence_mongo_kills_total"),
            updates: counter!("presence_mongo_updates_total"),
            flush: histogram!("presence_mongo_flush_seconds"),
            flush_failures: counter!("presence_mongo_flush_failures_total"),
            sync: histogram!("presence_mongo_sync_seconds"),
            sync_failures: counter!("presence_mongo_sync_failures_total"),
            beings_read: counter!("presence_mongo_beings_read_total"),
            changes: counter!("presence_mongo_changes_total"),
            lags: counter!("presence_mongo_lags_total"),
            slot_bytes: gauge!("presence_mongo_slot_bytes"),
            slots: gauge!("presence_mongo_slots"),
            beings: gauge!("presence_mongo_beings"),
            pruned: counter!("presence_mongo_pruned_total"),
            streams: Share::new(gauge!("presence_mongo_change_streams")),
        }
    }
}

fn describe() {
    describe_gauge!("presence_mongo_pingers", "Pingers of this process that ping.");
    describe_gauge!("presence_mongo_alive_keys", "Keys that are alive, in the namespaces that are watched.");
    describe_gauge!("presence_mongo_watched_keys", "Keys that somebody in this process watches.");
    describe_counter!("presence_mongo_starts_total", "Pingers that were started.");
    describe_counter!("presence_mongo_kills_total", "Keys that were killed.");
    describe_counter!("presence_mongo_updates_total", "Updates of time slots, one for each flush as a rule.");
    describe_histogram!("presence_mongo_flush_seconds", "Time until bits were written, or were not.");
    describe_counter!("presence_mongo_flush_failures_total", "Attempts to write bits that failed.");
    describe_histogram!("presence_mongo_sync_seconds", "Time until time slots and new beings were read.");
    describe_counter!("presence_mongo_sync_failures_total", "Reads of time slots that failed.");
    describe_counter!("presence_mongo_beings_read_total", "Beings whose keys were looked up.");
    describe_counter!("presence_mongo_changes_total", "Keys that came to life or died.");
    describe_counter!("presence_mongo_lags_total", "Times at which a change stream missed something.");
    describe_gauge!("presence_mongo_change_streams", "Change streams that live; without one it polls.");
    describe_gauge!("presence_mongo_slot_bytes", "Bytes of the largest time slot that was read last.");
    describe_gauge!("presence_mongo_slots", "Documents of time slots in the base, after the last pruning.");
    describe_gauge!("presence_mongo_beings", "Documents of beings in the base, after the last pruning.");
    describe_counter!("presence_mongo_pruned_total", "Documents that were pruned.");
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

/// What one part adds to a gauge that others add to as well; it is taken back when this is dropped.
pub(crate) struct Share {
    gauge: Gauge,
    told: AtomicUsize,
}

impl Share {
    fn new(gauge: Gauge) -> Self {
        Self { gauge, told: AtomicUsize::new(0) }
    }

    /// Returns that of the pingers.
    pub(crate) fn of_pingers() -> Self {
        Self::new(gauge!("presence_mongo_pingers"))
    }

    /// Returns that of the keys that are alive.
    pub(crate) fn of_alive_keys() -> Self {
        Self::new(gauge!("presence_mongo_alive_keys"))
    }

    /// Returns that of the keys that are watched.
    pub(crate) fn of_watched_keys() -> Self {
        Self::new(gauge!("presence_mongo_watched_keys"))
    }

    pub(crate) fn set(&self, count: usize) {
        let before = self.told.swap(count, Ordering::Relaxed);
        if count != before {
            self.gauge.increment(count as f64 - before as f64);
        }
    }
}

impl fmt::Debug for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.told, f)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.set(0);
    }
}
