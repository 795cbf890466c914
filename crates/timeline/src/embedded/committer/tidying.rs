//! What the committing thread does while nobody waits.
//!
//! It removes what was freed of inboxes, erases what histories have lost, and looks for what is
//! kept no longer. Each step is one batch, for which a send that comes meanwhile waits.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::Committer;
use crate::embedded::erasures::Erasures;
use crate::embedded::plan::{BeforeBatch, DraftBatch, Plan};
use crate::embedded::removals::{Freed, Removals};
use crate::embedded::retention::{ExpiredBox, Sweep};
use crate::embedded::upkeep::{Upkeep, UpkeepReply};
use crate::embedded::{clock, metrics, verify};
use crate::{Result, Retention};

/// What is to be done while nobody waits.
#[derive(Debug)]
pub(super) struct Chores {
    removals: Removals,
    erasures: Erasures,
    sweep: Sweep,
    /// Whether the last thing that was done was a part of a sweep.
    has_swept: bool,
    /// Whether erasures come next where there are removals, too.
    erases_next: bool,
}

/// What is done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chore {
    Sweep,
    Erase,
    Remove,
}

impl Chores {
    /// Begins with what an earlier start has left.
    pub(super) fn new(retention: Retention) -> Self {
        let (removals, erasures) = (Removals::stored(), Erasures::stored());
        Self { removals, erasures, sweep: Sweep::new(retention), has_swept: false, erases_next: false }
    }

    /// Notes what a batch has taken from inboxes and histories that is durable now.
    pub(super) fn note(&mut self, freed: Vec<(Vec<u8>, Freed)>, erasures: Vec<(Vec<u8>, u64)>) {
        if !freed.is_empty() {
            self.removals.note(freed);
        }
        if !erasures.is_empty() {
            self.erasures.note(erasures);
        }
    }

    /// Returns whether something is to be done, or may be.
    pub(super) fn are_due(&self) -> bool {
        self.removals.is_due() || self.erasures.is_due() || self.sweep.is_due(Instant::now())
    }

    /// Returns whether it does not wait until nobody sends.
    ///
    /// A sweep does not: it would come too late where there is always somebody who sends.
    pub(super) fn are_pressing(&self) -> bool {
        self.removals.is_pressing() || self.erasures.is_pressing() || self.sweep.is_due(Instant::now())
    }

    /// Returns whether so much is left to erase that sends come in smaller batches, between which
    /// that is done.
    pub(super) fn are_behind(&self) -> bool {
        self.erasures.is_behind() && self.erasures.is_due()
    }

    /// Returns when something is to be done next, if that is to come by itself.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.sweep.next_at()
    }

    /// Returns what is to be done next, each in its turn.
    fn next_chore(&mut self) -> Chore {
        let (removes, erases) = (self.removals.is_due(), self.erasures.is_due());
        // A sweep over many boxes has many parts. What it finds is removed in between, and what was
        // there before.
        self.has_swept = self.sweep.is_due(Instant::now()) && !(self.has_swept && (removes || erases));
        if self.has_swept {
            return Chore::Sweep;
        }
        let is_first = self.erasures.is_behind() && !self.removals.is_pressing();
        let erases_now = erases && (self.erases_next || is_first || !removes);
        self.erases_next = !erases_now;
        if erases_now { Chore::Erase } else { Chore::Remove }
    }

    /// Begins anew with what is in `state`, as the store was opened again.
    pub(super) fn begin_anew(&mut self) {
        self.removals.begin_anew();
        self.erasures.begin_anew();
        self.sweep.begin_anew();
    }

    /// Begins anew with what is in `state`, a little later.
    fn put_off(&mut self) {
        self.removals.put_off();
        self.erasures.put_off();
        self.sweep.begin_anew();
    }
}

