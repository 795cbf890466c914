//! What Redis is to be told on one connection.
//!
//! This module is pure.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Release;

use bytes::Bytes;
use tokio::sync::Notify;

use super::by_kind::KINDS;
use super::name_state::{NameState, Sinks};
use super::{Activation, Loss, NameRoutes, Overlong, Registry};
use crate::protocol::{NameKind, Verb, write_command};

/// One connection's place.
#[derive(Debug)]
pub(super) struct LinkState {
    connected: bool,
    /// Names about which there may be something to tell Redis.
    dirty: VecDeque<(NameKind, Bytes)>,
    /// Names that live and that somebody came to.
    joined: Vec<(NameKind, Bytes)>,
    /// At so many it is looked whether some are there twice.
    joined_max: usize,
    /// Names that were to be asked for and are too long.
    long: Vec<(NameKind, Bytes)>,
    /// What Redis has not answered yet, in order.
    pub(super) in_flight: VecDeque<Asked>,
    /// Names whose listeners are not as the connection's task remembers them, each once.
    changed: Vec<(NameKind, Bytes)>,
    /// Whether there are any. The task looks at it before each message, without the lock of the
    /// registry.
    stale: Arc<AtomicBool>,
    /// Wakes the connection's task when there is something to do.
    work: Arc<Notify>,
}

/// Something that was asked.
#[derive(Debug)]
pub(super) enum Asked {
    Names(Flight),
    /// A `PING`.
    Ping,
}

/// A command about names on its way.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) verb: Verb,
    pub(super) kind: NameKind,
    pub(super) names: Vec<Bytes>,
    /// How many of them were confirmed. Redis confirms each name by itself, in their order.
    pub(super) answered: usize,
}

impl LinkState {
    fn new(work: Arc<Notify>) -> Self {
        Self {
            connected: false,
            dirty: VecDeque::new(),
            joined: Vec::new(),
            joined_max: DIRTY_MIN,
            long: Vec::new(),
            in_flight: VecDeque::new(),
            changed: Vec::new(),
            stale: Arc::default(),
            work,
        }
    }

    /// Those who hear a name change: if the connection's task remembers them, it is told to ask
    /// again.
    pub(super) fn change(&mut self, kind: NameKind, name: &Bytes, state: &mut NameState) {
        if state.forget_listeners() {
            self.changed.push((kind, name.clone()));
            self.stale.store(true, Release);
        }
    }

    pub(super) fn join(&mut self, kind: NameKind, name: Bytes) {
        if self.joined.len() >= self.joined_max {
            // The list grows without an end while a handler holds up the task and a subscription
            // adds and removes names. So the same names are folded.
            self.joined.sort_unstable();
            self.joined.dedup();
            self.joined_max = 2 * self.joined.len() + DIRTY_MIN;
        }
        self.joined.push((kind, name));
        self.work.notify_one();
    }
}

impl Registry {
    /// Makes room for a connection; `work` wakes its task.
    pub(crate) fn attach(&mut self, work: Arc<Notify>) -> usize {
        let state = LinkState::new(work);
        if let Some(link) = self.free_links.pop() {
            self.links[link] = state;
            return link;
        }
        self.links.push(state);
        self.links.len() - 1
    }

    /// Takes back the room of a connection whose task has ended and that no name belongs to: it is
    /// for the next one.
    pub(crate) fn detach(&mut self, link: usize) {
        self.links[link] = LinkState::new(Arc::default());
        self.free_links.push(link);
    }

    /// How many connections there is room for.
    #[cfg(test)]
    pub(crate) fn links_count(&self) -> usize {
        self.links.len()
    }

    /// A connection begins: Redis knows nothing.
    pub(crate) fn connect(&mut self, link: usize) {
        for kind in KINDS {
            let names = &self.names[kind];
            let due = names.iter().filter(|(_, state)| state.link == link && state.is_due());
            let mut due: Vec<_> = due.map(|(name, _)| name.clone()).collect();
            // In an order that is the same in every run, and by slots for those that go by them.
            match &self.routes {
                NameRoutes::One => due.sort_unstable(),
                NameRoutes::Slots(_) => due.sort_by_cached_key(|name| (super::slot(name), name.clone())),
            }
            self.links[link].dirty.extend(due.into_iter().map(|name| (kind, name)));
        }
        self.links[link].connected = true;
    }

