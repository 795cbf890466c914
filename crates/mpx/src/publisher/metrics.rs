//! What a publisher counts.

use metrics::{Counter, counter, describe_counter};

pub(super) struct Metrics {
    pub(super) published: Counter,
    pub(super) failures: Counter,
}

impl Metrics {
    pub(super) fn new() -> Self {
        describe_counter!("mpx_published_total", "Messages that Redis confirmed.");
        describe_counter!(
            "mpx_publish_failures_total",
            "Messages that were not published, or of which that is not known."
        );
        Self { published: counter!("mpx_published_total"), failures: counter!("mpx_publish_failures_total") }
    }
}
