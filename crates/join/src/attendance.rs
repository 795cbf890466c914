//! A user is online while a connection of theirs is open, and in the rooms of the channels it is
//! bound to.

use std::sync::Arc;

use async_trait::async_trait;
use tidings::hub::{Connection, Disconnect, Lifecycle};
use tidings::presence::Presence;

use super::attendance::Attendance;
use super::names::{self, DeviceNames};

/// Holds a device for each connection that has a user.
#[derive(Debug)]
pub(super) struct Devices {
    presence: Presence,
    attendance: Arc<Attendance>,
    names: DeviceNames,
}

impl Devices {
    pub(super) fn new(presence: Presence, attendance: Arc<Attendance>, names: DeviceNames) -> Self {
        Self { presence, attendance, names }
    }
}

#[async_trait]
impl Lifecycle for Devices {
    async fn connected(&self, connection: &Arc<Connection>) {
        let Some(user) = names::user(connection) else { return };
        if let Err(error) = self.presence.hold_device(&user, self.names.device(connection)).await {
            tracing::warn!(%user, %error, "a user who connected may not be shown as online yet");
        }
    }

    /// Holds it again, which is nothing new unless the store was away when the user came.
    async fn alive(&self, connection: &Arc<Connection>) {
        self.connected(connection).await;
    }

    async fn disconnected(&self, connection: &Arc<Connection>, reason: Disconnect) {
        let Some(user) = names::user(connection) else { return };
        tracing::debug!(%user, connection = %connection.id(), ?reason, "disconnected");
        let device = self.names.device(connection);
        self.attendance.gone(&device);
        if let Err(error) = self.presence.end_device(&user, device).await {
            tracing::warn!(%user, %error, "a user who left may still be shown as online");
        }
    }

    fn bound(&self, connection: &Arc<Connection>, channel: &str) {
        if let Some(user) = names::user(connection) {
            self.attendance.bound(&self.names.device(connection), &user, channel);
        }
    }

    fn unbound(&self, connection: &Arc<Connection>, channel: &str) {
        if connection.user().is_some() {
            self.attendance.unbound(&self.names.device(connection), channel);
        }
    }
}
