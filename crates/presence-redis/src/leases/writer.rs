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

mod lease;
mod steps;

use std::mem;
use std::sync::Arc;
use std::time::Duration;

use presence_core::Error;
use presence_core::tracker::Millis;
use tokio::time::{Instant, sleep, sleep_until};

use self::lease::{BUSY_MAX, Processes};
use super::answer::{Answer, Lost};
use super::ids::IdSpace;
use super::policy_watch::PolicyWatch;
use super::renewals::Renewals;
use super::scripts::Scripts;
use super::shard::{Registration, Shard};
use super::shared::Shared;
use super::space::Space;
use super::stage::Stage;
use super::writes::Writes;

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

/// What a wait after a failure grows by, before the dice.
const RETRY: Duration = Duration::from_millis(50);
