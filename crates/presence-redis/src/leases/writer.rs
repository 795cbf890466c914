//! The task that speaks for this process to one shard.
//!
//! It sends steps and renewals, and does what follows from the answers.

use std::sync::Arc;
use std::time::Duration;

use presence_core::Error;
use presence_core::tracker::Millis;
use tokio::time::{Instant, sleep, sleep_until};

use super::answer::Lost;
use super::config::Config;
use super::ids::IdSpace;
use super::outbox::{Step, StepAnswer, StepKind};
use super::scripts::{Reaped, Renewed, Scripts, Written};
use super::shard::{Registration, Shard};
use super::shared::Shared;
use super::space::Space;
use crate::connection::refusal;
use crate::policy::{self, EvictableKeys};

/// The one who writes to a shard.
///
/// Being the only one, its calls have an order: a check that follows an arrival finds it.
#[derive(Debug)]
pub(super) struct ShardWriter<S: Space> {
    pub(super) core: Arc<Shared<S>>,
    pub(super) number: usize,
    pub(super) registration: Option<Registration>,
    /// Whether all that is held here has to be said again.
    pub(super) to_announce: bool,
    /// What was known before the life was lost.
    known: LastRegistration,
    /// Counts the names of this process in the shard: one whose lease was lost is not used again.
    incarnation: u32,
    /// Counts the writes: one that a lost connection delivers late is told by its number.
    calls: u64,
    /// Steps that were sent and not answered yet. They are sent again as they were, with their
    /// number, so that Redis takes them once.
    pub(super) unanswered: Option<(u64, Vec<Step<S>>)>,
    next_renewal: Instant,
    /// When Redis answered last, by the time that this process was awake for.
    answered: Duration,
    /// Counts the renewals in a row at which there were steps to write.
    busy: u32,
    /// Until when leases count for longer.
    allowed: Instant,
    failures: u32,
    /// Counts the renewals since the server's policy was asked for, and whether it was found to do
    /// harm.
    unadvised: u32,
    warned: bool,
}

#[derive(Debug, Default)]
struct LastRegistration {
    epoch: String,
    roster: String,
    names: Vec<String>,
}

impl<S: Space> ShardWriter<S> {
    pub(super) fn new(core: Arc<Shared<S>>, number: usize) -> Self {
        let now = Instant::now();
        Self {
            core,
            number,
            registration: None,
            to_announce: false,
            known: LastRegistration::default(),
            incarnation: 0,
            calls: 0,
            unanswered: None,
            next_renewal: now,
            answered: Duration::ZERO,
            busy: 0,
            allowed: now,
            failures: 0,
            unadvised: 0,
            warned: false,
        }
    }

