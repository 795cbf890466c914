//! What is counted and measured of sends.

use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// Says what the figures are.
pub(super) fn describe() {
    describe_histogram!("timeline_batch_seconds", "Time to write a batch durably.");
    describe_gauge!("timeline_queue_length", "Sends that wait to be written.");
    describe_counter!(
        "timeline_unknown_outcomes_total",
        "Sends that were answered before it was known whether they were stored."
    );
    describe_counter!(
        "timeline_intents_ended_total",
        "Batches of other nodes, which had died, that this node ended."
    );
    describe_counter!(
        "timeline_unfinished_total",
        "Sends and changes that were begun and that this node cannot end, as a document cannot be read."
    );
}

pub(super) fn written(took: Duration) {
    histogram!("timeline_batch_seconds").record(took.as_secs_f64());
}

pub(super) fn queued() {
    gauge!("timeline_queue_length").increment(1.0);
}

pub(super) fn taken(sends: usize) {
    gauge!("timeline_queue_length").decrement(sends as f64);
}

pub(super) fn unknown() {
    counter!("timeline_unknown_outcomes_total").increment(1);
}

pub(in crate::distributed) fn unfinished() {
    counter!("timeline_unfinished_total").increment(1);
}

pub(in crate::distributed) fn intent_ended() {
    counter!("timeline_intents_ended_total").increment(1);
}
