//! The open streams of all senders: whose they are, and what they cost.

use std::hash::BuildHasher;
#[cfg(feature = "sisters")]
use std::hash::Hash;
use std::mem;
use std::num::NonZeroU64;
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

/// The open streams of all connections and of the program, and those that have come from sisters.
///
/// Receivers know the pieces of a stream by its uuid alone. So a uuid is that of one open stream in
/// a channel, and nobody else writes into it, at whatever node. An empty one is of none.
///
/// Its lock comes behind that of a connection's streams, and behind that of what sisters deliver.
#[derive(Debug, Default)]
pub(crate) struct StreamPermits {
    owners: RwLock<HashMap<StreamName, StreamOwner, RandomState>>,
    hasher: RandomState,
    /// What those of connections cost.
    bytes: AtomicUsize,
}

/// The hash of a stream's channel and uuid, whose key is this hub's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct StreamName(NonZeroU64);

/// Whose a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamOwner {
    /// A connection of this hub.
    Connection(ConnectionId),
    /// The program of this hub.
    Program,
    /// A sender at another node, by its hash.
    #[cfg(feature = "sisters")]
    Sister(u64),
}

/// The permit for one open stream, given back on drop.
#[derive(Debug)]
pub(crate) struct StreamPermit {
    permits: Arc<StreamPermits>,
    /// None if its uuid is empty.
    name: Option<StreamName>,
    bytes: usize,
}

impl StreamPermits {
    /// Takes the permit of a stream that costs so much; `None` if its uuid is that of another one.
    pub(crate) fn take(
        permits: &Arc<Self>,
        channel: &str,
        uuid: &str,
        owner: StreamOwner,
        bytes: usize,
    ) -> Option<StreamPermit> {
        let name = permits.name(channel, uuid);
        if let Some(name) = name {
            let mut owners = permits.owners.write();
            if owners.contains_key(&name) {
                return None;
            }
            owners.insert(name, owner);
        }
        permits.bytes.fetch_add(bytes, Ordering::Relaxed);
        Some(StreamPermit { permits: Arc::clone(permits), name, bytes })
    }

    /// Tells whether a uuid is that of a stream which somebody else has open in a channel.
    pub(crate) fn is_of_another(&self, channel: &str, uuid: &str, owner: StreamOwner) -> bool {
        let Some(name) = self.name(channel, uuid) else { return false };
        self.owners.read().get(&name).is_some_and(|known| *known != owner)
    }

    /// Returns a sender at another node, by what is known of it.
    #[cfg(feature = "sisters")]
    pub(crate) fn sister(&self, sender: &impl Hash) -> StreamOwner {
        StreamOwner::Sister(self.hasher.hash_one(sender))
    }

    /// Returns what the open streams of all connections cost.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Returns the name of a stream, if it has a uuid.
    pub(crate) fn name(&self, channel: &str, uuid: &str) -> Option<StreamName> {
        let hash = (!uuid.is_empty()).then(|| self.hasher.hash_one((channel, uuid)))?;
        NonZeroU64::new(hash).map(StreamName)
    }
}

impl StreamPermit {
    /// Returns the name of its stream, if that has a uuid.
    pub(crate) const fn name(&self) -> Option<StreamName> {
        self.name
    }

    /// Passes it on to the next stream with its channel and uuid.
    ///
    /// Nobody can take the uuid in between.
    pub(crate) fn pass_on(mut self, owner: StreamOwner, bytes: usize) -> Self {
        if let Some(name) = self.name {
            self.permits.owners.write().insert(name, owner);
        }
        self.set_bytes(bytes);
        self
    }

    /// Gives back what its stream costs. Its uuid is nobody else's until the permit is dropped.
    pub(crate) fn give_room_back(&mut self) {
        self.set_bytes(0);
    }

    fn set_bytes(&mut self, bytes: usize) {
        self.permits.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.permits.bytes.fetch_sub(mem::replace(&mut self.bytes, bytes), Ordering::Relaxed);
    }
}

impl Drop for StreamPermit {
    fn drop(&mut self) {
        self.permits.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        let Some(name) = self.name else { return };
        let mut owners = self.permits.owners.write();
        owners.remove(&name);
        if owners.capacity() > ROOM_KEPT && owners.len() < owners.capacity() / 4 {
            let room = owners.len() * 2;
            owners.shrink_to(room);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_taken_for_as_long_as_its_permit_is_passed_on() {
        let (permits, sender) = (Arc::<StreamPermits>::default(), StreamOwner::Connection(ConnectionId(1)));
        let other = StreamOwner::Connection(ConnectionId(2));
        let take = |owner| StreamPermits::take(&permits, "tea", "u", owner, 100);
        let mut permit = take(sender).expect("it is free");
        permit.give_room_back();
        assert_eq!(permits.bytes(), 0);
        assert!(take(other).is_none(), "it costs nothing, and is taken all the same");
        let permit = permit.pass_on(other, 300);
        assert_eq!(permits.bytes(), 300);
        assert!(take(sender).is_none());
        assert!(permits.is_of_another("tea", "u", sender) && !permits.is_of_another("tea", "u", other));
        drop(permit);
        assert_eq!(permits.bytes(), 0);
        assert!(take(sender).is_some());
    }
}
