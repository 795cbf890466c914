//! One name: who hears it, and what Redis was told about it.
//!
//! This module is pure.

use std::sync::Arc;

use crate::sink::Sink;

/// Those who hear a name, in the order in which they came.
pub(crate) type Sinks = Arc<Vec<Arc<Sink>>>;

/// One name.
#[derive(Debug, Default)]
pub(super) struct NameState {
    /// The connection that it belongs to.
    pub(super) link: usize,
    /// Whether the last command about it was to subscribe.
    pub(super) asked: bool,
    /// How many commands about it are not answered yet.
    pub(super) unanswered: u32,
    /// Why nothing is asked about it.
    pub(super) suspended: Option<Suspended>,
    /// Whether it travels alone, since a command with it and others was refused.
    pub(super) alone: bool,
    /// Those for whom it is active.
    pub(super) listeners: Sinks,
    /// Those who wait for that, in the order in which they came.
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

/// Why a name that is wanted is not asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Suspended {
    /// The user of the connection may not have it. It is asked for again when somebody else wants
    /// it, or with another connection.
    Refused,
    /// It does not belong to that master; the next map of the cluster will say to which.
    Moved,
}

/// How a name stands for a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NameStatus {
    Active,
    Waiting,
    /// Redis refused it on this connection.
    Refused,
    /// It is none of its names.
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
        self.asked && self.unanswered == 0
    }

    /// Whether Redis is to be told something.
    pub(super) fn is_due(&self) -> bool {
        self.suspended.is_none() && self.is_wanted() != self.asked
    }

    /// Redis knows nothing of it any more. Returns those for whom it was active; they wait, before
    /// those who did already.
    pub(super) fn lose(&mut self) -> Sinks {
        (self.asked, self.unanswered, self.suspended, self.alone) = (false, 0, None, false);
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
        Arc::make_mut(&mut self.listeners).extend(begun.iter().cloned());
        begun
    }

    /// It was refused. Returns those who wait, as they are before they are told.
    pub(super) fn refuse(&mut self) -> Vec<Waiter> {
        self.suspended = Some(Suspended::Refused);
        let waiting = self.joining.clone();
        self.joining.iter_mut().for_each(|waiter| waiter.knows = true);
        waiting
    }

    /// Whether those who hear it change for the task of its connection: it remembers them no more.
    pub(super) fn forget_listeners(&mut self) -> bool {
        std::mem::take(&mut self.remembered)
    }

    pub(super) fn leave(&mut self, sink: &Sink) {
        if let Some(place) = self.joining.iter().position(|other| other.sink.id == sink.id) {
            self.joining.remove(place);
        } else if let Some(place) = self.listeners.iter().position(|other| other.id == sink.id) {
            Arc::make_mut(&mut self.listeners).remove(place);
        }
    }
}

impl Waiter {
    pub(super) fn new(sink: Arc<Sink>) -> Self {
        Self { sink, knows: false }
    }
}
