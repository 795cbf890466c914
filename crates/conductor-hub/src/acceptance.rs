//! Whether a message of a client is taken: allowed, new, and kept.

use std::sync::Arc;

use crate::protocol::MessageRef;
use crate::shared::Shared;
use crate::{Author, Connection, Storage};

impl Shared {
    /// Asks the auth hook whether a client may write a message.
    pub(crate) fn may_write(&self, connection: &Connection, message: MessageRef<'_>) -> bool {
        let may = self.hooks.auth.can_write(connection, message);
        if !may {
            self.metrics.denied.increment(1);
            tracing::debug!(
                connection = %connection.id(),
                channel = message.channel,
                "the auth hook denied a write; the message is dropped"
            );
        }
        may
    }

    /// Remembers the uuid of a client's message; tells whether it is new. An empty one always is.
    pub(crate) fn is_new(&self, connection: &Connection, uuid: &str) -> bool {
        let is_new = uuid.is_empty() || self.dedup.add(&connection.sender(), uuid);
        if !is_new {
            self.metrics.repeated.increment(1);
        }
        is_new
    }

    /// Returns who keeps the messages of a channel, if anybody does.
    pub(crate) fn storage_of(&self, channel: &str) -> Option<&Arc<dyn Storage>> {
        self.hooks.storage.as_ref().filter(|storage| storage.keeps(channel))
    }

    /// Has a Write message kept, if anybody keeps it.
    pub(crate) fn store(&self, author: &Author<'_>, message: MessageRef<'_>) {
        if let Some(storage) = self.storage_of(message.channel) {
            storage.store(author, message);
        }
    }
}
