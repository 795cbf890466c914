//! One name: who hears it, and what Redis was told about it.
//!
//! This module is pure.

use std::sync::Arc;

use super::standing::Standing;
use crate::protocol::Verb;
use crate::sink::Sink;

/// The sinks that hear a name, in the order in which they came.
pub(crate) type Sinks = Arc<Vec<Arc<Sink>>>;

/// One name.
///
/// A subscription that adds the name waits in `joining`; when Redis has confirmed it, all who wait
/// move to `listeners`, and with the loss of the connection all of them wait again:
///
/// ```text
///          add               activate
///  (none) ─────► joining ◄────────────► listeners
///                  │           lose         │
///                  └─────────leave──────────┴──► (none)
/// ```
///
/// A name that somebody waits for or hears is wanted. What is to be told to Redis follows from that
/// and from the [`Standing`].
#[derive(Debug, Default)]
pub(super) struct NameState {
    /// The connection that it belongs to.
    pub(super) link: usize,
    /// What Redis was told about it, and has answered.
    pub(super) standing: Standing,
    /// Whether it travels alone, since a command with it and others was refused.
    pub(super) alone: bool,
    /// The sinks for which the name is active.
    pub(super) listeners: Sinks,
    /// The sinks that wait for it to be active, in the order in which they came.
    pub(super) joining: Vec<Waiter>,
    /// Whether the task of its connection remembers `listeners`.
    pub(super) remembered: bool,
}

/// Somebody who waits for a name.
#[derive(Debug, Clone)]
pub(crate) struct Waiter {
    pub(crate) sink: Arc<Sink>,
    /// Whether it knows that Redis refuses the name.
    pub(crate) knows: bool,
}

/// How a name stands for a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameStatus {
    Active,
    Waiting,
    /// Redis refused it on this connection.
    Refused,
    /// The subscription does not have the name.
    Absent,
}

impl NameState {
    pub(super) fn of(link: usize) -> Self {
        Self { link, ..Self::default() }
    }

    pub(super) fn is_wanted(&self) -> bool {
        !self.listeners.is_empty() || !self.joining.is_empty()
    }

    /// Whether Redis has confirmed the last that it was told, and that was to subscribe.
    pub(super) fn is_live(&self) -> bool {
        self.standing == Standing::Live
    }

    /// What Redis is to be told, if anything.
    pub(super) fn due(&self) -> Option<Verb> {
        self.standing.due(self.is_wanted())
    }

    /// Whether Redis is to be told something.
    pub(super) fn is_due(&self) -> bool {
        self.due().is_some()
    }

    /// Redis knows nothing of it any more. Returns those for whom it was active; they wait, before
    /// those who did already.
    pub(super) fn lose(&mut self) -> Sinks {
        (self.standing, self.alone) = (Standing::Unknown, false);
        let lost = std::mem::take(&mut self.listeners);
        let waiting = std::mem::take(&mut self.joining);
        let waiting = lost.iter().cloned().chain(waiting.into_iter().map(|waiter| waiter.sink));
        self.joining = waiting.map(Waiter::new).collect();
        lost
    }

    /// It is active for all who wait, whom it returns.
    pub(super) fn activate(&mut self) -> Vec<Arc<Sink>> {
        let begun = std::mem::take(&mut self.joining).into_iter().map(|waiter| waiter.sink);
        let begun: Vec<_> = begun.collect();
        // The task of the connection may be calling the listeners that it remembers. It keeps that
        // list, and this makes another one.
        Arc::make_mut(&mut self.listeners).extend(begun.iter().cloned());
        begun
    }

    /// It was refused. Returns those who wait, as they are before they are told.
    pub(super) fn refuse(&mut self) -> Vec<Waiter> {
        self.standing = Standing::Refused;
        let waiting = self.joining.clone();
        self.joining.iter_mut().for_each(|waiter| waiter.knows = true);
        waiting
    }

    /// Whether those who hear it change for the task of its connection: it remembers them no more.
    pub(super) fn forget_listeners(&mut self) -> bool {
        std::mem::take(&mut self.remembered)
    }

    pub(super) fn leave(&mut self, sink: &Sink) {
        // A subscription is in one of the two lists at most.
        if let Some(at) = self.joining.iter().position(|other| other.sink.id == sink.id) {
            self.joining.remove(at);
        } else if let Some(at) = self.listeners.iter().position(|other| other.id == sink.id) {
            Arc::make_mut(&mut self.listeners).remove(at);
        }
    }
}

impl Waiter {
    pub(super) fn new(sink: Arc<Sink>) -> Self {
        Self { sink, knows: false }
    }
}
