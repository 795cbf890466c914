//! The hook that hears who got which message.

use std::sync::Arc;

use crate::protocol::MessageRef;
use crate::{Author, Connection};

/// Hears of each message to a channel, for each of the members who get it.
///
/// It costs nothing unless it is set, and then a call for each message and member: with a thousand
/// members, a thousand for each message. It is for programs that count or log deliveries.
pub trait Deliveries: Send + Sync {
    /// Hears that a message was queued for a member.
    ///
    /// That is not yet read: the connection may end before. Called in the order of the author's
    /// messages, with the stream messages among them; different authors call at the same time. Not
    /// called for [`Hub::publish_latest`](crate::Hub::publish_latest), of which a member may get
    /// another message instead. Must not block.
    fn sent_to(&self, author: &Author<'_>, receiver: &Arc<Connection>, message: MessageRef<'_>);
}

/// Tells the hook that it shares.
impl<D: Deliveries + ?Sized> Deliveries for Arc<D> {
    fn sent_to(&self, author: &Author<'_>, receiver: &Arc<Connection>, message: MessageRef<'_>) {
        (**self).sent_to(author, receiver, message);
    }
}
