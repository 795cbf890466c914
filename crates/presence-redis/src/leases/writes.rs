//! The numbered writes of steps to one shard: pure.
//!
//! One of them at a time is under way.
//!
//! ```text
//!            begin                        answered, or given back to the outbox
//!   idle ───────────► unanswered, number n ─────────────────────────────────────► idle
//!                       │  ▲
//!                       └──┘ no answer came: sent again as it was, so that Redis takes it once
//! ```

use super::outbox::Step;
use super::space::Space;

/// Counts the writes: one that a lost connection delivers late is told by its number.
#[derive(Debug)]
pub(super) struct Writes<S: Space> {
    last: u64,
    unanswered: Option<Write<S>>,
}

/// Steps that were sent, or are about to be, and not answered yet.
#[derive(Debug)]
pub(super) struct Write<S: Space> {
    pub(super) number: u64,
    pub(super) steps: Vec<Step<S>>,
}

impl<S: Space> Writes<S> {
    pub(super) fn new() -> Self {
        Self { last: 0, unanswered: None }
    }

    /// Begins a write of steps, which is kept until it [ends](Self::end).
    pub(super) fn begin(&mut self, steps: Vec<Step<S>>) {
        let number = self.next_number();
        self.unanswered = Some(Write { number, steps });
    }

    /// Ends the write that is under way, and returns its steps.
    pub(super) fn end(&mut self) -> Option<Vec<Step<S>>> {
        self.unanswered.take().map(|write| write.steps)
    }

    /// Takes a number for a write that is not kept, as it can be said anew.
    pub(super) fn next_number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    pub(super) fn unanswered(&self) -> Option<&Write<S>> {
        self.unanswered.as_ref()
    }

    pub(super) fn is_idle(&self) -> bool {
        self.unanswered.is_none()
    }
}
