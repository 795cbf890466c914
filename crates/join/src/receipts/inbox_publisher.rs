//! Carries new entries and cursors to the connections of their readers.

use std::error::Error;

use conductor_hub::Hub;
use serde_json::json;
use timeline::proto::v1::TimelineEntry;
use timeline::{Entry, MemberId, Observer, Parties, ReadCursor};

use crate::channel;

/// Publishes every new entry on the [inbox channel](channel::inbox) of its member.
///
/// How far a conversation was read goes to the [read channel](channel::read) of whoever sees that.
/// It is the [`Observer`] of a store, which starts after the hub. An entry is pushed as a sync has
/// it, in proto3 JSON, so that a reader treats both alike.
///
/// # Delivery
///
/// In the order of the sequence. What is lost on the way (a connection that just broke, a process
/// that died between commit and call) the reader finds by its sequences and fetches from the
/// timeline. So a reader that is behind is given the newest entry alone once it has caught up:
/// however many are pushed in a row, that closes nobody who reads. Cursors have no sequences: a
/// reader asks for its list of conversations after each connect, and when it is told `{"cut":true}`
/// on the read channel: this node did not hear the others for a while.
///
/// # Examples
///
/// ```no_run
/// use conductor_hub::{Hooks, Hub};
/// use tidings_join::receipts::InboxPublisher;
/// use timeline::embedded::{Config, EmbeddedStore};
///
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let hub = Hub::start(Default::default(), Hooks::default())?;
/// let store = Config::new("data").observer(InboxPublisher::new(hub.clone()));
/// let store = EmbeddedStore::start(store).await?;
/// # drop(store);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct InboxPublisher {
    hub: Hub,
}

impl InboxPublisher {
    /// Creates a publisher to the clients of a hub.
    #[must_use]
    pub fn new(hub: Hub) -> Self {
        Self { hub }
    }

    /// Pushes a text to whoever sees how far a member has read.
    fn publish_read(&self, member: &MemberId, text: impl FnOnce() -> String) {
        let channel = channel::read(member.as_str());
        if self.hub.members(&channel) == 0 {
            return;
        }
        self.hub.wait_for_room();
        if let Err(error) = self.hub.publish(&channel, text()) {
            tracing::warn!(
                member = member.as_str(),
                error = %format_args!("{error:#}"),
                "what was read could not be pushed to a reader, who hears of it after the next connect"
            );
        }
    }

    fn publish(&self, inbox: &str, entry: &Entry) -> Result<(), Box<dyn Error>> {
        let letter: TimelineEntry = entry.into();
        self.hub.publish_latest(inbox, serde_json::to_vec(&letter)?)?;
        Ok(())
    }
}

/// Returns a cursor as the inbox of `member` sees it.
///
/// A pair is called by its other member.
///
/// ```json
/// {"member":"bob","with":"alice","read":"57"}      how far bob has read what alice and bob wrote
/// {"member":"bob","group":"team","read":"57"}
/// ```
fn pushed_cursor(member: &MemberId, cursor: &ReadCursor) -> String {
    let (reader, read) = (cursor.member.as_str(), cursor.read.get().to_string());
    let body = match cursor.conversation.parties() {
        Parties::Pair(one, other) => {
            let with = if one == member { other } else { one };
            json!({ "member": reader, "with": with.as_str(), "read": read })
        }
        Parties::Group(group) => json!({ "member": reader, "group": group.as_str(), "read": read }),
        // A conversation of a later version is in the list when the reader asks for it.
        _ => json!({ "member": reader, "read": read }),
    };
    body.to_string()
}

impl Observer for InboxPublisher {
    fn appended(&self, member: &str, entry: &Entry) {
        let inbox = channel::inbox(member);
        if self.hub.members(&inbox) == 0 {
            return;
        }
        // A send to a large group makes as many entries in a row, each with a copy of the message.
        // We are called by a thread of the store's own, which may wait.
        self.hub.wait_for_room();
        if let Err(error) = self.publish(&inbox, entry) {
            tracing::warn!(
                member,
                sequence = entry.sequence.get(),
                error = %format_args!("{error:#}"),
                "a new entry could not be pushed to its reader, who fetches it later"
            );
        }
    }

    fn read(&self, member: &MemberId, cursor: &ReadCursor) {
        self.publish_read(member, || pushed_cursor(member, cursor));
    }

    fn reads_missed(&self, member: &MemberId) {
        self.publish_read(member, || json!({ "cut": true }).to_string());
    }
}
