//! What became of a message that was handed to a connection.

use std::sync::Arc;

use crate::handed::Handed;

/// The place of a message among those of its connection.
#[derive(Clone, Debug)]
pub(crate) struct Handover {
    connection: u64,
    number: u64,
    handed: Arc<Handed>,
}

impl Handover {
    pub(crate) fn new(connection: u64, number: u64, handed: &Arc<Handed>) -> Self {
        Self { connection, number, handed: Arc::clone(handed) }
    }

    /// Returns the number of the connection.
    pub(crate) const fn connection(&self) -> u64 {
        self.connection
    }

    /// Returns whether the socket has taken no byte of it; final once the connection has ended.
    pub(crate) fn is_untouched(&self) -> bool {
        self.number > self.handed.begun()
    }
}
