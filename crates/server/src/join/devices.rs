//! A user is online while a connection of theirs is open: each is a device of theirs.

use std::sync::Arc;

use async_trait::async_trait;
use tidings::hub::{Connection, Disconnect, Lifecycle};
use tidings::presence::Presence;
use uuid::Uuid;

/// Holds a device for each connection that has a user.
#[derive(Debug)]
pub(super) struct Devices {
    presence: Presence,
    /// Tells our connections from those of other servers, which count from 1 too.
    server: Uuid,
}

impl Devices {
    pub(super) fn new(presence: Presence) -> Self {
        Self { presence, server: Uuid::new_v4() }
    }

    fn device(&self, connection: &Connection) -> String {
        let (server, _, _, _) = self.server.as_fields();
        format!("{server:08x}.{}", connection.id())
    }
}

#[async_trait]
impl Lifecycle for Devices {
    async fn connected(&self, connection: &Arc<Connection>) {
        let Some(user) = connection.user() else { return };
        if let Err(error) = self.presence.hold_device(user, self.device(connection)).await {
            tracing::warn!(user, %error, "a user who came may not be shown as online yet");
        }
    }

    /// Holds it again, which is nothing new unless the store was away when the user came.
    async fn alive(&self, connection: &Arc<Connection>) {
        self.connected(connection).await;
    }

    async fn disconnected(&self, connection: &Arc<Connection>, reason: Disconnect) {
        let Some(user) = connection.user() else { return };
        tracing::debug!(user, connection = %connection.id(), ?reason, "disconnected");
        if let Err(error) = self.presence.offline_device(user, self.device(connection)).await {
            tracing::warn!(user, %error, "a user who left may still be shown as online");
        }
    }
}
