//! The steps that a shard is told in batches, and what follows from its answers.

use std::sync::Arc;

use presence_core::Error;

use super::ShardWriter;
use crate::connection::refusal;
use crate::leases::answer::Answer;
use crate::leases::outbox::{Step, StepAnswer, StepKind};
use crate::leases::scripts::Written;
use crate::leases::space::Space;
use crate::leases::writes::Write;

impl<S: Space> ShardWriter<S> {
    /// Writes all steps there are.
    pub(super) async fn flush(&mut self) -> Result<(), Error> {
        while self.flush_some().await? {
            if self.is_due() {
                // There may be more: come back here after the renewal.
                self.shared.tracker.ledger().stir(self.number);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Writes one batch of steps, and says whether there was one.
    pub(in crate::leases) async fn flush_some(&mut self) -> Result<bool, Error> {
        let Some(registration) = self.registration() else { return Ok(false) };
        let shared = Arc::clone(&self.shared);
        if self.writes.is_idle() {
            let mut outbox = shared.tracker.ledger().outbox(self.number);
            let (steps, done) = (outbox.take(STEPS_AT_ONCE), outbox.done());
            drop(outbox);
            if steps.is_empty() {
                // All steps may have been folded away, so whoever waits for them is told that they
                // are done.
                self.shard().done(done);
                return Ok(false);
            }
            self.writes.begin(steps);
        }
        // The write stays in `writes` until it is answered, also if this future is dropped.
        let Some(Write { number, steps }) = self.writes.unanswered() else { return Ok(false) };
        let now = shared.tracker.clock().now();
        let anyway = shared.tracker.ledger().outbox(self.number).is_full();
        let written =
            match shared.scripts(self.number).write(&registration, *number, steps, now, anyway).await {
                Err(error) if refusal(&error) == Some("OOM") => {
                    // Redis refused the whole write. Departures are written again without the
                    // arrivals.
                    self.put_back();
                    self.is_full(Some(error));
                    return Ok(true);
                }
                written => written?,
            };
        match written {
            Answer::Told(written) => {
                let steps = self.writes.end().unwrap_or_default();
                self.written(&steps, written);
                Ok(true)
            }
            Answer::Lost(lost) => {
                self.lose(lost);
                Ok(false)
            }
        }
    }

    /// Notes whether Redis takes nothing that needs memory, and why.
    pub(super) fn is_full(&self, full: Option<Error>) {
        match &full {
            Some(error) => self.shared.health.failed(self.shard_id(), error),
            None => self.shared.health.well(self.shard_id()),
        }
        let ledger = self.shared.tracker.ledger();
        let more = ledger.outbox(self.number).set_full(full);
        if more {
            ledger.stir(self.number);
        }
    }

    fn written(&self, steps: &[Step<S>], written: Written) {
        let tracker = &self.shared.tracker;
        for (index, words) in written.answers {
            let Some(step) = steps.get(index) else { continue };
            let answer = match words.first().map(String::as_str) {
                Some("recovering") => StepAnswer::Recovering,
                // Redis cannot know names that are yet to be announced.
                Some("nobody") if self.stage.is_announcing() => StepAnswer::Recovering,
                Some("nobody") => StepAnswer::Nobody,
                _ => StepAnswer::Others(words),
            };
            if answer == StepAnswer::Nobody {
                // The name is not forgotten if it came back since. Redis has then heard of that in
                // the same call, or hears of it with the next one.
                let later = || steps[index + 1..].iter().any(|later| later.name == step.name);
                let is_coming = || later() || tracker.ledger().outbox(self.number).has(&step.name);
                self.shared.forget_if(&step.name, |online| online && !is_coming());
            }
            if let StepKind::Explicit(reply) | StepKind::Show { reply: Some(reply), .. } = &step.what {
                reply.answers.lock().push((reply.index, answer));
            }
        }
        for step in steps.iter().filter(|step| matches!(step.what, StepKind::Arrive { .. })) {
            tracker.settle(&step.name);
        }
        let done = tracker.ledger().outbox(self.number).done();
        let shard = self.shard();
        shard.hear(written.last);
        shard.done(done);
    }

    /// Gives steps back to the outbox that were sent and not answered.
    pub(super) fn put_back(&mut self) {
        if let Some(steps) = self.writes.end() {
            self.shared.tracker.ledger().outbox(self.number).put_back(steps);
        }
    }

    /// The ticket of the last step, if all were taken.
    pub(super) fn idle_at(&self) -> Option<u64> {
        let outbox = self.shared.tracker.ledger().outbox(self.number);
        (self.writes.is_idle() && outbox.is_empty()).then(|| outbox.last())
    }
}

/// How many steps go to Redis at once: about a millisecond of its time.
const STEPS_AT_ONCE: usize = 500;
