//! The task that speaks for this process to one shard.
//!
//! It sends steps and renewals, and does what follows from the answers:
//!
//! ```text
//!   turn: not in the shard? enter ──► all to be said again? recover ──► wait for what comes first
//!           ▲                                                             │ a renewal is due: renew
//!           │ the epoch or the lease was lost, in any answer              │ somebody doubts the epoch: renew
//!           └──────────── lose ◄──────────────────────────────────────────┤ there are steps: flush
//! ```
//!
//! How the process stands with the shard is a [`Stage`], whose table says what leads where; which
//! write waits for its answer is kept by [`Writes`], and when to renew by [`Renewals`].

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use presence_core::Error;
use presence_core::tracker::Millis;
use tokio::time::{Instant, sleep, sleep_until};

use super::answer::{Answer, Lost};
use super::ids::IdSpace;
use super::outbox::{Step, StepAnswer, StepKind};
use super::policy_watch::PolicyWatch;
use super::renewals::Renewals;
use super::scripts::{Reaped, Renewed, Scripts, Written};
use super::shard::{Registration, Shard};
use super::shared::Shared;
use super::space::Space;
use super::stage::Stage;
use super::writes::{Write, Writes};
use crate::connection::refusal;

/// The one who writes to a shard.
///
/// Being the only one, its calls have an order: a check that follows an arrival finds it.
#[derive(Debug)]
pub(super) struct ShardWriter<S: Space> {
    pub(super) shared: Arc<Shared<S>>,
    pub(super) number: usize,
    pub(super) stage: Stage,
    pub(super) writes: Writes<S>,
    renewals: Renewals,
    /// Counts the names of this process in the shard: one whose lease was lost is not used again.
    incarnation: u32,
    processes: Processes,
    /// Counts the renewals in a row at which there were steps to write.
    busy: u32,
    /// Counts the turns in a row that failed.
    failures: u32,
    policy: Option<PolicyWatch>,
    /// Whether it has run before: then a panic has ended that.
    ran: bool,
}

/// The processes of the shard, as it said last: they are waited for if it loses its data.
#[derive(Debug, Default)]
struct Processes {
    /// Names this list of them, so that only another one is sent.
    roster: String,
    names: Vec<String>,
}

impl<S: Space> ShardWriter<S> {
    pub(super) fn new(shared: Arc<Shared<S>>, number: usize) -> Self {
        // Outside a cluster all shards are on one server: one asks for all.
        let watches = S::KIND == IdSpace::KIND && (number == 0 || shared.link.is_cluster());
        Self {
            shared,
            number,
            stage: Stage::New,
            writes: Writes::new(),
            renewals: Renewals::new(Instant::now()),
            incarnation: 0,
            processes: Processes::default(),
            busy: 0,
            failures: 0,
            policy: watches.then(PolicyWatch::default),
            ran: false,
        }
    }

