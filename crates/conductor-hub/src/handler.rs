//! The hook that answers messages to the server itself.

use std::sync::Arc;

use crate::Connection;
use crate::protocol::Message;

/// Answers the Server messages of clients.
///
/// `()` ignores them.
#[expect(unused_variables, reason = "the names are for implementors")]
pub trait Handler: Send + Sync {
    /// Takes a Server message of a client.
    ///
    /// Called by the connection's own task in the order the client sent them,
    /// after everything the client sent before has taken effect; it must not
    /// block. What needs to wait goes through a bounded queue to a task of the
    /// implementor's. Answers go through [`Connection::send`], by custom with the
    /// uuid of the message they answer.
    fn call(&self, connection: &Arc<Connection>, message: Message) {}
}

impl Handler for () {}
