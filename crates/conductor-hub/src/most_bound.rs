//! Ends the connections that are bound to most, when the binds of all have no room.

use std::collections::BinaryHeap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::registry::Registry;
use crate::{Connection, ConnectionId, Disconnect};

/// One of so many parts of the room is free when connections have been ended, so that not each of
/// the next binds looks through all connections.
const MARGIN: usize = 256;

/// How often the log says that there is no room.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

/// Ends connections when the names they are bound to need too much, and notes when the log was
/// told.
#[derive(Debug, Default)]
pub(crate) struct MostBound {
    told: Mutex<Locked>,
}

#[derive(Debug, Default)]
struct Locked {
    told: Option<Instant>,
    ended: usize,
}

impl MostBound {
    /// Ends the connections that are bound to most, if all binds cost more than `bytes_max`, until
    /// they cost a little less; of equals the one that came last. Who fills the hub with names
    /// makes room for who is bound to a few.
    ///
    /// A name that is shared counts for each of its members by their part: one of many would free
    /// hardly any of it, and who fills the hub through several connections counts with all of it.
    ///
    /// An ended connection is bound to nothing from then on: it may take a while to say goodbye to
    /// a client that does not read.
    pub(crate) fn make_room(&self, bytes_max: usize, registry: &Registry) {
        // One thread at a time, or each would end somebody.
        let mut locked = self.told.lock();
        if registry.binds_bytes() <= bytes_max {
            return;
        }
        let connections: Vec<_> = registry.all_connections().collect();
        let enough = bytes_max - bytes_max / MARGIN;
        let mut ranks: BinaryHeap<_> = connections
            .iter()
            .enumerate()
            .map(|(index, connection)| Rank::at_most(index, connection))
            .collect();
        while registry.binds_bytes() > enough {
            let Some(rank) = ranks.pop().filter(|rank| rank.bytes > 0) else { break };
            let connection = &connections[rank.index];
            if !rank.exact {
                ranks.push(Rank { bytes: connection.bound_share(), exact: true, ..rank });
                continue;
            }
            connection.close(Disconnect::NoRoomForChannels);
            registry.leave_all(connection);
            locked.ended += 1;
        }
        locked.tell(bytes_max, Instant::now());
    }
}

/// What a connection is bound to, for the order in which connections are ended.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    bytes: usize,
    id: ConnectionId,
    /// Whether `bytes` is the connection's share; otherwise it is at most so much. Each name has to
    /// be looked at for the share, so it is reckoned only for those who may be the next.
    exact: bool,
    /// The place of the connection among all that are looked at.
    index: usize,
}

impl Rank {
    fn at_most(index: usize, connection: &Connection) -> Self {
        Self { bytes: connection.bound_bytes(), id: connection.id(), exact: false, index }
    }
}

impl Locked {
    fn tell(&mut self, bytes_max: usize, now: Instant) {
        if self.ended > 0 && self.told.is_none_or(|told| now >= told + TOLD_AGAIN) {
            tracing::warn!(
                connections = self.ended,
                bytes_max,
                "the channels that all connections are bound to need more than all_binds_bytes_max; the \
                 connections that are bound to most are closed with code 4007 and may come back"
            );
            (self.told, self.ended) = (Some(now), 0);
        }
    }
}