    /// Works until the backend is shut down, and then as long as it takes to say what is left.
    ///
    /// Begun again after a panic, of which nobody knows what it cut short, it says all again that
    /// is held here, and soon compares what redis has. It keeps its name: only under that can it
    /// take back what was written before. To a redis that has all of it nothing is new.
    pub(super) async fn run(&mut self) {
        if mem::replace(&mut self.ran, true) {
            self.start_over();
            self.busy = BUSY_MAX - 1;
        }
        let shared = Arc::clone(&self.shared);
        while !shared.closing.is_cancelled() {
            let turn = shared.closing.run_until_cancelled(Box::pin(self.turn())).await;
            if let Some(Err(error)) = turn {
                self.failed(&error);
                let pause =
                    crate::random::fraction() * RETRY.as_secs_f64() * f64::from(self.failures.min(10));
                shared.closing.run_until_cancelled(sleep(Duration::from_secs_f64(pause))).await;
            }
        }
        // A write that was cut short is said again, which is harmless.
        let rest = async {
            while self.flush_some().await? {}
            if let Some(registration) = self.registration()
                && let Answer::Lost(lost) = self.scripts().leave(&registration).await?
            {
                self.lose(lost);
            }
            Ok::<_, Error>(())
        };
        match tokio::time::timeout(shared.link.timeout(), rest).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(
                    space = S::KIND,
                    shard = self.number,
                    error = %format_args!("{error:#}"),
                    "presence was shut down before redis took all changes"
                );
            }
            Err(_) => {
                tracing::debug!(
                    space = S::KIND,
                    shard = self.number,
                    server = %self.shard().server(),
                    "presence was shut down before redis took all changes, as it did not answer in time"
                );
            }
        }
        self.shard().close();
    }

    async fn turn(&mut self) -> Result<(), Error> {
        if self.stage.registration().is_none() {
            self.enter().await?;
        }
        if self.stage.is_announcing() {
            self.recover().await?;
        }
        let shared = Arc::clone(&self.shared);
        tokio::select! {
            biased;
            () = sleep_until(self.renewals.due()) => self.renew().await?,
            () = shared.shards[self.number].doubted() => self.renew().await?,
            () = shared.tracker.ledger().work(self.number) => self.flush().await?,
        }
        self.failures = 0;
        Ok(())
    }

    /// Becomes one of the processes of the shard.
    async fn enter(&mut self) -> Result<(), Error> {
        let fresh = &crate::random::name()[..16];
        let process = self.shared.process(self.incarnation);
        let (sent, lost) = (self.now(), self.stage.lost_epoch().map(str::to_owned));
        let known = lost.as_deref().unwrap_or_default();
        let entered = self.scripts().enter(&process, fresh, known, &self.processes.names).await?;
        if lost.is_some_and(|lost| lost != entered.epoch) {
            let server = self.shard().server();
            // Of several masters each may lose its data.
            if self.shared.told.is_news(&format!("lost {server}"), Instant::now()) {
                tracing::warn!(
                    %server,
                    "redis lost its data or was replaced; writing again who is online here"
                );
            }
            tracing::debug!(space = S::KIND, shard = self.number, %server, "the data of a shard is lost");
        }
        let registration = Registration { epoch: entered.epoch, start: entered.start, process };
        self.stage.enter(registration.clone());
        self.renewals.entered(Instant::now(), self.shared.awake_clock.awake());
        self.shared.health.well(self.shard_id());
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
        let (ticket, here) = (self.idle_at(), self.shared.online_here(self.number));
        let Some(renewed) = self.renew_only().await? else { return Ok(()) };
        let quiet =
            ticket.is_some() && ticket == self.idle_at() && here == self.shared.online_here(self.number);
        self.busy = if quiet { 0 } else { self.busy + 1 };
        // While names come and go the counts say nothing; now and then they are compared name by
        // name all the same.
        let doubtful = quiet && here != renewed.held || self.busy == BUSY_MAX;
        if doubtful && !self.stage.is_announcing() {
            self.busy = 0;
            tracing::warn!(
                space = S::KIND,
                shard = self.number,
                server = %self.shard().server(),
                here,
                redis = renewed.held,
                "redis and this process disagree about how many names are online here; comparing them"
            );
            self.compare().await?;
        }
        self.follow_up(renewed).await
    }

    pub(super) async fn renew_only(&mut self) -> Result<Option<Renewed>, Error> {
        let Some(registration) = self.registration() else { return Ok(None) };
        let (sent, allowance) = (self.now(), self.allowance());
        let policy = self.policy.as_mut().is_some_and(PolicyWatch::asks);
        let roster = &self.processes.roster;
        let answer = self
            .scripts()
            .renew(&registration.epoch, &registration.process, roster, allowance, policy)
            .await?;
        let renewed = match answer {
            Answer::Told(renewed) => renewed,
            Answer::Lost(lost) => {
                self.lose(lost);
                return Ok(None);
            }
        };
        self.is_full(renewed.full.clone());
        if let Some(policy) = &renewed.policy {
            self.shared.warnings.note(self.number, self.shard().server(), policy);
        }
        self.renewals.answered(Instant::now(), self.shared.awake_clock.awake());
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
        if self.processes.roster != renewed.roster {
            self.processes = Processes { roster: renewed.roster, names: renewed.names };
        }
        for dead in renewed.overdue {
            self.reap(&dead).await?;
        }
        Ok(())
    }

    /// Lets the ids of another process go, whose lease is over.
    async fn reap(&mut self, dead: &str) -> Result<(), Error> {
        if self.shared.told.is_news(&format!("dead {dead}"), Instant::now()) {
            tracing::info!(
                server = %self.shard().server(),
                process = dead,
                "another process did not renew its lease in time; removing the names that it held"
            );
        }
        tracing::debug!(space = S::KIND, shard = self.number, process = dead, "freeing a shard of it");
        while let Some(registration) = self.registration() {
            if self.scripts().reap(&registration.epoch, dead, self.allowance()).await? == Reaped::Nothing {
                break;
            }
            // Arrivals and departures do not wait until all of a dead process is removed.
            self.flush_some().await?;
        }
        Ok(())
    }

    /// Writes all steps there are.
    async fn flush(&mut self) -> Result<(), Error> {
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
    pub(super) async fn flush_some(&mut self) -> Result<bool, Error> {
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
    fn is_full(&self, full: Option<Error>) {
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

    /// Starts over, with another name if it is the lease that was lost.
    pub(super) fn lose(&mut self, lost: Lost) {
        if lost == Lost::Lease {
            // Users of this process may have been seen to go and come, which nothing else explains.
            if self.shared.told.is_news("lease", Instant::now()) {
                tracing::warn!(
                    server = %self.shard().server(),
                    "this process did not renew its lease in time, so other processes may have reported \
                     those who are online here as offline; writing again who is online here"
                );
            }
            tracing::debug!(
                space = S::KIND,
                shard = self.number,
                server = %self.shard().server(),
                "the lease of a shard is lost"
            );
            self.incarnation += 1;
        }
        self.start_over();
    }

    fn start_over(&mut self) {
        self.stage.lose();
        self.put_back();
        self.shard().set_status(|status| status.registration = None);
        // What is in the outbox is written in the next epoch.
        self.shared.tracker.ledger().stir(self.number);
    }

    fn failed(&mut self, error: &Error) {
        if self.failures == 0 {
            tracing::debug!(
                space = S::KIND,
                shard = self.number,
                error = %format_args!("{error:#}"),
                "redis does not take changes; trying again"
            );
            self.shard().set_status(|status| status.outages += 1);
        }
        self.failures = self.failures.saturating_add(1);
        self.shared.health.failed(self.shard_id(), error);
        self.shard().failed(error);
        self.shared.tracker.ledger().stir(self.number);
    }

    /// Gives steps back to the outbox that were sent and not answered.
    fn put_back(&mut self) {
        if let Some(steps) = self.writes.end() {
            self.shared.tracker.ledger().outbox(self.number).put_back(steps);
        }
    }

    /// How much longer than its lease a process counts: for a while after a silence, as long as it
    /// may have been.
    fn allowance(&self) -> Duration {
        self.renewals.allowance(Instant::now())
    }

    /// The ticket of the last step, if all were taken.
    fn idle_at(&self) -> Option<u64> {
        let outbox = self.shared.tracker.ledger().outbox(self.number);
        (self.writes.is_idle() && outbox.is_empty()).then(|| outbox.last())
    }

    pub(super) fn registration(&self) -> Option<Registration> {
        self.stage.registration().cloned()
    }

    fn shard_id(&self) -> (&'static str, usize) {
        (S::KIND, self.number)
    }

    pub(super) fn shard(&self) -> &Shard {
        &self.shared.shards[self.number]
    }

    pub(super) fn scripts(&self) -> Scripts<'_, S> {
        self.shared.scripts(self.number)
    }

    fn now(&self) -> Millis {
        self.shared.tracker.clock().now()
    }

    /// Whether a renewal should not wait any longer.
    pub(super) fn is_due(&self) -> bool {
        self.renewals.is_due(Instant::now())
    }
}

fn recovering(left: Duration) -> Option<Instant> {
    (!left.is_zero()).then(|| Instant::now() + left)
}

/// How many steps go to Redis at once: about a millisecond of its time.
const STEPS_AT_ONCE: usize = 500;
/// After so many renewals in a row with steps to write, about 5 minutes, names are compared.
const BUSY_MAX: u32 = 750;
/// What a wait after a failure grows by, before the dice.
const RETRY: Duration = Duration::from_millis(50);
