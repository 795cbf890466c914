//! Which connections each user has.

use std::collections::BTreeSet;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use parking_lot::Mutex;

use super::STRIPES;
use crate::ConnectionId;

/// The connections of each user, in stripes.
///
/// Each stripe has numbers alone, in their order: the hash of a user and a connection. So a
/// connection costs some 25 bytes, one without a user nothing, and a user with a hundred thousand
/// connections makes nothing slow. Two users may have the same hash, so whoever asks looks at the
/// name.
#[derive(Debug)]
pub(super) struct Users {
    stripes: Box<[Mutex<BTreeSet<(u64, ConnectionId)>>]>,
    hasher: RandomState,
}

impl Users {
    pub(super) fn new() -> Self {
        Self { stripes: (0..STRIPES).map(|_| Mutex::default()).collect(), hasher: RandomState::default() }
    }

    pub(super) fn add(&self, user: &str, id: ConnectionId) {
        let hash = self.hasher.hash_one(user);
        self.stripe(hash).lock().insert((hash, id));
    }

    pub(super) fn remove(&self, user: &str, id: ConnectionId) {
        let hash = self.hasher.hash_one(user);
        self.stripe(hash).lock().remove(&(hash, id));
    }

    /// Returns the connections of a user, and of others with the same hash, the oldest first.
    pub(super) fn of(&self, user: &str) -> Vec<ConnectionId> {
        let hash = self.hasher.hash_one(user);
        let all = (hash, ConnectionId(0))..=(hash, ConnectionId(u64::MAX));
        self.stripe(hash).lock().range(all).map(|&(_, id)| id).collect()
    }

    fn stripe(&self, hash: u64) -> &Mutex<BTreeSet<(u64, ConnectionId)>> {
        #[expect(clippy::cast_possible_truncation, reason = "any bits of the hash will do")]
        let place = hash as usize % STRIPES;
        &self.stripes[place]
    }
}