impl Committer<'_> {
    /// Does some of what is to be done. No sends wait, or they wait for one batch.
    pub(super) fn tidy(&mut self) {
        *self.shared.writing.lock() = Some(Instant::now());
        let done = catch_unwind(AssertUnwindSafe(|| self.do_chore()));
        *self.shared.writing.lock() = None;
        match done {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                // A read that failed may be damage, which is told as if a reader had met it. A
                // write that failed was told by the engine.
                let error = verify::judge(&self.shared, error);
                tracing::debug!(error = %format_args!("{error:#}"), "nothing is removed for now");
                self.chores.put_off();
            }
            Err(_panic) => {
                metrics::commit_failed();
                self.engine.failed("the committing thread panicked", None);
                self.chores.put_off();
            }
        }
    }

    fn do_chore(&mut self) -> Result<()> {
        match self.chores.next_chore() {
            Chore::Sweep => self.sweep(),
            Chore::Erase => self.erase(),
            Chore::Remove => self.remove(),
        }
    }

    /// Makes one batch of removals.
    fn remove(&mut self) -> Result<()> {
        let (tables, number) = self.engine.next()?;
        if let Some(removal) = self.chores.removals.next(&tables, number)? {
            self.engine.commit(removal.batch)?;
            self.chores.removals.removed(removal.entries);
        }
        Ok(())
    }

    /// Makes one batch of erasures.
    fn erase(&mut self) -> Result<()> {
        let (tables, number) = self.engine.next()?;
        if let Some(erasure) = self.chores.erasures.next(&tables, number)? {
            self.engine.commit(erasure.batch)?;
            self.chores.erasures.erased(erasure.entries, erasure.keys);
            if erasure.texts {
                self.shared.erased(clock::unix_ms());
            }
        }
        Ok(())
    }

    /// Looks for what is kept no longer, and makes one batch of that.
    fn sweep(&mut self) -> Result<()> {
        let (tables, number) = self.engine.next()?;
        let now_ms = clock::unix_ms();
        let expired = self.chores.sweep.next(&tables, now_ms)?;
        let mut draft = DraftBatch::new(number, now_ms);
        let before = BeforeBatch::new(&tables, &self.desk.recent).keeping(&self.desk.retention);
        let mut plan = Plan::new(before, &mut draft);
        for ExpiredBox { prefix, floor } in expired {
            plan.expire(prefix, floor)?;
        }
        match draft.finish(&tables) {
            Some(planned) => self.commit(planned, (tables, number), false),
            None => Ok(()),
        }
    }

    /// Writes what the thread that rewrites the files asks for, between two batches.
    pub(super) fn keep_up(&mut self) {
        while !self.desk.has_begun()
            && let Some((upkeep, reply)) = self.desk.upkeeps.pop_front()
        {
            self.answer_upkeep(upkeep, &reply);
        }
    }

    /// Writes a batch of upkeep. That may hang as any write may.
    fn answer_upkeep(&mut self, upkeep: Upkeep, reply: &UpkeepReply) {
        *self.shared.writing.lock() = Some(Instant::now());
        let written = catch_unwind(AssertUnwindSafe(|| self.write_upkeep(upkeep)));
        *self.shared.writing.lock() = None;
        let answer = written.unwrap_or_else(|_panic| {
            metrics::commit_failed();
            Err(self.engine.failed("the committing thread panicked", None))
        });
        if reply.send(answer).is_err() {
            tracing::trace!("the thread that rewrites the files has ended");
        }
    }

    fn write_upkeep(&mut self, upkeep: Upkeep) -> Result<()> {
        if let Some(refusal) = self.shared.refusal() {
            return Err(refusal);
        }
        let (tables, number) = self.engine.next()?;
        self.engine.commit(upkeep.batch(&tables, number, self.shared.erased_since()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Keep;

    #[test]
    fn a_long_sweep_keeps_nothing_else_back() {
        let keep = Keep::everything().age(Duration::from_secs(1));
        // All of it is due at the start, as nobody knows what an earlier start has left.
        let mut chores = Chores::new(Retention::new().inboxes(keep));
        let done: Vec<_> = (0..6).map(|_| chores.next_chore()).collect();
        let expected = [Chore::Sweep, Chore::Remove, Chore::Sweep, Chore::Erase, Chore::Sweep, Chore::Remove];
        assert_eq!(done, expected);
    }
}
