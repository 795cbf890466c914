//! Ends the connections with the largest shares, when there is no room.

use std::collections::BinaryHeap;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::registry::Registry;
use crate::stream_permits::StreamPermits;
use crate::{Connection, ConnectionId, Disconnect};

/// When connections have been ended, this fraction of the room is free: 1/256. Otherwise each of
/// the next binds would look through all connections again.
const MARGIN: usize = 256;

/// How often the log says that there is no room.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

/// Ends connections when the names they are bound to, and those of their open streams, need too
/// much, and notes when the log was told.
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
    /// Ends the connections with the largest shares, if all binds and open streams cost more than
    /// `bytes_max`, until they cost a little less; of equals the one that came last. A client that
    /// fills the hub with names makes room for those that are bound to a few.
    ///
    /// What a shared name costs is divided among its members. To end one of many would free hardly
    /// any of it. A client that fills the hub through several connections gains nothing by it: when
    /// one of them is ended, the shares of the others grow.
    ///
    /// An ended connection is unbound at once, as its last messages may take a while to reach a
    /// client that does not read.
    pub(crate) fn make_room(&self, bytes_max: usize, registry: &Registry, streams: &StreamPermits) {
        // One thread at a time, or each would end somebody.
        let mut locked = self.told.lock();
        let held = || registry.binds_bytes() + streams.bytes();
        if held() <= bytes_max {
            return;
        }
        let connections: Vec<_> = registry.all_connections().collect();
        let enough = bytes_max - bytes_max / MARGIN;
        let mut ranks: BinaryHeap<_> = connections
            .iter()
            .enumerate()
            .map(|(index, connection)| Rank::at_most(index, connection))
            .collect();
        while held() > enough {
            let Some(rank) = ranks.pop().filter(|rank| rank.bytes > 0) else { break };
            let connection = &connections[rank.index];
            // Its share is computed only now, when it is first, and may put it behind others.
            if !rank.exact {
                let bytes = connection.bound_share() + connection.stream_bytes();
                ranks.push(Rank { bytes, exact: true, ..rank });
                continue;
            }
            connection.close(Disconnect::NoRoomForChannels);
            registry.leave_all(connection);
            connection.give_stream_room_back();
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
    /// Whether `bytes` is the connection's share. Otherwise the share is at most `bytes`: it takes
    /// a look at each name, so it is computed only for those that may be ended next.
    exact: bool,
    /// The place of the connection among all that are looked at.
    index: usize,
}

impl Rank {
    fn at_most(index: usize, connection: &Connection) -> Self {
        let bytes = connection.bound_bytes() + connection.stream_bytes();
        Self { bytes, id: connection.id(), exact: false, index }
    }
}

impl Locked {
    fn tell(&mut self, bytes_max: usize, now: Instant) {
        if self.ended > 0 && self.told.is_none_or(|told| now >= told + TOLD_AGAIN) {
            tracing::warn!(
                connections = self.ended,
                bytes_max,
                "the channels that all connections are bound to, with their open streams, need more than \
                 all_binds_bytes_max; the connections with the largest shares are closed with code 4101 \
                 and may come back"
            );
            (self.told, self.ended) = (Some(now), 0);
        }
    }
}
