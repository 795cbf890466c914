//! The calls that wait for their answers, and how much they hold: no I/O, no lock.

use std::collections::VecDeque;

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;

use super::config::Config;
use crate::protocol::Message;
use crate::{ConnectionId, LateAnswer};

/// What a call holds besides its message: itself, its places in the tables, and a share of a task.
const CALL_COST: usize = 512;

/// The part of the room that is for connections without a call in it: 1/8.
const FOR_NEWCOMERS: usize = 8;

/// Calls that wait, each connection's in their order, and the count of those being worked on.
#[derive(Debug, Default)]
pub(super) struct WaitingCalls {
    /// A connection is in here for as long as a task works on its calls, also on the last.
    by_connection: HashMap<ConnectionId, VecDeque<QueuedCall>, RandomState>,
    calls: usize,
    bytes: usize,
}

/// A call that waits for its answer.
#[derive(Debug)]
pub(super) struct QueuedCall {
    pub(super) late: LateAnswer,
    pub(super) message: Message,
}

/// Returns what a call with this message holds.
pub(super) fn cost(message: &Message) -> usize {
    message.encoded_len() + CALL_COST
}

impl WaitingCalls {
    /// Tells whether there is room for a call of a connection.
    pub(super) fn has_room(&self, id: ConnectionId, message: &Message, config: &Config) -> bool {
        // Otherwise a few that have as many calls as they may, or as long ones, keep all others out
        // for as long as they do not read their answers.
        let is_known = self.by_connection.contains_key(&id);
        let open = |room: usize| if is_known { room - room / FOR_NEWCOMERS } else { room };
        let (calls_max, bytes_max) = (open(config.calls_max), open(config.bytes_max));
        // One that is longer than all may be finds room alone, so that it is not refused for ever.
        let fits = self.calls < calls_max && self.bytes + cost(message) <= bytes_max;
        fits || self.calls == 0
    }

    /// Adds a call; tells whether nobody works on those of its connection.
    pub(super) fn push(&mut self, call: QueuedCall) -> bool {
        self.calls += 1;
        self.bytes += cost(&call.message);
        match self.by_connection.entry(call.late.connection().id()) {
            Entry::Occupied(mut known) => {
                known.get_mut().push_back(call);
                false
            }
            Entry::Vacant(free) => {
                free.insert(VecDeque::from([call]));
                true
            }
        }
    }

    /// Takes the next call of a connection; after the last one the connection is forgotten.
    pub(super) fn next_of(&mut self, id: ConnectionId) -> Option<QueuedCall> {
        let next = self.by_connection.get_mut(&id)?.pop_front();
        if next.is_none() {
            self.by_connection.remove(&id);
        }
        next
    }

    /// Frees the room of a call that was taken.
    pub(super) const fn give_back(&mut self, cost: usize) {
        self.calls -= 1;
        self.bytes -= cost;
    }

    /// Takes all calls of a connection, and forgets it.
    pub(super) fn take_of(&mut self, id: ConnectionId) -> VecDeque<QueuedCall> {
        let taken = self.by_connection.remove(&id).unwrap_or_default();
        taken.iter().for_each(|call| self.give_back(cost(&call.message)));
        taken
    }

    /// Takes the calls of all connections.
    pub(super) fn take_all(&mut self) -> Vec<QueuedCall> {
        std::mem::take(self).by_connection.into_values().flatten().collect()
    }

    /// Returns the connections that have calls.
    pub(super) fn connections(&self) -> impl Iterator<Item = ConnectionId> {
        self.by_connection.keys().copied()
    }
}
