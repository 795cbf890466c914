//! How frames get to the members of a channel, and who hears of it.

use std::sync::Arc;

use crate::connection::{Channel, ReservedRoom};
use crate::encode::messages_of;
use crate::frame::Frame;
use crate::shared::Shared;
use crate::{Author, Connection, ConnectionId};

impl Shared {
    /// Returns the channel of a name, if anybody is there to get what is written to it.
    ///
    /// Whatever is written comes through this and through [`deliver`](Self::deliver) or
    /// [`deliver_reserved`](Self::deliver_reserved).
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
        self.fan_out(channel, frames, author, |receivers| {
            channel.deliver(frames, except, &self.memory, receivers)
        })
    }

    /// Queues the frames of one or more messages for those in whose outboxes room was reserved;
    /// returns how many took them.
    pub(crate) fn deliver_reserved(
        &self,
        channel: &Channel,
        frames: &Frame,
        room: ReservedRoom,
        author: &Author<'_>,
    ) -> usize {
        self.fan_out(channel, frames, author, |receivers| {
            channel.deliver_reserved(frames, room, &self.memory, receivers)
        })
    }

    /// Has frames queued; sisters get them before, and the program hears of it behind.
    fn fan_out(
        &self,
        channel: &Channel,
        frames: &Frame,
        author: &Author<'_>,
        queue: impl FnOnce(Option<&mut Vec<Arc<Connection>>>) -> usize,
    ) -> usize {
        self.write_to_sisters(channel.name(), author, frames);
        let Some(hook) = &self.hooks.deliveries else { return queue(None) };
        // The program is called when the members are not locked any more.
        let mut receivers = Vec::new();
        let taken = queue(Some(&mut receivers));
        for message in messages_of(frames) {
            for receiver in &receivers {
                hook.sent_to(author, receiver, message);
            }
        }
        taken
    }
}
