//! One channel and its members.

use std::sync::Arc;

use foldhash::fast::RandomState;
use indexmap::IndexMap;
use parking_lot::RwLock;

use super::bursts::Bursts;
use crate::frame::Frame;
use crate::outbox::{Delivered, Latest, WaitMark};
use crate::outbox_memory::OutboxMemory;
use crate::{Connection, ConnectionId};

/// Members for whom a channel keeps room when most of them have left.
const ROOM_KEPT: usize = 64;

/// Most members to whom a message is written directly: their sender does it for all of them, and
/// does nothing else meanwhile.
const DIRECT_MEMBERS_MAX: usize = 2_000;

/// A channel that has, or had, members.
///
/// **Invariant:** once its last member has left, nobody joins it any more; a new
/// member of that name joins a new channel. So whoever empties it can drop it.
#[derive(Debug)]
pub(crate) struct Channel {
    name: Arc<str>,
    members: RwLock<Members>,
    bursts: Bursts,
}

/// Room for one frame in the outboxes of members; what is left of it is given back on drop.
#[derive(Debug)]
pub(crate) struct ReservedRoom {
    cost: usize,
    readers: Vec<Arc<Connection>>,
}

/// How many members took a frame.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Receivers {
    pub(crate) new: usize,
    /// In the place of one that they had not been given yet.
    pub(crate) instead: usize,
}

#[derive(Debug, Default)]
struct Members {
    by_id: IndexMap<ConnectionId, Arc<Connection>, RandomState>,
    abandoned: bool,
}

impl Channel {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: Arc::from(name), members: RwLock::default(), bursts: Bursts::default() }
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Adds a member; returns false if the channel is abandoned.
    pub(crate) fn join(&self, connection: &Arc<Connection>) -> bool {
        let mut members = self.members.write();
        if members.abandoned {
            return false;
        }
        members.by_id.insert(connection.id(), Arc::clone(connection));
        true
    }

    /// Removes a member; returns true if that abandons the channel.
    pub(crate) fn leave(&self, id: ConnectionId) -> bool {
        let mut members = self.members.write();
        if members.by_id.swap_remove(&id).is_some() {
            members.abandoned = members.by_id.is_empty();
            let (len, room) = (members.by_id.len(), members.by_id.capacity());
            if room > ROOM_KEPT && len < room / 4 {
                members.by_id.shrink_to(len * 2);
            }
        }
        members.abandoned
    }

    /// Returns a member for whom a sender has to wait with what costs so much, if there is one.
    pub(crate) fn behind(
        &self,
        sender: ConnectionId,
        cost: usize,
        mark: WaitMark,
    ) -> Option<Arc<Connection>> {
        let members = self.members.read();
        let mut others = members.by_id.values().filter(|member| member.id() != sender);
        others.find(|member| member.outbox.holds_up(cost, mark)).map(Arc::clone)
    }

    /// Reserves room in the outbox of every member but one, for frames that cost so much.
    pub(crate) fn reserve(&self, cost: usize, except: ConnectionId) -> ReservedRoom {
        let members = self.members.read();
        let others = members.by_id.values().filter(|member| member.id() != except);
        let readers = others.filter(|member| member.outbox.reserve(cost)).map(Arc::clone).collect();
        ReservedRoom { cost, readers }
    }

    /// Queues frames for every member but one, and notes those who took them; returns how many.
    ///
    /// What comes alone is written at once to the members for whom nothing waits. In a burst all
    /// is queued, so that the task of each member writes many messages together.
    ///
    /// Members that are closing, or turn out to be slow readers, are skipped: they are
    /// on their way out by themselves.
    pub(crate) fn deliver(
        &self,
        frames: &Frame,
        except: Option<ConnectionId>,
        memory: &OutboxMemory,
        mut receivers: Option<&mut Vec<Arc<Connection>>>,
    ) -> usize {
        let members = self.members.read();
        // The lock is held for all members: once `leave` has returned its member gets nothing more.
        let delivery = self.bursts.begin(except, memory);
        let directly = delivery.is_alone && members.by_id.len() <= DIRECT_MEMBERS_MAX;
        let (mut written, mut queued) = (0, 0);
        for member in members.by_id.values().filter(|member| Some(member.id()) != except) {
            let delivered = if directly {
                member.outbox.write_of(&self.name, frames)
            } else {
                member.outbox.push_of(&self.name, frames.clone()).map(|()| Delivered::Queued)
            };
            match delivered {
                Ok(Delivered::Written) => written += 1,
                Ok(Delivered::Queued) => queued += 1,
                Err(_) => continue,
            }
            note(&mut receivers, member);
        }
        // Counted once for all of them, as every thread writes to this counter. What is written has
        // no place.
        memory.take_places(queued);
        written + queued
    }

    /// Queues frames in the room that was reserved for them, for those who are still members.
    pub(crate) fn deliver_reserved(
        &self,
        frames: &Frame,
        mut room: ReservedRoom,
        memory: &OutboxMemory,
        mut receivers: Option<&mut Vec<Arc<Connection>>>,
    ) -> usize {
        let members = self.members.read();
        let _delivery = self.bursts.begin(None, memory);
        let mut taken = 0;
        while let Some(reader) = room.readers.pop() {
            if !members.by_id.contains_key(&reader.id()) {
                reader.outbox.give_room_back(room.cost);
            } else if reader.outbox.push_reserved(&self.name, frames.clone(), room.cost).is_ok() {
                note(&mut receivers, &reader);
                taken += 1;
            }
        }
        memory.take_places(taken);
        taken
    }

    /// Queues a frame of which only the newest matters for every member, or keeps it for those who
    /// are behind.
    pub(crate) fn deliver_latest(&self, frame: &Frame, memory: &OutboxMemory) -> Receivers {
        let members = self.members.read();
        let _delivery = self.bursts.begin(None, memory);
        let mut receivers = Receivers::default();
        for member in members.by_id.values() {
            match member.outbox.push_latest(&self.name, frame.clone()) {
                Ok(Latest::Queued | Latest::Kept) => receivers.new += 1,
                Ok(Latest::Replaced) => receivers.instead += 1,
                Err(_) => {}
            }
        }
        memory.take_places(receivers.new);
        receivers
    }

    /// Returns the members.
    pub(crate) fn members(&self) -> Vec<Arc<Connection>> {
        self.members.read().by_id.values().map(Arc::clone).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.members.read().by_id.len()
    }
}

impl Drop for ReservedRoom {
    fn drop(&mut self) {
        for reader in &self.readers {
            reader.outbox.give_room_back(self.cost);
        }
    }
}

/// Notes who took a frame, if anybody wants to know.
fn note(receivers: &mut Option<&mut Vec<Arc<Connection>>>, member: &Arc<Connection>) {
    if let Some(receivers) = receivers {
        receivers.push(Arc::clone(member));
    }
}

#[cfg(test)]
mod tests;
