//! How users and connections are called in the stores of presence.

use std::sync::Arc;

use conductor_hub::Connection;
use presence_core::{Device, Id};
use uuid::Uuid;

/// The names of this process's connections, which no other process's have: those count from 1 too.
#[derive(Debug, Clone)]
pub(super) struct DeviceNames {
    process: Arc<str>,
}

impl DeviceNames {
    pub(super) fn new() -> Self {
        let (process, _, _, _) = Uuid::new_v4().as_fields();
        Self { process: format!("{process:08x}").into() }
    }

    /// A connection is one of its user's devices.
    pub(super) fn device(&self, connection: &Connection) -> Device {
        let name = format!("{}.{}", self.process, connection.id());
        Device::new(&name).expect("two short numbers and a dot are a name")
    }
}

/// Returns the user of a connection as an id, unless the name of the user is not an id.
pub(super) fn user(connection: &Connection) -> Option<Id> {
    connection.user().and_then(|user| Id::new(user).ok())
}
