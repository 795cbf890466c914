//! What a webhook counts.

use metrics::Counter;

/// The counters of a webhook; all webhooks of a process count into the same.
#[derive(Debug)]
pub(super) struct Counters {
    pub(super) posted: Counter,
    pub(super) failed: Counter,
    pub(super) events: Counter,
    pub(super) lagged: Counter,
}

impl Counters {
    pub(super) fn new() -> Self {
        let posts = "tidings_webhook_posts_total";
        metrics::describe_counter!(posts, "Posts of the webhook, by whether the receiver accepted them");
        metrics::describe_counter!(
            "tidings_webhook_events_total",
            "Events that the webhook's receiver accepted"
        );
        metrics::describe_counter!(
            "tidings_webhook_lagged_total",
            "How often events were lost before the webhook's receiver got them"
        );
        Self {
            posted: metrics::counter!(posts, "outcome" => "taken"),
            failed: metrics::counter!(posts, "outcome" => "failed"),
            events: metrics::counter!("tidings_webhook_events_total"),
            lagged: metrics::counter!("tidings_webhook_lagged_total"),
        }
    }
}
