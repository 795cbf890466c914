//! The channels of one connection, and who is told of their changes.

use std::mem;
use std::sync::Arc;

use foldhash::fast::RandomState;
use hashbrown::HashMap;

use super::{Channel, Connection};
use crate::BindCause;
use crate::untold::BindChange;

/// The channels a connection is bound to.
///
/// A set whose `open` is false takes no more: the connection has ended.
pub(super) struct Bound {
    open: bool,
    /// Whether a lifecycle hook hears of changes.
    heard: bool,
    /// Whether that hook has been told of the channels of the admission.
    introduced: bool,
    /// What the names and their places cost.
    bytes: usize,
    by_name: HashMap<Arc<str>, Arc<Channel>, RandomState>,
}

impl Bound {
    pub(super) fn new(heard: bool) -> Self {
        Self { open: true, heard, introduced: false, bytes: 0, by_name: HashMap::default() }
    }
}

impl Connection {
    /// Tells whether it is bound to a channel.
    #[must_use]
    pub fn is_bound(&self, channel: &str) -> bool {
        self.channels.lock().by_name.contains_key(channel)
    }

    /// Returns the names of the channels it is bound to, in no particular order.
    #[must_use]
    pub fn channels(&self) -> Vec<String> {
        self.channels.lock().by_name.keys().map(|name| String::from(&**name)).collect()
    }

    /// Returns what its binds would cost if nobody shared its channels.
    pub(crate) fn bound_bytes(&self) -> usize {
        self.channels.lock().bytes
    }

    /// Returns its share of what all binds cost: each of its binds, and of each channel with its
    /// name the part of one member.
    pub(crate) fn bound_share(&self) -> usize {
        let bound = self.channels.lock();
        let shares = bound.by_name.values().map(|channel| {
            let whole = CHANNEL_COST + channel.name().len();
            BIND_COST + whole / channel.len().max(1)
        });
        shares.sum()
    }

    pub(crate) fn channel(&self, name: &str) -> Option<Arc<Channel>> {
        self.channels.lock().by_name.get(name).map(Arc::clone)
    }

    /// Tells whether it has left all its channels, for good.
    pub(crate) fn has_left(&self) -> bool {
        !self.channels.lock().open
    }

    /// Runs `act` unless it has left all its channels; it does not leave them before that is done.
    pub(super) fn unless_left<T>(&self, act: impl FnOnce() -> T) -> Option<T> {
        let bound = self.channels.lock();
        bound.open.then(act)
    }

    /// Runs `join`, which makes it a member of the channel, unless it is one or may not be.
    pub(crate) fn bind(
        &self,
        name: &str,
        limits: BindLimits,
        cause: BindCause,
        join: impl FnOnce() -> Arc<Channel>,
    ) -> BindOutcome {
        let mut bound = self.channels.lock();
        if !bound.open {
            return BindOutcome::Ended;
        }
        if bound.by_name.contains_key(name) {
            return BindOutcome::Unchanged;
        }
        let bytes = bound.bytes.saturating_add(bind_cost(name));
        if bound.by_name.len() >= limits.channels_max || bytes > limits.bytes_max {
            return BindOutcome::TooMany;
        }
        bound.bytes = bytes;
        // The lock is held until the channel is noted. Otherwise the connection could end in
        // between, and stay a member of this channel for ever.
        let channel = join();
        let telling = self.note(&bound, channel.name(), true, cause);
        bound.by_name.insert(Arc::clone(channel.name()), channel);
        BindOutcome::Bound(telling)
    }

    /// Runs `leave`, which ends its membership of the channel, if it is a member.
    pub(crate) fn unbind(
        &self,
        name: &str,
        cause: BindCause,
        leave: impl FnOnce(&Arc<Channel>),
    ) -> Option<Telling> {
        let mut bound = self.channels.lock();
        let channel = bound.by_name.remove(name)?;
        bound.bytes -= bind_cost(name);
        let (len, room) = (bound.by_name.len(), bound.by_name.capacity());
        if len < room / 4 {
            bound.by_name.shrink_to(len);
        }
        // Under the lock as well: the client and the program may change the same channel at once.
        // If one of them bound again before the other has left, the connection would be bound to a
        // channel of which it is no member.
        leave(&channel);
        Some(self.note(&bound, channel.name(), false, cause))
    }

