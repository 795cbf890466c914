//! How users and connections are called in the stores of presence.

use tidings::hub::Connection;
use tidings::presence::{Device, Id};
use uuid::Uuid;

/// The names of this server's connections, which no other server's have: those count from 1 too.
#[derive(Debug, Clone)]
pub(super) struct DeviceNames {
    server: String,
}

impl DeviceNames {
    pub(super) fn new() -> Self {
        let (server, _, _, _) = Uuid::new_v4().as_fields();
        Self { server: format!("{server:08x}") }
    }

    /// A connection is one of its user's devices.
    pub(super) fn device(&self, connection: &Connection) -> Device {
        let name = format!("{}.{}", self.server, connection.id());
        Device::new(&name).expect("two short numbers and a dot are a name")
    }
}

/// Whose connection it is; the door let in nobody whose name is no id.
pub(super) fn user(connection: &Connection) -> Option<Id> {
    connection.user().and_then(|user| Id::new(user).ok())
}
