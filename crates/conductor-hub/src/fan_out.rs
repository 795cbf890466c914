//! How frames get to the members of a channel, and who hears of it.

use std::sync::Arc;

use crate::connection::Channel;
use crate::encode::messages_of;
use crate::frame::Frame;
use crate::shared::Shared;
use crate::{Author, ConnectionId};

impl Shared {
    /// Returns the channel of a name, if anybody is there to get what is written to it.
    ///
    /// Whatever is written comes through this and through [`deliver`](Self::deliver).
    pub(crate) fn channel_of(&self, name: &str) -> Option<Arc<Channel>> {
        self.registry.channel(name).or_else(|| self.channel_of_sisters(name))
    }

    /// Queues the frames of one or more messages for every member of a channel but one; returns how
    /// many took them.
    pub(crate) fn deliver(
        &self,
        channel: &Channel,
        frames: &Frame,
        except: Option<ConnectionId>,
        author: &Author<'_>,
    ) -> usize {
        self.write_to_sisters(channel.name(), author, frames);
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