    /// Takes all its channels, for good.
    pub(crate) fn unbind_all(&self) -> Vec<Arc<Channel>> {
        let mut bound = self.channels.lock();
        (bound.open, bound.bytes) = (false, 0);
        let channels: Vec<_> = mem::take(&mut bound.by_name).into_values().collect();
        if bound.heard && !channels.is_empty() {
            // It may be another thread that ends it, to make room. The task then tells the hook.
            let names = channels.iter().map(|channel| Arc::clone(channel.name()));
            self.extras().untold.lock().get_or_insert_default().end(names);
        }
        channels
    }

    /// Returns the channels of its admission or login, of which the hook is to be told now.
    ///
    /// Until then the program may have bound and unbound it elsewhere. What it bound waits with its
    /// own cause; what it unbound of the admission's, nobody hears of.
    pub(crate) fn introduce(&self) -> Vec<Arc<str>> {
        let mut bound = self.channels.lock();
        bound.introduced = true;
        if !bound.heard {
            return Vec::new();
        }
        let untold = self.extras.get().map(|extras| extras.untold.lock());
        let untold = untold.as_ref().and_then(|untold| untold.as_deref());
        let names: Vec<_> = match untold {
            // It has ended already, so that its channels are told of twice: now, and as unbound.
            Some(untold) if !bound.open => untold.at_end().to_vec(),
            _ => bound.by_name.keys().map(Arc::clone).collect(),
        };
        names.into_iter().filter(|name| untold.is_none_or(|untold| !untold.waits(name))).collect()
    }

    /// Takes the change that the hook is to be told of next.
    pub(crate) fn next_change(&self) -> Option<BindChange> {
        let mut untold = self.extras.get()?.untold.lock();
        let change = untold.as_mut()?.take_next();
        if untold.as_ref().is_some_and(|untold| untold.is_empty()) {
            *untold = None;
        }
        change
    }

    /// Takes the channels that its end took, when all changes before are told.
    pub(crate) fn channels_at_end(&self) -> Vec<Arc<str>> {
        let untold = self.extras.get().and_then(|extras| extras.untold.lock().take());
        untold.map_or_else(Vec::new, |untold| untold.at_end().to_vec())
    }

    /// Tells whether a change waits to be told.
    fn has_untold(&self) -> bool {
        let Some(extras) = self.extras.get() else { return false };
        extras.untold.lock().as_ref().is_some_and(|untold| untold.has_change())
    }

    /// Notes a change, or has the caller tell it.
    fn note(&self, bound: &Bound, channel: &Arc<str>, is_bound: bool, cause: BindCause) -> Telling {
        if !bound.heard || cause == BindCause::Admission {
            return Telling::Nobody;
        }
        // As a rule nobody else changes anything. Then the task, which routes the client's own
        // requests, tells of them at once, and nothing is allocated for it. A change of the program
        // behind this one waits until the task has told it.
        if cause == BindCause::Client && !self.has_untold() {
            return Telling::Now;
        }
        let mut untold = self.extras().untold.lock();
        let untold = untold.get_or_insert_default();
        if !is_bound && !bound.introduced && !untold.waits(channel) {
            return Telling::Nobody;
        }
        untold.note(channel, is_bound, cause);
        Telling::Waits
    }
}

/// What a connection may be bound to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BindLimits {
    pub(crate) channels_max: usize,
    pub(crate) bytes_max: usize,
}

/// What being bound to a channel costs: the entries in the maps of the connection and of the
/// channel, each of which may be half empty.
pub(crate) const BIND_COST: usize = 128;

/// What a channel costs besides its name: itself with a first member, and the entry in the map of
/// the hub.
pub(crate) const CHANNEL_COST: usize = 272;

/// What being bound costs if nobody else is a member.
const fn bind_cost(name: &str) -> usize {
    name.len() + BIND_COST + CHANNEL_COST
}

/// Who tells the lifecycle hook of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Telling {
    /// Nobody listens, or nobody has to know.
    Nobody,
    /// Whoever made the change, which is the task of the connection.
    Now,
    /// The task of the connection, when it is woken.
    Waits,
}

/// What became of a request to bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BindOutcome {
    Bound(Telling),
    /// It was bound already.
    Unchanged,
    /// The connection has ended.
    Ended,
    TooMany,
    /// It was bound, but the binds of all connections have no room, and it had most of them; now it
    /// has none.
    NoRoom(Telling),
}
