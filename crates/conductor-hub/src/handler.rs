//! The hook that answers messages to the server itself.

use std::sync::Arc;

use crate::protocol::Message;
use crate::{Answer, Connection};

/// Answers the Server messages of clients.
///
/// `()` ignores them.
#[expect(unused_variables, reason = "the names are for implementors")]
pub trait Handler: Send + Sync {
    /// Takes a Server message of a client, and returns what to answer at once.
    ///
    /// Called by the connection's own task in the order the client sent them,
    /// after everything the client sent before has taken effect; it must not
    /// block. It is called when the client has read what it was answered before, so answers never
    /// make a client a slow reader. Answers have, by custom, the uuid of the message they answer.
    ///
    /// What needs to wait goes into a [`CallQueue`](crate::calls::CallQueue), or to a task of the
    /// implementor's with a [`LateAnswer`](crate::LateAnswer) in hand.
    fn call(&self, connection: &Arc<Connection>, message: Message) -> Answer {
        Answer::none()
    }
}

impl Handler for () {}

/// Asks the hook that it shares.
impl<H: Handler + ?Sized> Handler for Arc<H> {
    fn call(&self, connection: &Arc<Connection>, message: Message) -> Answer {
        (**self).call(connection, message)
    }
}
