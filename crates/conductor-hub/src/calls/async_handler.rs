//! The hook that answers messages to the server itself, and may wait for that.

use std::sync::Arc;

use async_trait::async_trait;

use crate::protocol::Message;
use crate::{Answer, Connection};

/// Answers the Server messages of clients by way of a queue.
///
/// [`Calls::start`](super::Calls::start) takes it. An `Arc` of one is one, too.
#[async_trait]
pub trait AsyncHandler: Send + Sync {
    /// Takes a Server message of a client, and returns what to answer.
    ///
    /// For one connection the calls come one after another, in the order in which the client sent
    /// them, and the next one when the client has been given this answer. Different connections
    /// call at the same time. Answers have, by custom, the uuid of the message they answer.
    ///
    /// It is dropped when it takes longer than [`answer_time`](super::Config::answer_time).
    async fn call(&self, connection: &Arc<Connection>, message: Message) -> Answer;
}

/// Asks the hook that it shares.
#[async_trait]
impl<H: AsyncHandler + ?Sized> AsyncHandler for Arc<H> {
    async fn call(&self, connection: &Arc<Connection>, message: Message) -> Answer {
        (**self).call(connection, message).await
    }
}
