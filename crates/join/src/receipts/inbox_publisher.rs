//! Carries new inbox entries to the connections of their readers.

use std::sync::OnceLock;

use tidings::hub::Hub;
use tidings::timeline::proto::v1::TimelineEntry;
use tidings::timeline::{Entry, Observer};

use super::channel;

/// Publishes every new entry on the inbox channel of its member.
///
/// What is lost on the way (a connection that just broke, a process that died between commit and
/// call) the reader finds by its sequences and fetches from the timeline. So a reader that is
/// behind is given the newest entry alone once it has caught up: however many are pushed in a row,
/// that closes nobody who reads.
#[derive(Debug, Default)]
pub(super) struct InboxPublisher {
    /// The store, which calls us, starts before the hub.
    hub: OnceLock<Hub>,
}

impl InboxPublisher {
    pub(super) fn deliver_through(&self, hub: &Hub) {
        if self.hub.set(hub.clone()).is_err() {
            tracing::error!("the post was given a second hub, which it ignores; please report this");
        }
    }
}

impl Observer for InboxPublisher {
    fn appended(&self, member: &str, entry: &Entry) {
        let Some(hub) = self.hub.get() else { return };
        let inbox = channel::inbox(member);
        if hub.members(&inbox) == 0 {
            return;
        }
        // A send to a large group makes as many entries in a row, each with a copy of the message.
        // We are called by a thread of the store's own, which may wait.
        hub.wait_for_room();
        // In the words of a sync, so that a reader treats both alike.
        let letter: TimelineEntry = entry.into();
        let published = serde_json::to_vec(&letter).map_err(anyhow::Error::from);
        if let Err(error) = published.and_then(|letter| Ok(hub.publish_latest(&inbox, letter)?)) {
            tracing::warn!(
                member,
                sequence = entry.sequence.get(),
                %error,
                "a new entry could not be pushed to its reader, who fetches it later"
            );
        }
    }
}
