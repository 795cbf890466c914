//! What is counted and measured of the telling.

use metrics::{counter, describe_counter, describe_gauge, gauge};

/// Says what the figures are.
pub(super) fn describe() {
    describe_gauge!("timeline_others_heard", "1 while this node hears what others write, otherwise 0.");
    describe_counter!("timeline_notices_total", "Messages between nodes, by whether said or heard.");
    describe_counter!("timeline_notices_failed_total", "Attempts to tell the other nodes that failed.");
    describe_counter!(
        "timeline_notices_missed_total",
        "How often messages of other nodes may have been missed, so that the inboxes were looked at."
    );
    describe_counter!(
        "timeline_observer_missed_total",
        "Entries that the observer missed because it was too slow."
    );
}

pub(super) fn others_heard(heard: bool) {
    gauge!("timeline_others_heard").set(if heard { 1.0 } else { 0.0 });
}

pub(super) fn said() {
    counter!("timeline_notices_total", "way" => "said").increment(1);
}

pub(super) fn heard() {
    counter!("timeline_notices_total", "way" => "heard").increment(1);
}

pub(super) fn failed() {
    counter!("timeline_notices_failed_total").increment(1);
}

pub(super) fn missed() {
    counter!("timeline_notices_missed_total").increment(1);
}
