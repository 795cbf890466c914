//! The hook that hears who got which message.

use std::sync::Arc;

use crate::connection::Channel;
use crate::encode::messages_of;
use crate::frame::Frame;
use crate::protocol::MessageRef;
use crate::shared::Shared;
use crate::{Author, Connection, ConnectionId};

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

impl Shared {
    /// Queues the frames of one or more messages for every member of a channel but one; returns how
    /// many took them.
    pub(crate) fn deliver(
        &self,
        channel: &Channel,
        frames: &Frame,
        except: Option<ConnectionId>,
        author: &Author<'_>,
    ) -> usize {
        let Some(hook) = &self.hooks.deliveries else {
            return channel.deliver(frames, except, &self.memory, |_| ());
        };
        // The program is called when the members are not locked any more.
        let mut receivers = Vec::new();
        let taken =
            channel.deliver(frames, except, &self.memory, |member| receivers.push(Arc::clone(member)));
        for message in messages_of(frames) {
            for receiver in &receivers {
                hook.sent_to(author, receiver, message);
            }
        }
        taken
    }
}