    /// A connection is over. Returns what that takes from whom, in the order of their creation.
    pub(crate) fn disconnect(&mut self, link: usize) -> Vec<Loss> {
        let state = &mut self.links[link];
        state.connected = false;
        state.dirty.clear();
        state.joined.clear();
        state.long.clear();
        state.in_flight.clear();
        // `stale` may stay set: the next connection of this link then finds an empty list, which
        // is harmless.
        state.changed.clear();
        let mut losses = Vec::new();
        for kind in KINDS {
            let mut lost = Vec::new();
            self.names[kind].retain(|name, state| {
                if state.link == link {
                    // The task of this link has ended, and with it its memory of who listens.
                    state.forget_listeners();
                    let listeners = state.lose();
                    if !listeners.is_empty() {
                        lost.push((name.clone(), listeners));
                    }
                }
                state.is_wanted() || state.link != link
            });
            losses.push((kind, lost));
        }
        let mut losses: Vec<_> =
            losses.into_iter().flat_map(|(kind, lost)| self.losses(kind, lost)).collect();
        losses.sort_by_key(|loss| loss.sink.id);
        losses
    }

    /// Writes what there is to tell Redis, about so many bytes of it.
    pub(crate) fn write(&mut self, link: usize, out: &mut Vec<u8>, bytes: usize) {
        while out.len() < bytes {
            let Some(flight) = self.next_flight(link) else { return };
            let command = flight.verb.command(flight.kind);
            write_command(out, command, flight.names.iter().map(|name| &**name));
            // The order of `in_flight` is that of the bytes, as answers are told apart by nothing
            // else.
            self.links[link].in_flight.push_back(Asked::Names(flight));
        }
    }

    /// Whether Redis was told everything, and has answered.
    pub(crate) fn is_settled(&self, link: usize) -> bool {
        self.links[link].dirty.is_empty() && self.links[link].in_flight.is_empty()
    }

    /// Names that lie one behind the other and are to be told the same.
    fn next_flight(&mut self, link: usize) -> Option<Flight> {
        let Self { links, names, routes, batch_max, name_max, .. } = self;
        let LinkState { dirty, long, .. } = &mut links[link];
        let (mut flight, mut bytes) = (None::<Flight>, 0);
        while let Some((kind, name)) = dirty.front() {
            let kind = *kind;
            let state = names[kind].get_mut(name).filter(|state| state.link == link);
            let Some((verb, state)) = state.and_then(|state| Some((state.due()?, state))) else {
                // The name was added and removed since it was marked, or removed and added: there
                // is nothing to tell.
                dirty.pop_front();
                continue;
            };
            if verb == Verb::Subscribe && name.len() > *name_max {
                long.extend(dirty.pop_front());
                continue;
            }
            let fits = |flight: &Flight| {
                (flight.verb, flight.kind) == (verb, kind)
                    && flight.names.len() < *batch_max
                    && bytes < FLIGHT_BYTES
                    && !state.alone
                    && flight.names.first().is_none_or(|first| routes.are_together(first, name))
            };
            if flight.as_ref().is_some_and(|flight| !fits(flight)) {
                // The name stays the first of `dirty`, for the next command.
                break;
            }
            state.standing.told();
            let alone = state.alone;
            let (_, name) = dirty.pop_front()?;
            bytes += name.len();
            let new = || Flight { verb, kind, names: Vec::new(), answered: 0 };
            flight.get_or_insert_with(new).names.push(name);
            if alone {
                break;
            }
        }
        flight
    }

    /// Takes the names that Redis was not asked for since they are too long.
    pub(crate) fn take_long(&mut self, link: usize) -> Vec<Overlong> {
        let long = std::mem::take(&mut self.links[link].long);
        let waiting = long.into_iter().map(|(kind, name)| {
            let state = self.names[kind].get(&name);
            (name, state.map(|state| state.joining.clone()).unwrap_or_default())
        });
        waiting.collect()
    }

