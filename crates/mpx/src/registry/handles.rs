//! What handles do: subscriptions and their names come and go.
//!
//! This module is pure.

use std::sync::Arc;

use bytes::Bytes;
use hashbrown::HashMap;

use super::by_kind::KINDS;
use super::name_state::{NameState, NameStatus, Waiter};
use super::standing::Standing;
use super::{Registry, Subscriber};
use crate::protocol::NameKind;
use crate::sink::{Receiver, Sink};

impl Registry {
    /// Makes a subscription, by its number.
    pub(crate) fn open(&mut self, make: impl FnOnce(u64) -> Sink) -> Arc<Sink> {
        self.sinks_made += 1;
        let sink = Arc::new(make(self.sinks_made));
        self.sinks.insert(sink.id, Subscriber { sink: Arc::clone(&sink), names: HashMap::default() });
        sink
    }

    /// Ends a subscription; says whether it was one.
    pub(crate) fn close(&mut self, sink: &Sink) -> bool {
        let Some(member) = self.sinks.remove(&sink.id) else { return false };
        self.leave_all(sink, member.names);
        true
    }

    /// Takes all names from a subscription.
    pub(crate) fn clear(&mut self, sink: &Sink) {
        let Some(member) = self.sinks.get_mut(&sink.id) else { return };
        let names = std::mem::take(&mut member.names);
        self.leave_all(sink, names);
    }

    pub(crate) fn is_open(&self, sink: &Sink) -> bool {
        self.sinks.contains_key(&sink.id)
    }

    /// How long a name may be, in bytes.
    pub(crate) fn name_max(&self) -> usize {
        self.name_max
    }

    /// Adds a name to a subscription that is open.
    pub(crate) fn add(&mut self, sink: &Arc<Sink>, kind: NameKind, name: Bytes) {
        let Some(member) = self.sinks.get_mut(&sink.id) else { return };
        let hashbrown::hash_map::Entry::Vacant(vacant) = member.names.entry((kind, name.clone())) else {
            return;
        };
        vacant.insert(false);
        let link = self.routes.link(&name);
        let state = self.names[kind].entry(name.clone()).or_insert_with(|| NameState::of(link));
        state.joining.push(Waiter::new(Arc::clone(sink)));
        if state.standing == Standing::Refused {
            // Redis refused the name before. It is asked again, as the rights of the user may have
            // been changed.
            state.standing = Standing::Unknown;
        }
        if state.is_live() {
            // Redis sends this name already. The task of the connection activates it for the
            // newcomer between two frames, so that no message comes before `Activated`.
            self.links[state.link].join(kind, name);
        } else if state.is_due() {
            self.mark(kind, name);
        }
    }

    /// Takes a name from a subscription; says whether it had it.
    pub(crate) fn remove(&mut self, sink: &Sink, kind: NameKind, name: &Bytes) -> bool {
        let Some(member) = self.sinks.get_mut(&sink.id) else { return false };
        if member.names.remove(&(kind, name.clone())).is_none() {
            return false;
        }
        self.leave(sink, kind, name);
        true
    }

    /// The names of a subscription.
    pub(crate) fn names(&self, sink: &Sink) -> impl Iterator<Item = &Bytes> {
        self.sinks.get(&sink.id).into_iter().flat_map(|member| member.names.keys()).map(|(_, name)| name)
    }

    pub(crate) fn name_status(&self, sink: &Sink, kind: NameKind, name: &Bytes) -> NameStatus {
        let member = self.sinks.get(&sink.id);
        match member.and_then(|member| member.names.get(&(kind, name.clone()))) {
            None => NameStatus::Absent,
            Some(true) => NameStatus::Active,
            Some(false) => match self.names[kind].get(name) {
                Some(state) if state.standing == Standing::Refused => NameStatus::Refused,
                _ if name.len() > self.name_max => NameStatus::Refused,
                _ => NameStatus::Waiting,
            },
        }
    }

    /// Shortens what a subscription is yet to read of notices, if that is more than its names need.
    /// Returns how many messages that costs.
    pub(crate) fn fold(&self, sink: &Sink) -> u64 {
        let (Receiver::Queue(queue), Some(member)) = (&sink.receiver, self.sinks.get(&sink.id)) else {
            return 0;
        };
        // All its names are of one kind.
        let kind = member.names.keys().next().map(|(kind, _)| *kind);
        queue.fold(member.names.len(), |name| {
            kind.is_some_and(|kind| member.names.contains_key(&(kind, name.clone())))
        })
    }

    /// Ends all subscriptions.
    pub(crate) fn end(&mut self) -> Vec<Arc<Sink>> {
        for kind in KINDS {
            for (name, mut state) in self.names[kind].drain() {
                self.links[state.link].change(kind, &name, &mut state);
            }
        }
        std::mem::take(&mut self.sinks).into_values().map(|member| member.sink).collect()
    }

    fn leave_all<T, S>(&mut self, sink: &Sink, names: HashMap<(NameKind, Bytes), T, S>) {
        let mut names: Vec<_> = names.into_keys().collect();
        // In an order that is the same in every run: simulations are to be repeatable.
        names.sort_unstable();
        names.iter().for_each(|(kind, name)| self.leave(sink, *kind, name));
    }

    fn leave(&mut self, sink: &Sink, kind: NameKind, name: &Bytes) {
        let Some(state) = self.names[kind].get_mut(name) else { return };
        state.leave(sink);
        self.links[state.link].change(kind, name, state);
        if state.is_wanted() {
            return;
        }
        if state.standing.is_asked() {
            self.mark(kind, name.clone());
        } else {
            self.forget(kind, name);
        }
    }
}
