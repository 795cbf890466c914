//! What is counted and measured.

use metrics::{counter, describe_counter};

/// Says what the figures are.
pub(super) fn describe() {
    describe_counter!("timeline_sequences_total", "Sequences that were given out, by Redis or by the index.");
    #[cfg(feature = "redis")]
    metrics::describe_gauge!(
        "timeline_redis_up",
        "Whether Redis gives out sequences, for all boxes, 1 or 0."
    );
}

/// Notes sequences that were found in the index.
pub(super) fn given_by_index(count: u64) {
    counter!("timeline_sequences_total", "by" => "index").increment(count);
}

/// Notes sequences that Redis gave out.
#[cfg(feature = "redis")]
pub(super) fn given_by_redis(count: u64) {
    counter!("timeline_sequences_total", "by" => "redis").increment(count);
}

/// Notes whether Redis gives out sequences for all boxes.
#[cfg(feature = "redis")]
pub(super) fn redis_up(is_up: bool) {
    metrics::gauge!("timeline_redis_up").set(if is_up { 1.0 } else { 0.0 });
}
