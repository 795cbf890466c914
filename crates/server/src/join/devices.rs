//! A user is online while a connection of theirs is open: each is a device of theirs.

use std::sync::Arc;

use async_trait::async_trait;
use tidings::hub::{Connection, Disconnect, Lifecycle};
use tidings::presence::Presence;

/// Holds a device for each connection that has a user.
#[derive(Debug)]
pub(super) struct Devices {
    presence: Presence,
}

impl Devices {
    pub(super) fn new(presence: Presence) -> Self {
        Self { presence }
    }
}

#[async_trait]
impl Lifecycle for Devices {
    async fn connected(&self, connection: &Arc<Connection>) {
        let Some(user) = connection.user() else { return };
        if let Err(error) = self.presence.hold_device(user, connection.id().to_string()).await {
            tracing::warn!(user, %error, "a user who came is not shown as online");
        }
    }

    async fn disconnected(&self, connection: &Arc<Connection>, reason: Disconnect) {
        let Some(user) = connection.user() else { return };
        tracing::debug!(user, connection = %connection.id(), ?reason, "disconnected");
        if let Err(error) = self.presence.offline_device(user, connection.id().to_string()).await {
            tracing::warn!(user, %error, "a user who left may still be shown as online");
        }
    }
}
