//! Who is connected, and which channels there are.

mod users;

use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use foldhash::fast::RandomState;
use hashbrown::HashMap;
use parking_lot::{Mutex, RwLock};

use self::users::Users;
use crate::connection::{BIND_COST, CHANNEL_COST, Channel};
use crate::{Connection, ConnectionId};

const STRIPES: usize = 64;

/// Entries for which a stripe keeps room when most of them have gone.
const ROOM_KEPT: usize = 64;

/// The connections and channels of a hub, in stripes; no I/O.
///
/// Locks are taken in this order: the one for large rows, that of `MostBound`, a connection's
/// channels, its login, its data, its untold changes, its streams, the permits of streams, a
/// stripe, a channel's members, an outbox; none is held while another of its kind is taken. The
/// program is called with none of them.
pub(crate) struct Registry {
    channels: Box<[RwLock<HashMap<Arc<str>, Arc<Channel>, RandomState>>]>,
    connections: Box<[Mutex<HashMap<ConnectionId, Arc<Connection>, RandomState>>]>,
    users: Users,
    connected: AtomicUsize,
    /// What all binds and channels cost.
    binds_bytes: AtomicUsize,
    hasher: RandomState,
    watcher: OnceLock<Arc<dyn ChannelWatcher>>,
}

/// Hears which channels have members.
pub(crate) trait ChannelWatcher: Send + Sync {
    /// A channel has its first member, or has lost its last.
    ///
    /// Of two changes at once the calls may come in either order: whoever wants to know how it is
    /// asks `has_members`. It is called with the lock of a connection's channels, and no stripe.
    fn changed(&self, channel: &str, has_members: &dyn Fn() -> bool);
}

impl Registry {
    pub(crate) fn new() -> Self {
        Self {
            channels: (0..STRIPES).map(|_| RwLock::default()).collect(),
            connections: (0..STRIPES).map(|_| Mutex::default()).collect(),
            users: Users::new(),
            connected: AtomicUsize::new(0),
            binds_bytes: AtomicUsize::new(0),
            hasher: RandomState::default(),
            watcher: OnceLock::new(),
        }
    }

    /// Sets who hears which channels have members; the first one counts.
    #[cfg(feature = "sisters")]
    pub(crate) fn watch(&self, watcher: Arc<dyn ChannelWatcher>) {
        self.watcher.get_or_init(|| watcher);
    }