    /// Works until the backend is shut down, and then as long as it takes to say what is left.
    pub(super) async fn run(mut self) {
        let core = Arc::clone(&self.core);
        while !core.closing.is_cancelled() {
            let turn = core.closing.run_until_cancelled(Box::pin(self.turn())).await;
            if let Some(Err(error)) = turn {
                self.failed(&error);
                let pause =
                    crate::random::fraction() * RETRY.as_secs_f64() * f64::from(self.failures.min(10));
                core.closing.run_until_cancelled(sleep(Duration::from_secs_f64(pause))).await;
            }
        }
        // A write that was cut short is said again, which is harmless.
        let rest = async {
            while self.flush_some().await? {}
            if let Some(registration) = self.registration.clone()
                && let Err(lost) = self.scripts().leave(&registration).await?
            {
                self.lose(lost);
            }
            Ok::<_, Error>(())
        };
        match tokio::time::timeout(core.link.timeout(), rest).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(
                    space = S::KIND,
                    shard = self.number,
                    %error,
                    "presence was shut down before redis took all changes"
                );
            }
            Err(_) => {
                tracing::debug!(
                    space = S::KIND,
                    shard = self.number,
                    "presence was shut down before redis took all changes, as it did not answer in time"
                );
            }
        }
        self.shard().close();
    }

    async fn turn(&mut self) -> Result<(), Error> {
        if self.registration.is_none() {
            self.enter().await?;
        }
        if self.to_announce {
            self.recover().await?;
        }
        let core = Arc::clone(&self.core);
        tokio::select! {
            biased;
            () = sleep_until(self.next_renewal) => self.renew().await?,
            () = core.shards[self.number].doubted() => self.renew().await?,
            () = core.tracker.ledger().work(self.number) => self.flush().await?,
        }
        self.failures = 0;
        Ok(())
    }

    /// Becomes one of the processes of the shard.
    async fn enter(&mut self) -> Result<(), Error> {
        let fresh = &crate::random::name()[..16];
        let process = self.core.process(self.incarnation);
        let sent = self.now();
        let entered = self.scripts().enter(&process, fresh, &self.known.epoch, &self.known.names).await?;
        let first = self.known.epoch.is_empty();
        if !first && entered.epoch != self.known.epoch {
            tracing::warn!(
                space = S::KIND,
                shard = self.number,
                "redis lost its data or was replaced; writing again who is online here"
            );
        }
        self.to_announce |= !first;
        self.known.epoch.clone_from(&entered.epoch);
        let registration = Registration { epoch: entered.epoch, start: entered.start, process };
        self.registration = Some(registration.clone());
        self.answered = self.core.awake_clock.awake();
        self.next_renewal = Instant::now() + Config::RENEWAL;
        self.core.health.well(self.place());
        let shard = self.shard();
        shard.renew(sent);
        shard.hear(entered.last);
        shard.set_status(|status| {
            status.registration = Some(registration);
            status.recovering = recovering(entered.recovering);
            status.renewals += 1;
        });
        Ok(())
    }

    /// Renews the lease, and does what the answer asks for.
    pub(super) async fn renew(&mut self) -> Result<(), Error> {
        let (ticket, here) = (self.idle_at(), self.core.online_here(self.number));
        let Some(renewed) = self.renew_only().await? else { return Ok(()) };
        let quiet =
            ticket.is_some() && ticket == self.idle_at() && here == self.core.online_here(self.number);
        self.busy = if quiet { 0 } else { self.busy + 1 };
        // While names come and go the counts say nothing; now and then they are compared name by
        // name all the same.
        let doubtful = quiet && here != renewed.held || self.busy == BUSY_MAX;
        if doubtful && !self.to_announce {
            self.busy = 0;
            tracing::warn!(
                space = S::KIND,
                shard = self.number,
                here,
                redis = renewed.held,
                "redis and this process disagree about how many names are online here; comparing them"
            );
            self.compare().await?;
        }
        self.follow_up(renewed).await
    }

    pub(super) async fn renew_only(&mut self) -> Result<Option<Renewed>, Error> {
        let Some(registration) = self.registration.clone() else { return Ok(None) };
        let (sent, allowance) = (self.now(), self.allowance());
        let policy = self.asks_for_policy();
        let roster = &self.known.roster;
        let answer = self
            .scripts()
            .renew(&registration.epoch, &registration.process, roster, allowance, policy)
            .await?;
        let renewed = match answer {
            Ok(renewed) => renewed,
            Err(lost) => {
                self.lose(lost);
                return Ok(None);
            }
        };
        self.is_full(renewed.full.clone());
        self.advise(renewed.policy.as_deref());
        self.answer_came();
        let (shard, allowance) = (self.shard(), self.allowance());
        shard.renew(sent);
        shard.hear(renewed.last);
        shard.set_status(|status| {
            status.registration = Some(registration);
            status.recovering = recovering(renewed.recovering);
            status.allowance = allowance;
            status.renewals += 1;
        });
        Ok(Some(renewed))
    }

    async fn follow_up(&mut self, renewed: Renewed) -> Result<(), Error> {
        if self.known.roster != renewed.roster {
            self.known.roster = renewed.roster;
            self.known.names = renewed.names;
        }
        for dead in renewed.overdue {
            self.reap(&dead).await?;
        }
        Ok(())
    }

    /// Lets the ids of another process go, whose lease is over.
    async fn reap(&mut self, dead: &str) -> Result<(), Error> {
        tracing::info!(
            space = S::KIND,
            shard = self.number,
            process = dead,
            "another process did not renew its lease in time; removing the names that it held"
        );
        while let Some(registration) = self.registration.clone() {
            if self.scripts().reap(&registration.epoch, dead, self.allowance()).await? == Reaped::Nothing {
                break;
            }
            // Who comes and goes does not wait for it.
            self.flush_some().await?;
        }
        Ok(())
    }

    /// Writes all steps there are.
    async fn flush(&mut self) -> Result<(), Error> {
        while self.flush_some().await? {
            if self.next_renewal <= Instant::now() {
                // There may be more: come back here after the renewal.
                self.core.tracker.ledger().stir(self.number);
                return Ok(());
            }
        }
        Ok(())
    }

    /// Writes one batch of steps, and says whether there was one.
    pub(super) async fn flush_some(&mut self) -> Result<bool, Error> {
        let Some(registration) = self.registration.clone() else { return Ok(false) };
        let core = Arc::clone(&self.core);
        let (number, steps) = if let Some(unanswered) = self.unanswered.take() {
            unanswered
        } else {
            let mut outbox = core.tracker.ledger().outbox(self.number);
            let (steps, done) = (outbox.take(STEPS_AT_ONCE), outbox.done());
            drop(outbox);
            if steps.is_empty() {
                // What there was may have been folded away.
                self.shard().done(done);
                return Ok(false);
            }
            (self.next_call(), steps)
        };
        // Kept also if this future is dropped.
        let (number, steps) = self.unanswered.insert((number, steps));
        let now = core.tracker.clock().now();
        let anyway = core.tracker.ledger().outbox(self.number).is_full();
        let written = match core.scripts(self.number).write(&registration, *number, steps, now, anyway).await
        {
            Err(error) if refusal(&error) == Some("OOM") => {
                // Refused whole. Those who leave go on without those who come.
                if let Some((_, steps)) = self.unanswered.take() {
                    core.tracker.ledger().outbox(self.number).put_back(steps);
                }
                self.is_full(Some(error));
                return Ok(true);
            }
            written => written?,
        };
        match written {
            Ok(written) => {
                let (_, steps) = self.unanswered.take().unwrap_or_default();
                self.written(&steps, written);
                Ok(true)
            }
            Err(lost) => {
                self.lose(lost);
                Ok(false)
            }
        }
    }

    /// Notes whether Redis takes nothing that needs memory, and why.
    fn is_full(&self, full: Option<Error>) {
        match &full {
            Some(error) => self.core.health.failed(self.place(), error),
            None => self.core.health.well(self.place()),
        }
        let ledger = self.core.tracker.ledger();
        let more = ledger.outbox(self.number).set_full(full);
        if more {
            ledger.stir(self.number);
        }
    }

    /// Says once what about the server will do harm, and once that it is over.
    fn advise(&mut self, policy: Option<&str>) {
        let Some(policy) = policy else { return };
        let harmful = policy::harm(policy, EvictableKeys::AllButMail);
        if harmful.is_some() != self.warned {
            self.warned = harmful.is_some();
            match harmful {
                Some(harm) => tracing::warn!(shard = self.number, "{harm}"),
                None => {
                    tracing::info!(
                        shard = self.number,
                        policy,
                        "redis no longer removes keys of presence when its memory is full"
                    );
                }
            }
        }
    }

    /// Whether the next renewal asks for the policy of the server: now and then, and once for all
    /// shards of one server.
    fn asks_for_policy(&mut self) -> bool {
        if S::KIND != IdSpace::KIND || self.number > 0 && !self.core.link.is_cluster() {
            return false;
        }
        self.unadvised = (self.unadvised + 1) % ADVISED_EVERY;
        self.unadvised == 1
    }

    fn written(&self, steps: &[Step<S>], written: Written) {
        let tracker = &self.core.tracker;
        for (place, words) in written.answers {
            let Some(step) = steps.get(place) else { continue };
            let answer = match words.first().map(String::as_str) {
                Some("recovering") => StepAnswer::Recovering,
                // Of what is yet to be announced Redis cannot know.
                Some("nobody") if self.to_announce => StepAnswer::Recovering,
                Some("nobody") => StepAnswer::Nobody,
                _ => StepAnswer::Others(words),
            };
            if answer == StepAnswer::Nobody {
                // Unless it came back since: then Redis has heard of it in the same call, or hears
                // of it next.
                let later = || steps[place + 1..].iter().any(|later| later.name == step.name);
                let is_coming = || later() || tracker.ledger().outbox(self.number).has(&step.name);
                self.core.forget_if(&step.name, |online| online && !is_coming());
            }
            if let StepKind::Explicit(reply) | StepKind::Show { reply: Some(reply), .. } = &step.what {
                reply.answers.lock().push((reply.place, answer));
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

    /// Starts over, with another name if it is the lease that was lost.
    pub(super) fn lose(&mut self, lost: Lost) {
        if lost == Lost::Lease {
            tracing::debug!(
                space = S::KIND,
                shard = self.number,
                "this process could not renew its lease in time; writing again who is online here"
            );
            self.incarnation += 1;
            self.to_announce = true;
        }
        self.registration = None;
        if let Some((_, steps)) = self.unanswered.take() {
            self.core.tracker.ledger().outbox(self.number).put_back(steps);
        }
        self.shard().set_status(|status| status.registration = None);
        // What is in the outbox is written in the next life.
        self.core.tracker.ledger().stir(self.number);
    }

    fn failed(&mut self, error: &Error) {
        if self.failures == 0 {
            tracing::debug!(
                space = S::KIND,
                shard = self.number,
                %error,
                source = ?std::error::Error::source(error),
                "redis does not take changes; trying again"
            );
            self.shard().set_status(|status| status.outages += 1);
        }
        self.failures = self.failures.saturating_add(1);
        self.core.health.failed(self.place(), error);
        self.shard().failed(error);
        self.core.tracker.ledger().stir(self.number);
    }

    fn answer_came(&mut self) {
        let (now, awake) = (Instant::now(), self.core.awake_clock.awake());
        let silence = awake.saturating_sub(self.answered);
        self.answered = awake;
        self.next_renewal = now + Config::RENEWAL;
        if silence > SILENCE {
            // Nobody could renew meanwhile: the others get time to do so.
            self.allowed = now + silence.max(SILENCE);
        }
    }

    /// How much longer than its lease a process counts: for a while after a silence, as long as it
    /// may have been.
    fn allowance(&self) -> Duration {
        if Instant::now() < self.allowed { FOREVER } else { Duration::ZERO }
    }

    /// The ticket of the last step, if all were taken.
    fn idle_at(&self) -> Option<u64> {
        let outbox = self.core.tracker.ledger().outbox(self.number);
        (self.unanswered.is_none() && outbox.is_empty()).then(|| outbox.last())
    }

    pub(super) fn next_call(&mut self) -> u64 {
        self.calls += 1;
        self.calls
    }

    fn place(&self) -> (&'static str, usize) {
        (S::KIND, self.number)
    }

    pub(super) fn shard(&self) -> &Shard {
        &self.core.shards[self.number]
    }

    pub(super) fn scripts(&self) -> Scripts<'_, S> {
        self.core.scripts(self.number)
    }

    fn now(&self) -> Millis {
        self.core.tracker.clock().now()
    }

    /// Whether a renewal should not wait any longer.
    pub(super) fn is_due(&self) -> bool {
        self.next_renewal <= Instant::now()
    }
}

fn recovering(left: Duration) -> Option<Instant> {
    (!left.is_zero()).then(|| Instant::now() + left)
}

/// How many steps go to Redis at once: about a millisecond of its time.
const STEPS_AT_ONCE: usize = 500;
/// After so many renewals in a row with steps to write, about 5 minutes, names are compared.
const BUSY_MAX: u32 = 750;
/// At every which renewal the server is asked for its policy: every 2 s.
const ADVISED_EVERY: u32 = 5;
/// What a wait after a failure grows by, before the dice.
const RETRY: Duration = Duration::from_millis(50);
/// From how long a silence on it is taken that others were not heard either.
const SILENCE: Duration = Duration::from_millis(1_200);
/// Longer than any lease.
const FOREVER: Duration = Duration::from_secs(365 * 24 * 3 * 60 * 60);
