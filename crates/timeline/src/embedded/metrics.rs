//! What is counted and measured.

use std::time::Duration;

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use super::disk::DiskSpace;

/// Says what the figures are.
pub(super) fn describe() {
    describe_counter!("timeline_commits_total", "Batches that were written durably.");
    describe_counter!("timeline_commit_failures_total", "Batches that could not be written.");
    describe_counter!("timeline_reopened_total", "How often the store was opened again after a failure.");
    describe_counter!(
        "timeline_observer_missed_total",
        "Entries that the observer missed because it was too slow."
    );
    describe_counter!(
        "timeline_entries_removed_total",
        "Entries of inboxes that were acknowledged, and are removed."
    );
    describe_gauge!(
        "timeline_entries_to_remove",
        "Entries of inboxes that were acknowledged, and are still to be removed."
    );
    describe_counter!(
        "timeline_entries_erased_total",
        "Entries of histories that retention or a purge took away, and are erased."
    );
    describe_gauge!(
        "timeline_entries_to_erase",
        "Entries of histories that retention or a purge took away, and are still to be erased."
    );
    describe_counter!(
        "timeline_compactions_total",
        "How often the tables were written anew without the texts that were erased."
    );
    describe_histogram!(
        "timeline_compaction_seconds",
        "Time to write the tables anew without the texts that were erased."
    );
    describe_histogram!("timeline_batch_seconds", "Time to write a batch durably.");
    describe_gauge!("timeline_queue_length", "Sends that wait for the thread that writes them.");
    describe_gauge!("timeline_store_bytes", "Bytes that the store takes on disk.");
    describe_gauge!("timeline_disk_free_bytes", "Free bytes on the store's file system.");
    describe_gauge!("timeline_disk_total_bytes", "Size in bytes of the store's file system.");
    describe_gauge!("timeline_well", "1 while the store takes messages, otherwise 0.");
}

pub(super) fn committed(took: Duration) {
    counter!("timeline_commits_total").increment(1);
    histogram!("timeline_batch_seconds").record(took.as_secs_f64());
}

pub(super) fn commit_failed() {
    counter!("timeline_commit_failures_total").increment(1);
}

pub(super) fn reopened() {
    counter!("timeline_reopened_total").increment(1);
}

pub(super) fn removed(entries: u64) {
    counter!("timeline_entries_removed_total").increment(entries);
}

pub(super) fn to_remove(entries: u64) {
    gauge!("timeline_entries_to_remove").set(float(entries));
}

pub(super) fn erased(entries: u64) {
    counter!("timeline_entries_erased_total").increment(entries);
}

pub(super) fn to_erase(entries: u64) {
    gauge!("timeline_entries_to_erase").set(float(entries));
}

pub(super) fn compacted(took: Duration) {
    counter!("timeline_compactions_total").increment(1);
    histogram!("timeline_compaction_seconds").record(took.as_secs_f64());
}

pub(super) fn queue(waiting: usize) {
    gauge!("timeline_queue_length").set(float(waiting as u64));
}

pub(super) fn well(well: bool) {
    gauge!("timeline_well").set(if well { 1.0 } else { 0.0 });
}

pub(super) fn disk(room: DiskSpace) {
    gauge!("timeline_disk_free_bytes").set(float(room.free));
    gauge!("timeline_disk_total_bytes").set(float(room.total));
}

pub(super) fn store_bytes(bytes: u64) {
    gauge!("timeline_store_bytes").set(float(bytes));
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge is a double; beyond 8 PiB the last bytes do not matter"
)]
fn float(number: u64) -> f64 {
    number as f64
}
