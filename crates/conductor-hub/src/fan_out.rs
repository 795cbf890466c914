//! How frames get to the members of a channel, and who hears of it.

use std::sync::Arc;

use crate::connection::Channel;
use crate::encode::messages_of;
use crate::frame::Frame;
use crate::shared::Shared;
use crate::{Author, ConnectionId};

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
