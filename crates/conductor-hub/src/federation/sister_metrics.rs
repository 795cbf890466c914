//! What is counted of sisters.

use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

use super::sister::SisterEnd;

/// Handles of the metrics of sisters, made once.
#[derive(Debug)]
pub(crate) struct SisterMetrics {
    pub(crate) sisters: Gauge,
    pub(crate) sent: Counter,
    pub(crate) received: Counter,
    pub(crate) late: Counter,
    pub(crate) missing: Counter,
    pub(crate) refused: Counter,
}

impl SisterMetrics {
    pub(crate) fn new() -> Self {
        describe_gauge!("hub_sisters", "Open links to sisters.");
        describe_counter!("hub_sister_parcels_sent_total", "Rows of messages queued for sisters.");
        describe_counter!("hub_sister_parcels_received_total", "Rows of messages that came from sisters.");
        describe_counter!(
            "hub_sister_parcels_late_total",
            "Rows of messages from sisters that were dropped: they came before, or too late."
        );
        describe_counter!(
            "hub_sister_parcels_missing_total",
            "Rows of messages that were for this node and did not come."
        );
        describe_counter!("hub_sisters_refused_total", "Nodes that were refused as sisters.");
        describe_counter!("hub_sister_links_ended_total", "Links to sisters that ended, by reason.");
        Self {
            sisters: gauge!("hub_sisters"),
            sent: counter!("hub_sister_parcels_sent_total"),
            received: counter!("hub_sister_parcels_received_total"),
            late: counter!("hub_sister_parcels_late_total"),
            missing: counter!("hub_sister_parcels_missing_total"),
            refused: counter!("hub_sisters_refused_total"),
        }
    }

    /// Counts the end of a link. Looks its counter up: ends are rare.
    #[expect(clippy::unused_self, reason = "counters are reached through the handles' owner")]
    pub(crate) fn ended(&self, reason: SisterEnd) {
        counter!("hub_sister_links_ended_total", "reason" => reason.label()).increment(1);
    }
}