    /// Takes the names to which somebody came while they lived.
    pub(crate) fn take_joined(&mut self, link: usize) -> Vec<Activation> {
        let joined = std::mem::take(&mut self.links[link].joined);
        let is_live = |state: &NameState| state.link == link && state.is_live();
        joined
            .into_iter()
            .filter_map(|(kind, name)| {
                let state = self.names[kind].get(&name)?;
                if is_live(state) { self.activate(kind, &name) } else { None }
            })
            .collect()
    }

    /// Those who hear a name, with the name as it is kept. The connection's task may remember them
    /// until [`take_changed`](Self::take_changed) has the name.
    ///
    /// Of a name that has gone to another connection, what comes on this one comes too late.
    pub(crate) fn listeners(&mut self, link: usize, kind: NameKind, name: &[u8]) -> Option<(Bytes, Sinks)> {
        let (name, state) = self.names[kind].get_key_value_mut(name)?;
        if state.link != link || state.listeners.is_empty() {
            return None;
        }
        state.remembered = true;
        Some((name.clone(), Arc::clone(&state.listeners)))
    }

    /// What is set when [`take_changed`](Self::take_changed) has something.
    pub(crate) fn staleness(&self, link: usize) -> Arc<AtomicBool> {
        Arc::clone(&self.links[link].stale)
    }

    /// Takes the names whose listeners have changed since they were asked for.
    pub(crate) fn take_changed(&mut self, link: usize) -> Vec<(NameKind, Bytes)> {
        let link = &mut self.links[link];
        link.stale.store(false, Release);
        std::mem::take(&mut link.changed)
    }

    pub(super) fn activate(&mut self, kind: NameKind, name: &[u8]) -> Option<Activation> {
        let (name, state) = self.names[kind].get_key_value_mut(name)?;
        if state.joining.is_empty() {
            return None;
        }
        let (begun, key) = (state.activate(), (kind, name.clone()));
        self.links[state.link].change(kind, &key.1, state);
        for sink in &begun {
            let active = self.sinks.get_mut(&sink.id).and_then(|member| member.names.get_mut(&key));
            if let Some(active) = active {
                *active = true;
            }
        }
        Some((key.1, begun))
    }

    /// Says who has lost what, in the order of their creation.
    pub(super) fn losses(&mut self, kind: NameKind, lost: Vec<(Bytes, Sinks)>) -> Vec<Loss> {
        let mut losses = BTreeMap::<u64, Loss>::new();
        for (name, listeners) in lost {
            for sink in listeners.iter() {
                let active = self
                    .sinks
                    .get_mut(&sink.id)
                    .and_then(|member| member.names.get_mut(&(kind, name.clone())));
                if let Some(active) = active {
                    *active = false;
                }
                let new = || Loss { sink: Arc::clone(sink), names: Vec::new() };
                losses.entry(sink.id).or_insert_with(new).names.push(name.clone());
            }
        }
        for loss in losses.values_mut() {
            loss.names.sort_unstable();
        }
        losses.into_values().collect()
    }

    /// Drops a name that nobody wants, and of which Redis knows nothing.
    pub(super) fn forget(&mut self, kind: NameKind, name: &[u8]) {
        let names = &mut self.names[kind];
        if names.get(name).is_some_and(|state| !state.is_wanted() && state.standing.is_idle()) {
            names.remove(name);
        }
    }

    /// Has a name looked at when there is something to write. Without a connection nothing is:
    /// [`connect`](Self::connect) looks at all.
    pub(super) fn mark(&mut self, kind: NameKind, name: Bytes) {
        let names_count = self.names_count();
        let Some(state) = self.names[kind].get(&name) else { return };
        let link = &mut self.links[state.link];
        if !link.connected {
            return;
        }
        link.dirty.push_back((kind, name));
        link.work.notify_one();
        if link.dirty.len() > 2 * names_count + DIRTY_MIN {
            // Redis does not read, and names come and go.
            let names = &self.names;
            let mut seen = hashbrown::HashSet::<(NameKind, Bytes)>::new();
            link.dirty.retain(|(kind, name)| {
                let state = names[*kind].get(name);
                state.is_some_and(NameState::is_due) && seen.insert((*kind, name.clone()))
            });
        }
    }
}

/// About how long the names of one command are together: Redis keeps a command in memory until it
/// is whole.
const FLIGHT_BYTES: usize = 64 * 1024;
/// Below so many names it is not worth looking which of them need nothing any more.
const DIRTY_MIN: usize = 4096;
