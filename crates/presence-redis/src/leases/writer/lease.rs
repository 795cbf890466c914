//! The lease in a shard: a process enters, renews, and removes those who did not.

use std::time::Duration;

use presence_core::Error;
use tokio::time::Instant;

use super::ShardWriter;
use crate::leases::answer::Answer;
use crate::leases::policy_watch::PolicyWatch;
use crate::leases::scripts::{Reaped, Renewed};
use crate::leases::shard::Registration;
use crate::leases::space::Space;

/// The processes of the shard, as it said last: they are waited for if it loses its data.
#[derive(Debug, Default)]
pub(super) struct Processes {
    /// Names this list of them, so that only another one is sent.
    roster: String,
    names: Vec<String>,
}

impl<S: Space> ShardWriter<S> {
    /// Becomes one of the processes of the shard.
    pub(super) async fn enter(&mut self) -> Result<(), Error> {
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
    pub(in crate::leases) async fn renew(&mut self) -> Result<(), Error> {
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

    pub(in crate::leases) async fn renew_only(&mut self) -> Result<Option<Renewed>, Error> {
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

    /// How much longer than its lease a process counts: for a while after a silence, as long as it
    /// may have been.
    fn allowance(&self) -> Duration {
        self.renewals.allowance(Instant::now())
    }
}

fn recovering(left: Duration) -> Option<Instant> {
    (!left.is_zero()).then(|| Instant::now() + left)
}

/// After so many renewals in a row with steps to write, about 5 minutes, names are compared.
pub(super) const BUSY_MAX: u32 = 750;