    /// Reserves a place for a connection, if fewer than `max` are taken.
    pub(crate) fn reserve(&self, max: usize) -> bool {
        let more = |taken| if taken < max { Some(taken + 1) } else { None };
        self.connected.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).is_ok()
    }

    /// Gives a reserved place back.
    pub(crate) fn release(&self) {
        self.connected.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn add(&self, connection: &Arc<Connection>) {
        self.connections(connection.id()).lock().insert(connection.id(), Arc::clone(connection));
        // The order matters, here and below: whoever finds the number of a user's connection finds
        // the connection, unless it has ended.
        if let Some(user) = connection.user() {
            self.add_user(user, connection.id());
        }
    }

    /// Notes whose connection it is that was added.
    pub(crate) fn add_user(&self, user: &str, id: ConnectionId) {
        self.users.add(user, id);
    }

    pub(crate) fn remove(&self, connection: &Connection) {
        if let Some(user) = connection.user() {
            self.users.remove(user, connection.id());
        }
        let mut stripe = self.connections(connection.id()).lock();
        stripe.remove(&connection.id());
        shrink(&mut stripe);
    }

    /// Returns the connections of a user, the oldest first.
    pub(crate) fn connections_of(&self, user: &str) -> Vec<Arc<Connection>> {
        let known = self.users.of(user).into_iter().filter_map(|id| self.connection(id));
        known.filter(|connection| connection.user() == Some(user)).collect()
    }

    pub(crate) fn connection(&self, id: ConnectionId) -> Option<Arc<Connection>> {
        self.connections(id).lock().get(&id).map(Arc::clone)
    }

    /// Returns every connection, one stripe after another.
    pub(crate) fn all_connections(&self) -> impl Iterator<Item = Arc<Connection>> {
        // A stripe is unlocked again before its connections are used: who uses them takes other
        // locks.
        self.connections.iter().flat_map(|stripe| stripe.lock().values().map(Arc::clone).collect::<Vec<_>>())
    }

    pub(crate) fn connections_len(&self) -> usize {
        self.connected.load(Ordering::Relaxed)
    }

    pub(crate) fn channels_len(&self) -> usize {
        self.channels.iter().map(|stripe| stripe.read().len()).sum()
    }

    /// Returns what all binds cost; a channel counts once for all its members.
    pub(crate) fn binds_bytes(&self) -> usize {
        self.binds_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn channel(&self, name: &str) -> Option<Arc<Channel>> {
        self.channels(name).read().get(name).map(Arc::clone)
    }

    /// Makes a connection a member of the channel of that name.
    pub(crate) fn join(&self, name: &str, connection: &Arc<Connection>) -> Arc<Channel> {
        loop {
            let known = self.channel(name);
            let is_new = known.is_none();
            let channel = known.unwrap_or_else(|| self.create(name));
            if channel.join(connection) {
                self.binds_bytes.fetch_add(BIND_COST, Ordering::Relaxed);
                if is_new {
                    self.tell(name);
                }
                return channel;
            }
            // A race with the last member: it left after the channel was looked up, and such a
            // channel takes no members any more. It is removed and looked up again.
            self.forget(&channel);
        }
    }

    /// Ends a membership, which there was.
    pub(crate) fn leave(&self, channel: &Arc<Channel>, id: ConnectionId) {
        self.binds_bytes.fetch_sub(BIND_COST, Ordering::Relaxed);
        if channel.leave(id) {
            self.forget(channel);
        }
    }

    /// Ends all memberships of a connection, for good.
    pub(crate) fn leave_all(&self, connection: &Connection) {
        for channel in connection.unbind_all() {
            self.leave(&channel, connection.id());
        }
    }

    fn create(&self, name: &str) -> Arc<Channel> {
        let mut stripe = self.channels(name).write();
        // Another thread may have made it since it was looked for.
        if let Some(channel) = stripe.get(name) {
            return Arc::clone(channel);
        }
        let channel = Arc::new(Channel::new(name));
        stripe.insert(Arc::clone(channel.name()), Arc::clone(&channel));
        self.binds_bytes.fetch_add(CHANNEL_COST + name.len(), Ordering::Relaxed);
        channel
    }

    fn forget(&self, channel: &Arc<Channel>) {
        let mut stripe = self.channels(channel.name()).write();
        // There may be a new channel of this name by now, which stays.
        if stripe.get(&**channel.name()).is_some_and(|known| Arc::ptr_eq(known, channel)) {
            stripe.remove(&**channel.name());
            shrink(&mut stripe);
            self.binds_bytes.fetch_sub(CHANNEL_COST + channel.name().len(), Ordering::Relaxed);
        }
        drop(stripe);
        self.tell(channel.name());
    }

    /// Tells who watches that a channel may have come or gone; no stripe may be locked.
    fn tell(&self, name: &str) {
        if let Some(watcher) = self.watcher.get() {
            watcher.changed(name, &|| self.channel(name).is_some());
        }
    }

    fn channels(&self, name: &str) -> &RwLock<HashMap<Arc<str>, Arc<Channel>, RandomState>> {
        #[expect(clippy::cast_possible_truncation, reason = "any bits of the hash will do")]
        let hash = self.hasher.hash_one(name) as usize;
        &self.channels[hash % STRIPES]
    }

    fn connections(&self, id: ConnectionId) -> &Mutex<HashMap<ConnectionId, Arc<Connection>, RandomState>> {
        #[expect(clippy::cast_possible_truncation, reason = "any bits of the number will do")]
        let number = id.0 as usize;
        &self.connections[number % STRIPES]
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("connected", &self.connected).finish_non_exhaustive()
    }
}

/// Gives memory back when most of what was there has gone.
fn shrink<K: Eq + std::hash::Hash, V>(map: &mut HashMap<K, V, RandomState>) {
    if map.capacity() > ROOM_KEPT && map.len() < map.capacity() / 4 {
        map.shrink_to(map.len() * 2);
    }
}
