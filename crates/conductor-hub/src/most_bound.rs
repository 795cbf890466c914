//! Ends the connections that are bound to most, when the binds of all have no room.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::Disconnect;
use crate::registry::Registry;

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
    /// Ends the connections that are bound to most, in bytes, until all binds cost no more than
    /// `bytes_max`; of equals the one that came last. Who fills the hub with names makes room for
    /// who is bound to a few.
    ///
    /// An ended connection is bound to nothing from then on: it may take a while to say goodbye to
    /// a client that does not read.
    pub(crate) fn make_room(&self, bytes_max: usize, registry: &Registry) {
        // One thread at a time, or each would end somebody.
        let mut locked = self.told.lock();
        while registry.binds_bytes() > bytes_max {
            let connections =
                registry.all_connections().map(|connection| (connection.bound_bytes(), connection));
            let most = connections.max_by_key(|(bytes, connection)| (*bytes, connection.id()));
            let Some((_, connection)) = most.filter(|(bytes, _)| *bytes > 0) else { break };
            connection.close(Disconnect::NoRoomForChannels);
            registry.leave_all(&connection);
            locked.ended += 1;
        }
        locked.tell(bytes_max, Instant::now());
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
