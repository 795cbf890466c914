//! What the hub counts.

use metrics::{Counter, Gauge, counter, describe_counter, describe_gauge, gauge};

use crate::Disconnect;

/// Handles of the hub's metrics, made once.
///
/// They go to the recorder that is installed when the hub starts.
pub(crate) struct Metrics {
    pub(crate) connections: Gauge,
    pub(crate) received: Counter,
    pub(crate) delivered: Counter,
    pub(crate) denied: Counter,
    pub(crate) repeated: Counter,
    pub(crate) held: Counter,
    pub(crate) conflated: Counter,
    pub(crate) aborted: Counter,
    pub(crate) compressed: Counter,
    pub(crate) ended_for_room: Counter,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        describe_gauge!("hub_connections", "Open connections.");
        describe_counter!("hub_messages_received_total", "Messages received from clients.");
        describe_counter!("hub_messages_delivered_total", "Messages queued for clients.");
        describe_counter!(
            "hub_messages_denied_total",
            "Binds and writes that the auth hook denied, and messages of streams that are not open or not the \
             sender's."
        );
        describe_counter!(
            "hub_messages_repeated_total",
            "Messages dropped because their uuid was seen before."
        );
        describe_counter!("hub_senders_held_total", "How often a sender waited for a reader who was behind.");
        describe_counter!(
            "hub_streams_aborted_total",
            "Streams whose sender was lost, left the channel or began another."
        );
        describe_counter!(
            "hub_messages_conflated_total",
            "Messages not given to a reader who was behind, because a newer one took their place."
        );
        describe_counter!(
            "hub_messages_compressed_total",
            "Messages compressed, each once for all its receivers whose windows are alike."
        );
        describe_counter!(
            "hub_ended_for_room_total",
            "Connections closed because the messages waiting for all of them needed too much memory."
        );
        describe_counter!(
            "hub_answers_lost_total",
            "Answers to calls that no client got, because its connection ended before."
        );
        describe_counter!("hub_disconnects_total", "Connections that ended, by close code.");
        Self {
            connections: gauge!("hub_connections"),
            received: counter!("hub_messages_received_total"),
            delivered: counter!("hub_messages_delivered_total"),
            denied: counter!("hub_messages_denied_total"),
            repeated: counter!("hub_messages_repeated_total"),
            held: counter!("hub_senders_held_total"),
            aborted: counter!("hub_streams_aborted_total"),
            conflated: counter!("hub_messages_conflated_total"),
            compressed: counter!("hub_messages_compressed_total"),
            ended_for_room: counter!("hub_ended_for_room_total"),
        }
    }

    /// Counts the end of a connection. Looks its counter up: ends are rare.
    #[expect(clippy::unused_self, reason = "counters are reached through the handles' owner")]
    pub(crate) fn disconnected(&self, reason: Disconnect) {
        counter!("hub_disconnects_total", "code" => reason.code().to_string()).increment(1);
    }
}
