//! The thread that answers callers.
//!
//! To wake so many takes long beside what their batch takes, and meanwhile the next one is written.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError};

use super::job::Reply;
use crate::Result;
use crate::embedded::lanes::LanePermit;

/// Answers the callers of batches, on a thread of its own if they are many.
///
/// Dropped, it ends the thread once all are answered.
#[derive(Debug)]
pub(in crate::embedded) struct Answering {
    batches: SyncSender<Answered>,
}

/// The callers of a batch, who hear what became of it.
#[derive(Debug)]
pub(in crate::embedded) struct Answered {
    pub(super) replies: Vec<Reply>,
    pub(super) committed: Result<()>,
    /// Their places in the lanes, which are given back when they were answered.
    pub(super) permits: Vec<LanePermit>,
}

/// So few callers are answered at once: one who is alone does not wait for another thread.
pub(super) const FEW: usize = 8;

/// How much waits for the thread at most; what comes when there is no room is done at once.
pub(in crate::embedded) const ANSWERED_MAX: usize = 64;

impl Answering {
    pub(in crate::embedded) fn new(batches: SyncSender<Answered>) -> Self {
        Self { batches }
    }

    /// Answers callers, and gives their places back.
    pub(super) fn hand_over(&self, answered: Answered) {
        if answered.replies.len() <= FEW {
            return answered.act();
        }
        if let Err(TrySendError::Full(back) | TrySendError::Disconnected(back)) =
            self.batches.try_send(answered)
        {
            back.act();
        }
    }
}

impl Answered {
    fn act(self) {
        let Self { replies, committed, permits } = self;
        replies.into_iter().for_each(|reply| reply.send(&committed));
        LanePermit::give_back(permits);
    }
}

/// Answers until nobody hands over any more.
pub(in crate::embedded) fn run(batches: &Receiver<Answered>) {
    while let Ok(answered) = batches.recv() {
        // What wakes a caller is code of the program. The callers that it keeps from their answers
        // are told to repeat.
        if catch_unwind(AssertUnwindSafe(|| answered.act())).is_err() {
            tracing::error!("what wakes a caller of the store panicked; some callers have to ask again");
        }
    }
}
