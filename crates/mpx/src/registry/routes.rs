//! Which connection a name belongs to.
//!
//! This module is pure.

use bytes::Bytes;

use super::standing::Standing;
use super::{Loss, Registry};
use crate::protocol::NameKind;

/// Which connection a name belongs to.
#[derive(Debug)]
pub(crate) enum NameRoutes {
    /// There is one.
    One,
    /// By the slots of a cluster.
    Slots(Box<[usize; SLOTS]>),
}

impl NameRoutes {
    /// Returns the routes of a cluster whose map is not known yet.
    pub(crate) fn unknown() -> Self {
        Self::Slots(Box::new([NOWHERE; SLOTS]))
    }

    pub(super) fn link(&self, name: &[u8]) -> usize {
        match self {
            Self::One => 0,
            Self::Slots(links) => links[slot(name)],
        }
    }

    /// Whether two names can go into one command.
    pub(super) fn are_together(&self, name: &[u8], other: &[u8]) -> bool {
        match self {
            Self::One => true,
            Self::Slots(_) => slot(name) == slot(other),
        }
    }
}

impl Registry {
    /// Takes another map of the cluster: names whose slot has moved are lost until its new master
    /// confirms them.
    pub(crate) fn reroute(&mut self, links: Box<[usize; SLOTS]>) -> Vec<Loss> {
        let mut lost = Vec::new();
        let mut due = Vec::new();
        for (name, state) in &mut self.names[NameKind::Shard] {
            let link = links[slot(name)];
            if state.link != link {
                // The order matters: this is the old link, whose task may remember the listeners.
                // The name gets its new link only then.
                self.links[state.link].change(NameKind::Shard, name, state);
                let listeners = state.lose();
                state.link = link;
                if !listeners.is_empty() {
                    lost.push((name.clone(), listeners));
                }
            }
            if state.standing == Standing::Moved {
                state.standing = Standing::Unknown;
            }
            if state.is_due() {
                due.push(name.clone());
            }
        }
        self.routes = NameRoutes::Slots(links);
        self.names[NameKind::Shard].retain(|_, state| state.is_wanted() || !state.standing.is_idle());
        due.sort_by_cached_key(|name| (slot(name), name.clone()));
        due.into_iter().for_each(|name| self.mark(NameKind::Shard, name));
        self.losses(NameKind::Shard, lost)
    }

    /// A master has taken names away, as their slot has moved.
    pub(crate) fn drop_names(&mut self, link: usize, names: &[Bytes]) -> Vec<Loss> {
        let mut lost = Vec::new();
        for name in names {
            let state = self.names[NameKind::Shard].get_mut(name);
            let Some(state) = state.filter(|state| state.link == link && state.is_live()) else { continue };
            self.links[link].change(NameKind::Shard, name, state);
            let listeners = state.lose();
            state.standing = Standing::Moved;
            self.forget(NameKind::Shard, name);
            lost.push((name.clone(), listeners));
        }
        self.losses(NameKind::Shard, lost)
    }

    /// Whether names go by the slots of a cluster.
    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self.routes, NameRoutes::Slots(_))
    }
}

/// The slot of a channel: of the part in braces, if it has one.
///
/// Source: <https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/>, hash tags.
pub(crate) fn slot(name: &[u8]) -> usize {
    let tag = memchr::memchr(b'{', name).and_then(|open| {
        let rest = &name[open + 1..];
        memchr::memchr(b'}', rest).filter(|length| *length > 0).map(|length| &rest[..length])
    });
    usize::from(crc16::State::<crc16::XMODEM>::calculate(tag.unwrap_or(name))) % SLOTS
}

/// How many slots a cluster has.
pub(crate) const SLOTS: usize = 16_384;
/// The link of slots that nobody serves, as far as is known. It never has a connection.
pub(crate) const NOWHERE: usize = 0;

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Notify;

    use super::*;
    use crate::protocol::Verb;
    use crate::registry::Confirmation;
    use crate::sink::{Receiver, Sink};

    #[test]
    fn what_a_former_master_says_of_a_name_is_not_heard() {
        let mut registry = Registry::new(NameRoutes::unknown(), 10);
        let [_nowhere, old, new] = std::array::from_fn(|_| registry.attach(Arc::default()));
        let receiver = |_: &[u8], _: &[u8]| {};
        let receiver = Receiver::Handler(Arc::new(receiver));
        let sink = registry.open(|id| Sink { id, receiver, changed: Notify::new() });
        registry.add(&sink, NameKind::Shard, Bytes::from_static(b"a"));
        for (link, other) in [(old, new), (new, old)] {
            registry.reroute(Box::new([link; SLOTS]));
            registry.connect(link);
            registry.write(link, &mut Vec::new(), 1_000);
            let begun = registry.confirm(link, Verb::Subscribe, NameKind::Shard, b"a");
            assert!(matches!(begun, Confirmation::Begins(_)), "{begun:?}");
            assert!(registry.listeners(link, NameKind::Shard, b"a").is_some());
            assert!(registry.listeners(other, NameKind::Shard, b"a").is_none());
        }
    }

    #[test]
    fn slots_are_those_of_redis() {
        // As `CLUSTER KEYSLOT` of Redis 7 says.
        assert_eq!(
            [b"foo".as_slice(), b"123456789", b"{foo}bar", b"bar{foo}"].map(slot),
            [12_182, 12_739, 12_182, 12_182]
        );
        assert_ne!(slot(b"{}foo"), slot(b"foo"), "an empty tag is none");
        assert_eq!(slot(b"{{foo}}"), slot(b"{foo"));
    }
}
