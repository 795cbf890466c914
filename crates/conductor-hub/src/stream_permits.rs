//! The open streams of all connections: whose they are, and what they cost.

use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use parking_lot::RwLock;

use crate::ConnectionId;

/// The longest uuid of a stream, in bytes: it is kept for as long as the stream is open.
pub(crate) const STREAM_UUID_BYTES_MAX: usize = 256;

/// Streams for which the table keeps room when most of them have ended.
const ROOM_KEPT: usize = 64;

/// The open streams of all connections.
///
/// Receivers know the pieces of a stream by its uuid alone. So a uuid is that of one open stream in
/// a channel, and nobody else writes into it. An empty one is of none.
///
/// Its lock comes behind that of a connection's streams.
#[derive(Debug, Default)]
pub(crate) struct StreamPermits {
    /// By the hash of channel and uuid, whose key is this hub's own.
    senders: RwLock<HashMap<u64, ConnectionId, RandomState>>,
    hasher: RandomState,
    /// What all of them cost.
    bytes: AtomicUsize,
}

/// The permit for one open stream, given back on drop.
#[derive(Debug)]
pub(crate) struct StreamPermit {
    permits: Arc<StreamPermits>,
    /// None if its uuid is empty.
    name: Option<u64>,
    bytes: usize,
}

impl StreamPermits {
    /// Takes the permit of a stream that costs so much; `None` if its uuid is that of another one.
    pub(crate) fn take(
        permits: &Arc<Self>,
        channel: &str,
        uuid: &str,
        sender: ConnectionId,
        bytes: usize,
    ) -> Option<StreamPermit> {
        let name = permits.name(channel, uuid);
        if let Some(name) = name {
            let mut senders = permits.senders.write();
            if senders.contains_key(&name) {
                return None;
            }
            senders.insert(name, sender);
        }
        permits.bytes.fetch_add(bytes, Ordering::Relaxed);
        Some(StreamPermit { permits: Arc::clone(permits), name, bytes })
    }

    /// Tells whether a uuid is that of a stream which somebody else has open in a channel.
    pub(crate) fn is_of_another(&self, channel: &str, uuid: &str, sender: ConnectionId) -> bool {
        let Some(name) = self.name(channel, uuid) else { return false };
        self.senders.read().get(&name).is_some_and(|known| *known != sender)
    }

    /// Tells whether a uuid is that of a stream which somebody has open in a channel.
    #[cfg(feature = "sisters")]
    pub(crate) fn is_open(&self, channel: &str, uuid: &str) -> bool {
        self.name(channel, uuid).is_some_and(|name| self.senders.read().contains_key(&name))
    }

    /// Returns what all open streams cost.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    fn name(&self, channel: &str, uuid: &str) -> Option<u64> {
        (!uuid.is_empty()).then(|| self.hasher.hash_one((channel, uuid)))
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        self.permits.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        let Some(name) = self.name else { return };
        let mut senders = self.permits.senders.write();
        senders.remove(&name);
        if senders.capacity() > ROOM_KEPT && senders.len() < senders.capacity() / 4 {
            let room = senders.len() * 2;
            senders.shrink_to(room);
        }
    }
}
